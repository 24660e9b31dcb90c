// The page's side of load.mjs: does one task { way, nPrompt, nCtx } and tells { readyMs, firstMs, ... }, from the click on.
import { keptFile, load } from "/sotto/index.js";

const MODEL = new URL("/model.gguf", location.href).href;
const WORDS = "time year people way day man thing woman life child world school state family student group country".split(" ");

const promptOf = (nTokens, begin = 0) => Array.from({ length: nTokens }, (_, i) => 300 + ((begin + i * 37) % 4000));

// Milliseconds to the first token.
async function prefill(model, prompt) {
  const began = performance.now();
  const stream = await model.completions.create({ prompt, temperature: 0, max_tokens: 2, stream: true });
  for await (const _ of stream) break;
  return performance.now() - began;
}

// Ready means: all weights are there. The last prefill is that of a warm model.
async function loadWhole(source, { nPrompt, nCtx }) {
  const began = performance.now();
  const model = await load(source, { nThreads: 1, nCtx });
  const readyMs = performance.now() - began;
  const firstMs = readyMs + await prefill(model, promptOf(nPrompt));
  const warmPrefillMs = await prefill(model, promptOf(nPrompt, 1));
  return end(model, { readyMs, firstMs, warmPrefillMs });
}

function end(model, times) {
  const { storage } = model.info;
  model.close();
  return { ...times, storage };
}

const ways = {
  async fetch() {
    const began = performance.now();
    const reader = (await fetch(MODEL, { cache: "no-store" })).body.getReader();
    while (!(await reader.read()).done);
    return { readyMs: performance.now() - began };
  },

  // The prompt is computed while the weights arrive.
  async sotto({ nPrompt, nCtx }) {
    const began = performance.now();
    const model = await load(MODEL, { nThreads: 1, nCtx, early: true });
    const ready = model.ready.then(() => performance.now());
    const opensMs = performance.now() - began;
    const firstMs = opensMs + await prefill(model, promptOf(nPrompt));
    return end(model, { firstMs, readyMs: await ready - began });
  },

  kept: (task) => loadWhole(MODEL, task),
  file: async (task) => loadWhole(await keptFile(MODEL), task),
  stream: async (task) => loadWhole((await fetch(MODEL, { cache: "no-store" })).body, task),

  // wllama takes texts, not tokens: each of these words is one token or two.
  async wllama({ nPrompt }) {
    const { Wllama } = await import("/wllama/index.js");
    const engine = new Wllama({ default: "/wllama/wasm/wllama.wasm" }, { suppressNativeLog: true });
    const began = performance.now();
    await engine.loadModelFromUrl(MODEL, { n_threads: 1, n_gpu_layers: 0, n_ctx: 2 * nPrompt, n_parallel: 1, useCache: false });
    const readyMs = performance.now() - began;
    const prompt = Array.from({ length: nPrompt }, (_, i) => WORDS[(i * 7) % WORDS.length]).join(" ");
    await engine.createCompletion({ prompt, max_tokens: 1, temperature: 0, ignore_eos: true, stream: false });
    const firstMs = performance.now() - began;
    await engine.exit();
    return { readyMs, firstMs };
  },
};

const task = await (await fetch("/task")).json();
const result = await ways[task.way](task).catch((error) => ({ error: String(error.stack ?? error) }));
await fetch("/result", { method: "POST", body: JSON.stringify(result) });
