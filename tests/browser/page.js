// The page's side of run.mjs: globalThis.runCase(name), with the package as a page imports it.

import { estimate, forget, importFile, kept, keptFile, load } from "/sotto/index.js";
import { cases, runCase } from "./cases.js";
import { importCases } from "./import-cases.js";
import { keepCases } from "./keep-cases.js";
import { killCases } from "./kill-cases.js";

Object.assign(cases, importCases, keepCases, killCases);
const modelUrl = new URL("/models/SmolLM2-135M-Instruct.Q4_1.gguf", location.href).href;
const context = { estimate, forget, importFile, kept, keptFile, load, modelUrl };

globalThis.runCase = (name) => runCase(context, name);
