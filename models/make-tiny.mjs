// make-tiny.mjs: tiny models of our own with random weights, the same in each run: so many that each flag of the graph
// (src/model.h) is in one of them, in the ways that real files have it. tests/golden/families.vec holds what llama.cpp
// says of them. `node models/make-tiny.mjs FOLDER` writes them all.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { serialise, value } from "./gguf.mjs";

export const N_VOCAB = 32;
const N_CTX = 64;
const F32 = 0;

// What a model is made of when its entry below says nothing else.
const DEFAULTS = {
  nLayers: 2, nEmbd: 32, nHeads: 4, nKvHeads: 2, nFf: 48,
  headDim: null,        // nEmbd / nHeads; another one gets a key
  ropeDims: null,       // headDim
  norm: "rms",          // "layer", "plain"
  norms: "before",      // "around", "after"
  biases: "none",       // "qkv", "norms", "all"
  qkNorm: null,         // "head", "heads", "row"
  ffn: "gated",         // "fused", "plain"
  ffnNorm: "ffn_norm",  // null: there is none
  isQkvFused: false, hasHead: true, hasHeadBias: false, hasPositions: false, hasEmbeddingNorm: false,
  hasSinks: false,
  keys: {},             // name (without the architecture) -> value
  extra: [],            // further vectors: [name, length]
};

const { u32, f32, bool, string, i32s, bools } = value;
const LAYER_NORM = { norm: "layer", biases: "all", ffn: "plain" };
const yarn = { "rope.scaling.type": string("yarn"), "rope.scaling.factor": f32(4), "rope.freq_base": f32(100),
  "rope.scaling.original_context_length": u32(16) };
const longRope = [["rope_factors_long.weight", 4], ["rope_factors_short.weight", 4]];

