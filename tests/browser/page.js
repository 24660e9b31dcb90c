// The page's side of run.mjs: globalThis.runCase(name), with the package as a page imports it.

import { load } from "/sotto/index.js";
import { runCase } from "./cases.js";

const context = { load, modelUrl: new URL("/models/SmolLM2-135M-Instruct.Q4_1.gguf", location.href).href };

globalThis.runCase = (name) => runCase(context, name);
