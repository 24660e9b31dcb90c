// The page's side of embed.mjs: globalThis.open(kind, model), globalThis.embed(kind, model, texts) -> { seconds, rows }, one
// text after another, one thread each, and globalThis.tokenize(kind, model, texts) -> token ids. Both engines get texts and
// give vectors of length 1.
import { load } from "/sotto/index.js";
import { env, pipeline } from "/transformers/transformers.min.js";

const N_CTX = 512; // what the model has positions for

env.allowRemoteModels = false;
env.allowLocalModels = true;
env.localModelPath = "/onnx/";
env.useBrowserCache = false;
env.backends.onnx.wasm.wasmPaths = "/ort/";
env.backends.onnx.wasm.numThreads = 1;

const openers = {
  async sotto(name) {
    const model = await load(new URL(`/gguf/${name}`, location.href).href, { nThreads: 1, nCtx: N_CTX, keep: false });
    return {
      embed: async (text) => (await model.embeddings.create({ input: text })).data[0].embedding,
      tokenize: (text) => model.tokenize(text, { bos: true }),
    };
  },

  async transformers(dtype) {
    const extract = await pipeline("feature-extraction", "minilm", { device: "wasm", dtype });
    return {
      embed: async (text) => Array.from((await extract(text, { pooling: "mean", normalize: true })).data),
      tokenize: (text) => extract.tokenizer.encode(text),
    };
  },
};

const opened = new Map();

globalThis.open = async (kind, model) => {
  opened.set(`${kind} ${model}`, await openers[kind](model));
};

globalThis.embed = async (kind, model, texts) => {
  const { embed } = opened.get(`${kind} ${model}`);
  const began = performance.now();
  const rows = [];
  for (const text of texts) rows.push(await embed(text));
  return { seconds: (performance.now() - began) / 1e3, rows };
};

globalThis.tokenize = async (kind, model, texts) => {
  const { tokenize } = opened.get(`${kind} ${model}`);
  return Promise.all(texts.map(tokenize));
};

globalThis.isOpen = true;
