// The page's side of engines.mjs: globalThis.measure(engine, url, plan) -> { prefill, decode }, each with its median, and
// globalThis.streaming() -> GB/s.
import { streamingRead } from "./stream.js";

const SPARE_TOKENS = 64;

const engines = {
  async sotto(url, plan) {
    const { load } = await import("/sotto/index.js");
    const nCtx = plan.prompt + plan.new + plan.depth + SPARE_TOKENS;
    const model = await load(url, { nThreads: 1, nCtx });
    try {
      return await model.bench({ ...plan, runs: 1 });
    } finally {
      model.close();
    }
  },

  // wllama takes texts, not tokens: each of these words is one token or two, and it tells how many there were.
  async wllama(url, plan) {
    const { Wllama } = await import("/wllama/index.js");
    const engine = new Wllama({ default: "/wllama/wasm/wllama.wasm" }, { suppressNativeLog: true });
    await engine.loadModelFromUrl(url, {
      n_threads: 1, n_gpu_layers: 0, n_ctx: plan.prompt + plan.new + plan.depth + 4 * SPARE_TOKENS, n_parallel: 1, useCache: false,
    });
    try {
      const words = Array.from({ length: plan.prompt + plan.depth }, (_, i) => WORDS[(i * 7) % WORDS.length]);
      const ask = (n) => engine.createCompletion({
        prompt: words.slice(0, n).join(" "), max_tokens: plan.new, temperature: 0, ignore_eos: true, cache_prompt: false, stream: false,
      });
      await ask(8);
      const { timings } = await ask(words.length);
      return { prefill: { median: timings.prompt_per_second }, decode: { median: timings.predicted_per_second } };
    } finally {
      await engine.exit();
    }
  },
};

const WORDS = "time year people way day man thing woman life child world school state family student group country problem".split(" ");

globalThis.measure = (engine, url, plan) => engines[engine](url, plan);
globalThis.streaming = async () => streamingRead(await WebAssembly.compileStreaming(fetch("/bench/kernels.wasm")));
