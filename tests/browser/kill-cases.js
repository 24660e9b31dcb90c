// The page's side of kills.mjs: a load that may be killed at any moment, and what is there in the end.

const MODEL = () => new URL("/model.gguf", location.href).href;
const TOKENS = [1, 2, 3, 1000];

const hexOf = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
const hashOf = async (bytes) => hexOf(await crypto.subtle.digest("SHA-256", bytes));

async function loadWhole({ load, keptFile, forget }, options) {
  const model = await load(MODEL(), { nCtx: 64, nThreads: 1, ...options });
  const logits = await model.logits(TOKENS); // of an early model: several ranges are open while they wait
  await model.ready;
  model.close();
  const kept = await (await keptFile(MODEL())).arrayBuffer();
  await forget(MODEL());
  return { logits: await hashOf(logits), file: await hashOf(kept) };
}

let killing;

export const killCases = {
  "load": (context) => loadWhole(context, { signal: (killing = new AbortController()).signal }),
  "load early": (context) => loadWhole(context, { early: true, signal: (killing = new AbortController()).signal }),
  "kill the workers": () => killing.abort(),
};