/** name -> what it is made of. The name is the architecture's, and more after a colon. */
export const MODELS = {
  "llama": { headDim: 16, extra: [["rope_freqs.weight", 8]], hasHead: false },
  "llama:biases": { biases: "all", isQkvFused: true,
    extra: [["blk.0.attn_output.scale", 1], ["blk.1.attn_qkv.scale", 1]] },
  "llama:linear": { keys: { "rope.scaling.type": string("linear"), "rope.scaling.factor": f32(4) } },
  "llama:yarn": { headDim: 16, keys: yarn },
  "llama:short": { extra: longRope, keys: { "rope.scaling.type": string("longrope"),
    "rope.scaling.attn_factor": f32(1.2), "rope.scaling.original_context_length": u32(100000) } },
  "mistral3": { headDim: 16, keys: { ...yarn, "attention.temperature_scale": f32(0.3),
    "rope.scaling.yarn_log_multiplier": f32(0.5), "rope.scaling.original_context_length": u32(30),
    "rope.scaling.yarn_beta_fast": f32(1), "rope.scaling.yarn_beta_slow": f32(0.25) } },
  "qwen2": { biases: "qkv", hasHeadBias: true },
  "qwen3": { headDim: 16, qkNorm: "head", hasHead: false },
  "gemma": { headDim: 16, hasHead: false },
  "gemma2": { norms: "around", hasHead: false, keys: { "attention.sliding_window": u32(9),
    "attn_logit_softcapping": f32(3), "final_logit_softcapping": f32(5) } },
  "gemma3": { nLayers: 3, norms: "around", qkNorm: "head", hasHead: false, keys: { "attention.sliding_window": u32(9),
    "attention.sliding_window_pattern": bools([true, false, true]), "rope.freq_base": f32(1e6),
    "rope.scaling.factor": f32(8) } },
  "phi2": { ...LAYER_NORM, ropeDims: 4, ffnNorm: null, hasHeadBias: true },
  "phi3": { isQkvFused: true, ffn: "fused", extra: longRope, keys: { "rope.scaling.attn_factor": f32(1.1),
    "rope.scaling.original_context_length": u32(32) } },
  "smollm3": { nLayers: 8 },
  "olmo": { norm: "plain", keys: { "attention.clamp_kqv": f32(0.7) } },
  "olmo2": { norms: "after", qkNorm: "row", keys: { ...yarn, "attention.sliding_window": u32(9),
    "attention.sliding_window_pattern": u32(2) } },
  "granite": { keys: { embedding_scale: f32(2), residual_scale: f32(0.5), logit_scale: f32(3),
    "attention.scale": f32(0.2) } },
  "granite:unturned": { keys: { logit_scale: f32(1), "rope.scaling.finetuned": bool(false) } },
  "granite_swa": { hasSinks: true, nLayers: 3, keys: { logit_scale: f32(2), "attention.sliding_window": u32(9),
    "attention.sliding_window_pattern": bools([true, false, true]), "attention.rope_pattern": bools([true, true, false]) } },
  "minicpm": {},
  "exaone4": { norms: "after", qkNorm: "head" },
  "exaone4:32b": { nLayers: 64, nEmbd: 16, nHeads: 2, nKvHeads: 1, nFf: 16, norms: "after", qkNorm: "head",
    keys: { "attention.sliding_window": u32(9) } },
  "stablelm": { norm: "layer", biases: "norms", ropeDims: 4 },
  "stablelm:12b": { norm: "layer", biases: "norms", qkNorm: "heads", ffnNorm: null },
  "starcoder2": { ...LAYER_NORM, hasHead: false },
  "gpt2": { ...LAYER_NORM, nKvHeads: 4, isQkvFused: true, hasPositions: true, hasHead: false },
  "gptneox": { ...LAYER_NORM, nKvHeads: 4, isQkvFused: true, ropeDims: 2, keys: { use_parallel_residual: bool(true) } },
  "gptneox:sequential": { ...LAYER_NORM, nKvHeads: 4, isQkvFused: true, keys: { use_parallel_residual: bool(false) } },
  "falcon": { ...LAYER_NORM, biases: "norms", nKvHeads: 1, isQkvFused: true, ffnNorm: null },
  "falcon:40b": { ...LAYER_NORM, biases: "norms", isQkvFused: true, ffnNorm: "attn_norm_2" },
  "hunyuan-dense": { qkNorm: "head", hasHead: false,
    keys: { "rope.scaling.alpha": f32(100), expert_count: u32(1) } },
  "command-r": { nLayers: 64, nEmbd: 16, nHeads: 2, nFf: 16, norm: "layer", qkNorm: "heads", ffnNorm: null,
    hasHead: false, keys: { logit_scale: f32(0.3) } },
  "cohere2": { norm: "layer", ffnNorm: null, hasHead: false, nLayers: 4,
    keys: { logit_scale: f32(0.3), "attention.sliding_window": u32(9) } },
  "nemotron": { ...LAYER_NORM, ropeDims: 4 },
  "arcee": { ffn: "plain" },
  "seed_oss": { headDim: 16, ffnNorm: "post_attention_norm", biases: "qkv" },
  "glm4": { norms: "around", ffn: "fused", ropeDims: 4 },
  "glm4:sections": { norms: "around", ffn: "fused", keys: { "rope.dimension_sections": i32s([1, 1, 2, 0]) } },
  "baichuan:7b": { nLayers: 32, nEmbd: 16, nHeads: 2, nKvHeads: 2, nFf: 16 },
  "baichuan:13b": { nLayers: 40, nEmbd: 16, nHeads: 2, nKvHeads: 2, nFf: 16 },
  "mpt": { norm: "layer", ffn: "plain", nKvHeads: 4, isQkvFused: true, hasHead: false,
    extra: [["blk.1.ffn.act.scales", 48]], keys: { "attention.max_alibi_bias": f32(6), "attention.clamp_kqv": f32(0.7) } },
  "bloom": { ...LAYER_NORM, nEmbd: 24, nHeads: 3, nKvHeads: 3, isQkvFused: true, hasEmbeddingNorm: true,
    hasHead: false },
  "jais": { norm: "layer", biases: "all", nKvHeads: 4, isQkvFused: true, keys: { "attention.max_alibi_bias": f32(8) } },
};

const architectureOf = (name) => name.split(":")[0];

/** Random numbers of mean 0 and variance 1, the same in every engine: 2 (u1 + u2 + u3 - 3/2) of uniform ones. */
function generator(seed) {
  let state = seed;
  const uniform = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  return () => 2 * (uniform() + uniform() + uniform() - 1.5);
}

function keysOf(architecture, model) {
  const own = {
    block_count: u32(model.nLayers), context_length: u32(N_CTX), embedding_length: u32(model.nEmbd),
    feed_forward_length: u32(model.nFf),
    "attention.head_count": u32(model.nHeads), "attention.head_count_kv": u32(model.nKvHeads),
    "attention.key_length": u32(model.headDim), "attention.value_length": u32(model.headDim),
    "rope.dimension_count": u32(model.ropeDims), vocab_size: u32(N_VOCAB),
    [`attention.layer_norm_${model.norm === "rms" ? "rms_" : ""}epsilon`]: f32(1e-5),
    ...model.keys,
  };
  return new Map([
    ["general.architecture", string(architecture)],
    ["tokenizer.ggml.model", string("test")],
    ["tokenizer.ggml.tokens", value.strings(Array.from({ length: N_VOCAB }, (_, i) => `<${i}>`))],
    ["tokenizer.ggml.scores", value.f32s(new Array(N_VOCAB).fill(0))],
    ...Object.entries(own).map(([name, bytes]) => [`${architecture}.${name}`, bytes]),
  ]);
}

