// The page's side of run.mjs: globalThis.runCase(name), with the package as a page imports it.

import { forget, kept, load } from "/sotto/index.js";
import { cases, runCase } from "./cases.js";
import { keepCases } from "./keep-cases.js";

Object.assign(cases, keepCases);
const context = { load, kept, forget, modelUrl: new URL("/models/SmolLM2-135M-Instruct.Q4_1.gguf", location.href).href };

globalThis.runCase = (name) => runCase(context, name);
