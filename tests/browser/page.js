// The page's side of run.mjs: globalThis.runCase(name, given), with the package as a page imports it.

import { estimate, forget, importFile, kept, keptFile, load } from "/sotto/index.js";
import { cases, runCase } from "./cases.js";
import { faultCases } from "./fault-cases.js";
import { importCases } from "./import-cases.js";
import { keepCases } from "./keep-cases.js";
import { killCases } from "./kill-cases.js";

Object.assign(cases, faultCases, importCases, keepCases, killCases);
const modelUrl = new URL("/models/SmolLM2-135M-Instruct.Q4_1.gguf", location.href).href;
const context = { estimate, forget, importFile, kept, keptFile, load, modelUrl };

globalThis.runCase = (name, given) => runCase(context, name, given);

// Does what the driver says (openWebKitWithProfile of drivers.mjs).
async function obey(driver) {
  for (;;) {
    const { url, name, given } = await (await fetch(driver)).json();
    if (url) return void (location.href = url);
    await fetch(driver, { method: "POST", body: JSON.stringify(await globalThis.runCase(name, given)) });
  }
}

const driver = new URLSearchParams(location.search).get("driver");
if (driver) obey(driver);