function qkNormDims({ qkNorm, headDim }, n) {
  if (qkNorm === "row") return [n];
  return qkNorm === "head" ? [headDim] : [headDim, n / headDim];
}

// Adds a layer's tensors by matrix(name, nRows, k), norm(name, n) and vector(name, n).
function addLayer(model, prefix, { matrix, norm, vector }) {
  const nQ = model.nHeads * model.headDim;
  const nKv = model.nKvHeads * model.headDim;
  if (model.norms !== "after") norm(`${prefix}attn_norm`, model.nEmbd);
  if (model.isQkvFused) matrix(`${prefix}attn_qkv`, nQ + 2 * nKv, model.nEmbd);
  else {
    matrix(`${prefix}attn_q`, nQ, model.nEmbd);
    matrix(`${prefix}attn_k`, nKv, model.nEmbd);
    matrix(`${prefix}attn_v`, nKv, model.nEmbd);
  }
  if (model.qkNorm) {
    norm(`${prefix}attn_q_norm`, ...qkNormDims(model, nQ));
    norm(`${prefix}attn_k_norm`, ...qkNormDims(model, nKv));
  }
  if (model.hasSinks) vector(`${prefix}attn_sinks.weight`, model.nHeads);
  matrix(`${prefix}attn_output`, model.nEmbd, nQ);
  if (model.norms !== "before") norm(`${prefix}post_attention_norm`, model.nEmbd);
  if (model.norms !== "after" && model.ffnNorm) norm(`${prefix}${model.ffnNorm}`, model.nEmbd);
  if (model.ffn === "gated") matrix(`${prefix}ffn_gate`, model.nFf, model.nEmbd);
  matrix(`${prefix}ffn_up`, (model.ffn === "fused" ? 2 : 1) * model.nFf, model.nEmbd);
  matrix(`${prefix}ffn_down`, model.nEmbd, model.nFf);
  if (model.norms !== "before") norm(`${prefix}post_ffw_norm`, model.nEmbd);
}

function tensorsOf(model, random) {
  const tensors = new Map();
  const add = (name, dims, number) => {
    const numbers = Float32Array.from({ length: dims.reduce((product, n) => product * n) }, number);
    tensors.set(name, { dims, type: F32, data: Buffer.from(numbers.buffer) });
  };
  const nearOne = () => 1 + 0.2 * Math.abs(random());
  const small = () => 0.3 * random();
  const matrix = (name, nRows, k) => {
    add(`${name}.weight`, [k, nRows], () => 1.3 * random() / Math.sqrt(k));
    const hasBias = model.biases === "all" || (model.biases === "qkv" && /attn_[qkv]/.test(name));
    if (hasBias) add(`${name}.bias`, [nRows], small);
  };
  const norm = (name, ...dims) => {
    if (model.norm === "plain") return;
    add(`${name}.weight`, dims, nearOne);
    if (model.norm === "layer" && model.biases !== "none" && !/_[qk]_norm/.test(name)) add(`${name}.bias`, dims, small);
  };
  const vector = (name, n) => add(name, [n], nearOne);
  add("token_embd.weight", [model.nEmbd, N_VOCAB], random);
  if (model.hasPositions) add("position_embd.weight", [model.nEmbd, N_CTX], random);
  if (model.hasEmbeddingNorm) norm("token_embd_norm", model.nEmbd);
  for (let i = 0; i < model.nLayers; i++) addLayer(model, `blk.${i}.`, { matrix, norm, vector });
  norm("output_norm", model.nEmbd);
  if (model.hasHead) add("output.weight", [model.nEmbd, N_VOCAB], () => random() / Math.sqrt(model.nEmbd));
  if (model.hasHeadBias) add("output.bias", [N_VOCAB], small);
  for (const [name, n] of model.extra) vector(name, n);
  return tensors;
}

/** The bytes of the model of a name. */
export function makeTiny(name) {
  const model = { ...DEFAULTS, ...MODELS[name] };
  model.headDim ??= model.nEmbd / model.nHeads;
  model.ropeDims ??= model.headDim;
  return serialise({ keys: keysOf(architectureOf(name), model), tensors: tensorsOf(model, generator(7)) });
}

/** Writes the model of a name into a folder; its path. */
export function writeTiny(folder, name) {
  const path = join(folder, `${name.replace(":", "-")}.gguf`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, makeTiny(name));
  return path;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of Object.keys(MODELS)) console.log(writeTiny(process.argv[2], name));
}
