// The page's side of load.mjs: globalThis.measureLoad(way, nPrompt) -> { readyMs, firstMs, ... }, from the click on.

const MODEL = new URL("/model.gguf", location.href).href;
const SPARE_TOKENS = 64;
const WORDS = "time year people way day man thing woman life child world school state family student group country".split(" ");

const promptOf = (nTokens) => Array.from({ length: nTokens }, (_, i) => 300 + ((i * 37) % 4000));

async function firstToken(model, nPrompt) {
  const stream = await model.completions.create({ prompt: promptOf(nPrompt), temperature: 0, max_tokens: 2, stream: true });
  for await (const _ of stream) break;
  return performance.now();
}

const ways = {
  async fetch() {
    const began = performance.now();
    const reader = (await fetch(MODEL, { cache: "no-store" })).body.getReader();
    while (!(await reader.read()).done);
    return { readyMs: performance.now() - began };
  },

  // The prompt is computed while the weights arrive.
  async sotto(nPrompt) {
    const { load } = await import("/sotto/index.js");
    const began = performance.now();
    const model = await load(MODEL, { nThreads: 1, nCtx: nPrompt + SPARE_TOKENS, early: true });
    const ready = model.ready.then(() => performance.now());
    const firstAt = await firstToken(model, nPrompt);
    return report(model, { firstMs: firstAt - began, readyMs: await ready - began });
  },

  // Ready means: all weights are there. The prefill that follows is that of a warm model.
  async kept(nPrompt) {
    const { load } = await import("/sotto/index.js");
    const began = performance.now();
    const model = await load(MODEL, { nThreads: 1, nCtx: nPrompt + SPARE_TOKENS });
    const loadedAt = performance.now();
    const firstAt = await firstToken(model, nPrompt);
    return report(model, { readyMs: loadedAt - began, firstMs: firstAt - began, warmPrefillMs: firstAt - loadedAt });
  },

  // wllama takes texts, not tokens: each of these words is one token or two.
  async wllama(nPrompt) {
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

function report(model, times) {
  const { memoryBytes, weightBytes, storage } = model.info;
  model.close();
  return { ...times, storage, kvBytes: Math.max(0, memoryBytes - weightBytes) };
}

globalThis.measureLoad = (way, nPrompt) => ways[way](nPrompt);
