// The page's side of kills.mjs: a load that may be killed at any moment, in a browser `without` some of its storages, and
// what is there in the end.

import { optionsOf } from "./keep-cases.js";

const MODEL = () => new URL("/model.gguf", location.href).href;
const TOKENS = [1, 2, 3, 1000];

const hexOf = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
const hashOf = async (bytes) => hexOf(await crypto.subtle.digest("SHA-256", bytes));

let killing;

async function loadWhole({ load, keptFile, forget }, given, how) {
  killing = new AbortController();
  const model = await load(MODEL(), { ...optionsOf(given), ...how, signal: killing.signal });
  const logits = await model.logits(TOKENS); // of an early model: several ranges are open while they wait
  await model.ready;
  const { storage } = model.info;
  model.close();
  const kept = await (await keptFile(MODEL())).arrayBuffer();
  await forget(MODEL());
  return { storage, logits: await hashOf(logits), file: await hashOf(kept) };
}

export const killCases = {
  "load": (context, given) => loadWhole(context, given),
  "load early": (context, given) => loadWhole(context, given, { early: true }),
  "kill the workers": () => killing.abort(),
};
