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
  hasSinks: false, hasTypes: false, hasDenseLayers: false, hasSumNorm: false, hasQkNormBiases: false,
  classHead: null,      // { nLabels, hasInner, hasNorm, hasOutput }
  hasNormBiases: false, // of RMS norms; layer norms have them where there are any
  experts: null,        // { n, nUsed, nFf, nFfShared, hasSharedRouter, hasBiases, hasChoiceBias, isIn: (layer) => bool }
  layers: null,         // of each layer { nHeads, nKvHeads, nFf }, where they differ
  keys: {},             // name (without the architecture) -> value
  tokenizer: null,      // the keys tokenizer.*; null: one without text
  extra: [],            // further vectors: [name, length]
};

const { u32, f32, bool, string, i32s, bools } = value;
const LAYER_NORM = { norm: "layer", biases: "all", ffn: "plain" };
const yarn = { "rope.scaling.type": string("yarn"), "rope.scaling.factor": f32(4), "rope.freq_base": f32(100),
  "rope.scaling.original_context_length": u32(16) };
const longRope = [["rope_factors_long.weight", 4], ["rope_factors_short.weight", 4]];

const BERT = { nKvHeads: 4, norm: "layer", norms: "of sum", biases: "all", ffn: "plain", hasTypes: true,
  hasEmbeddingNorm: true, hasHead: false };
const NOMIC = { ...BERT, biases: "norms", isQkvFused: true, ffn: "gated" };
const MODERN = { nLayers: 4, nKvHeads: 4, norm: "layer", biases: "none", isQkvFused: true, ffn: "fused",
  hasEmbeddingNorm: true, hasHead: false, isFirstBare: true };
const pooling = (type) => ({ "pooling_type": u32(type), "attention.causal": bool(false) });
const [MEAN, FIRST, LAST, RANK] = [1, 2, 3, 4];
const labels = (n) => value.strings(Array.from({ length: n }, (_, i) => `label ${i}`));

/** Models of embeddings and scores, in the same form. */
export const ENCODERS = {
  "bert": { ...BERT, hasPositions: true, keys: pooling(MEAN) },
  "bert:odd": { ...BERT, nEmbd: 52, nHeads: 2, nKvHeads: 2, nFf: 50, hasPositions: true, keys: pooling(MEAN) }, // rubert-tiny2
  "bert:first": { ...BERT, hasPositions: true, hasTypes: false, keys: pooling(FIRST) },
  "bert:last": { ...BERT, hasPositions: true, isQkvFused: true, keys: pooling(LAST) },
  "bert:rank": { ...BERT, hasPositions: true, classHead: { nLabels: 1, hasInner: true, hasOutput: true }, keys: pooling(RANK) },
  "bert:labels": { ...BERT, hasPositions: true, classHead: { nLabels: 3, hasOutput: true },
    keys: { ...pooling(RANK), "classifier.output_labels": labels(3) } },
  "nomic-bert": { ...NOMIC, keys: pooling(MEAN) },
  "nomic-bert-moe": { ...BERT, isQkvFused: true, nLayers: 4, experts: { n: 4, nUsed: 2, nFf: 48, isIn: (i) => i % 2 === 1 },
    keys: { ...pooling(MEAN), moe_every_n_layers: u32(2) } },
  "jina-bert-v2": { ...BERT, ffn: "gated", ffnBiases: ["down"], keys: pooling(MEAN) },
  "jina-bert-v2:fused": { ...BERT, ffn: "fused", ffnBiases: ["down"], classHead: { nLabels: 1, hasInner: true }, keys: pooling(RANK) },
  "jina-bert-v2:code": { ...BERT, ffn: "fused", ffnBiases: ["down"], qkNorm: "row", hasQkNormBiases: true, hasSumNorm: true,
    keys: pooling(MEAN) },
  "modern-bert": { ...MODERN, keys: { ...pooling(MEAN), "attention.sliding_window": u32(9), "rope.freq_base": f32(1e5) } },
  "modern-bert:rank": { ...MODERN, classHead: { nLabels: 1, hasInner: true, hasNorm: true, hasOutput: true }, keys: pooling(RANK) },
  "gemma-embedding": { nLayers: 6, headDim: 16, norms: "around", qkNorm: "head", hasHead: false, hasDenseLayers: true,
    keys: { ...pooling(MEAN), "attention.sliding_window": u32(9), "rope.freq_base": f32(1e6),
      dense_2_feat_in: u32(32), dense_2_feat_out: u32(64), dense_3_feat_in: u32(64), dense_3_feat_out: u32(32) } },
  "qwen3:last": { headDim: 16, qkNorm: "head", hasHead: false, keys: { pooling_type: u32(LAST) } },
  "qwen3:rank": { headDim: 16, qkNorm: "head", hasHead: false, classHead: { nLabels: 2, hasOutput: true },
    keys: { pooling_type: u32(RANK), "classifier.output_labels": labels(2) } },
};

const letters = [..."abcdefghijklmnopqrstuvwxyz"];
const someLetters = letters.slice(0, 14);
const [NORMAL, CONTROL] = [1, 3]; // kinds of tokens
const tokenizer = (model, tokens, nControls, keys) => {
  const kinds = i32s(tokens.map((_, i) => (i < nControls ? CONTROL : NORMAL)));
  const own = { model: string(model), tokens: value.strings(tokens), token_type: kinds, ...keys };
  return new Map(Object.entries(own).map(([name, bytes]) => [`tokenizer.ggml.${name}`, bytes]));
};
const TOKENIZERS = {
  wordPiece: tokenizer("bert", ["[PAD]", "[UNK]", "[CLS]", "[SEP]", ...someLetters.map((c) => `\u2581${c}`), ...someLetters], 4, {
    bos_token_id: u32(2), eos_token_id: u32(3), seperator_token_id: u32(3), unknown_token_id: u32(1),
    token_type_count: u32(2), add_bos_token: bool(true), add_eos_token: bool(true), add_sep_token: bool(false) }),
  roberta: tokenizer("gpt2", ["<s>", "<pad>", "</s>", "<unk>", ...letters, "\u0120", "\u0120a"], 4, {
    pre: string("roberta-bpe"), merges: value.strings(["\u0120 a"]), bos_token_id: u32(0), eos_token_id: u32(2),
    seperator_token_id: u32(2), token_type_count: u32(2), add_bos_token: bool(true), add_eos_token: bool(true) }),
  chat: tokenizer("gpt2", ["<|im_start|>", "<|im_end|>", ...letters, "\u0120", "\u0120a", "\u010a", ":"], 2, {
    pre: string("qwen2"), merges: value.strings(["\u0120 a"]), eos_token_id: u32(1), add_bos_token: bool(false) })
    .set("tokenizer.chat_template.rerank", string("<|im_start|>query: {query}\ndocument: {document}<|im_end|>\n")),
};

/** Models that score pairs of texts, in the same form: with tokens, a letter each. */
export const RERANKERS = {
  "bert:pair": { ...BERT, hasPositions: true, classHead: { nLabels: 1, hasInner: true, hasOutput: true }, keys: pooling(RANK),
    tokenizer: TOKENIZERS.wordPiece },
  "bert:roberta": { ...BERT, hasPositions: true, classHead: { nLabels: 1, hasInner: true, hasOutput: true }, keys: pooling(RANK),
    tokenizer: TOKENIZERS.roberta },
  "qwen3:judge": { headDim: 16, qkNorm: "head", hasHead: false, classHead: { nLabels: 2, hasOutput: true },
    keys: { pooling_type: u32(RANK), "classifier.output_labels": labels(2) }, tokenizer: TOKENIZERS.chat },
};

/** name -> what it is made of. The name is the architecture's, and more after a colon. */
export const MODELS = {
  "llama": { headDim: 16, extra: [["rope_freqs.weight", 8]], hasHead: false },
  "llama:biases": { biases: "all", isQkvFused: true,
    extra: [["blk.0.attn_output.scale", 1], ["blk.1.attn_qkv.scale", 1]] },
  "llama:linear": { keys: { "rope.scaling.type": string("linear"), "rope.scaling.factor": f32(4) } },
  "llama:yarn": { headDim: 16, keys: yarn },
  "llama:short": { extra: longRope, keys: { "rope.scaling.type": string("longrope"),
    "rope.scaling.attn_factor": f32(1.2), "rope.scaling.original_context_length": u32(100000) } },
  "openelm": { nHeads: 4, headDim: 8, qkNorm: "head", isQkvFused: true, hasHead: false, layers: [
    { nHeads: 2, nKvHeads: 1, nFf: 24 }, { nHeads: 6, nKvHeads: 2, nFf: 64 }, { nHeads: 3, nKvHeads: 3, nFf: 33 }], nLayers: 3 },
  "deci": { headDim: 8, nHeads: 4, nLayers: 3, layers: [
    { nHeads: 4, nKvHeads: 4, nFf: 40 }, { nHeads: 4, nKvHeads: 1, nFf: 48 }, { nHeads: 4, nKvHeads: 2, nFf: 48 }] },
  "llama:odd": { nEmbd: 30, nHeads: 3, nKvHeads: 1, nFf: 35, biases: "all", isQkvFused: true },
  "mistral3": { headDim: 16, keys: { ...yarn, "attention.temperature_scale": f32(0.3),
    "rope.scaling.yarn_log_multiplier": f32(0.5), "rope.scaling.original_context_length": u32(30),
    "rope.scaling.yarn_beta_fast": f32(1), "rope.scaling.yarn_beta_slow": f32(0.25) } },
  "qwen2": { biases: "qkv", hasHeadBias: true },
  "qwen3": { headDim: 16, qkNorm: "head", hasHead: false },
  "qwen3:odd": { nEmbd: 36, nHeads: 6, headDim: 26, nFf: 50, qkNorm: "head", hasHead: false },
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
  "llama:moe": { experts: { n: 4, nUsed: 2, nFf: 48 }, extra: [["blk.0.ffn_gate_exps.scale", 4], ["blk.1.ffn_down_exps.scale", 4]] },
  "qwen2moe": { biases: "qkv", experts: { n: 6, nUsed: 3, nFf: 16, nFfShared: 40, hasSharedRouter: true } },
  "qwen3moe": { headDim: 16, qkNorm: "head", hasHead: false, experts: { n: 9, nUsed: 4, nFf: 24 } },
  "olmoe": { nKvHeads: 4, qkNorm: "row", experts: { n: 8, nUsed: 8, nFf: 48 } },
  "granitemoe": { experts: { n: 4, nUsed: 1, nFf: 48, nFfShared: 16 }, keys: { embedding_scale: f32(2),
    residual_scale: f32(0.5), logit_scale: f32(3) } },
  "gpt-oss": { ffnNorm: "post_attention_norm", biases: "all", hasSinks: true, experts: { n: 4, nUsed: 2, nFf: 16, hasBiases: true },
    keys: { ...yarn, "attention.sliding_window": u32(9) } },
  "ernie4_5-moe": { nLayers: 4, experts: { n: 4, nUsed: 2, nFf: 16, nFfShared: 24, hasChoiceBias: true, isIn: (i) => i >= 2 },
    keys: { leading_dense_block_count: u32(2), interleave_moe_layer_step: u32(1) } },
  "phimoe": { biases: "all", hasHeadBias: true, hasNormBiases: true, experts: { n: 4, nUsed: 2, nFf: 48 } },
  "jais": { norm: "layer", biases: "all", nKvHeads: 4, isQkvFused: true, keys: { "attention.max_alibi_bias": f32(8) } },
};

const architectureOf = (name) => name.split(":")[0];

/** Random numbers of mean 0 and variance 1, the same in every engine: 2 (u1 + u2 + u3 - 3/2) of uniform ones. */
function generator(seed) {
  let state = seed;
  const uniform = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  return () => 2 * (uniform() + uniform() + uniform() - 1.5);
}

function expertKeys({ experts, nFf }) {
  if (!experts) return {};
  const keys = { expert_count: u32(experts.n), expert_used_count: u32(experts.nUsed) };
  if (experts.nFf !== nFf) keys.expert_feed_forward_length = u32(experts.nFf);
  if (experts.nFfShared) keys.expert_shared_feed_forward_length = u32(experts.nFfShared);
  return keys;
}

function keysOf(architecture, model) {
  const each = (name) => (model.layers ? i32s(model.layers.map((layer) => layer[name])) : u32(model[name]));
  const own = {
    block_count: u32(model.nLayers), context_length: u32(N_CTX), embedding_length: u32(model.nEmbd),
    feed_forward_length: each("nFf"),
    "attention.head_count": each("nHeads"), "attention.head_count_kv": each("nKvHeads"),
    "attention.key_length": u32(model.headDim), "attention.value_length": u32(model.headDim),
    "rope.dimension_count": u32(model.ropeDims), vocab_size: u32(N_VOCAB),
    [`attention.layer_norm_${model.norm === "rms" ? "rms_" : ""}epsilon`]: f32(1e-5),
    ...expertKeys(model),
    ...model.keys,
  };
  return new Map([
    ["general.architecture", string(architecture)],
    ...(model.tokenizer ?? [
      ["tokenizer.ggml.model", string("test")],
      ["tokenizer.ggml.tokens", value.strings(Array.from({ length: N_VOCAB }, (_, i) => `<${i}>`))],
      ...(model.norms === "of sum" ? [["tokenizer.ggml.token_type_count", u32(2)]] : []),
      ["tokenizer.ggml.scores", value.f32s(new Array(N_VOCAB).fill(0))],
    ]),
    ...Object.entries(own).map(([name, bytes]) => [`${architecture}.${name}`, bytes]),
  ]);
}

function qkNormDims({ qkNorm, headDim }, n) {
  if (qkNorm === "row") return [n];
  return qkNorm === "head" ? [headDim] : [headDim, n / headDim];
}

const hasExperts = ({ experts }, layer) => experts !== null && (experts.isIn?.(layer) ?? true);

function addExperts({ experts, nEmbd, ffn }, prefix, { matrix, stack, vector }) {
  matrix(`${prefix}ffn_gate_inp`, experts.n, nEmbd, experts.hasBiases);
  if (experts.hasChoiceBias) vector(`${prefix}exp_probs_b.bias`, experts.n);
  if (ffn === "gated") stack(`${prefix}ffn_gate_exps`, experts, experts.nFf, nEmbd);
  stack(`${prefix}ffn_up_exps`, experts, experts.nFf, nEmbd);
  stack(`${prefix}ffn_down_exps`, experts, nEmbd, experts.nFf);
  if (!experts.nFfShared) return;
  if (experts.hasSharedRouter) vector(`${prefix}ffn_gate_inp_shexp.weight`, nEmbd);
  matrix(`${prefix}ffn_gate_shexp`, experts.nFfShared, nEmbd);
  matrix(`${prefix}ffn_up_shexp`, experts.nFfShared, nEmbd);
  matrix(`${prefix}ffn_down_shexp`, nEmbd, experts.nFfShared);
}

// Adds a layer's tensors by add: matrix(name, nRows, k), norm(name, n), vector(name, n) and stack(name, experts, nRows, k).
function addLayer(whole, i, add) {
  const model = { ...whole, ...whole.layers?.[i] };
  const { matrix, norm, vector } = add;
  const prefix = `blk.${i}.`;
  const nQ = model.nHeads * model.headDim;
  const nKv = model.nKvHeads * model.headDim;
  const hasNormsBefore = model.norms === "before" || model.norms === "around";
  if (hasNormsBefore && !(model.isFirstBare && i === 0)) norm(`${prefix}attn_norm`, model.nEmbd);
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
  const [attnPostNorm, ffnPostNorm] = model.norms === "of sum" ? ["attn_output_norm", "layer_output_norm"]
    : ["post_attention_norm", "post_ffw_norm"];
  if (model.norms !== "before") norm(`${prefix}${attnPostNorm}`, model.nEmbd);
  if (model.hasSumNorm) norm(`${prefix}attn_norm_2`, model.nEmbd);
  if (hasNormsBefore && model.ffnNorm) norm(`${prefix}${model.ffnNorm}`, model.nEmbd);
  if (hasExperts(model, i)) addExperts(model, prefix, add);
  else {
    if (model.ffn === "gated") add.matrix(`${prefix}ffn_gate`, model.nFf, model.nEmbd);
    add.matrix(`${prefix}ffn_up`, (model.ffn === "fused" ? 2 : 1) * model.nFf, model.nEmbd);
    add.matrix(`${prefix}ffn_down`, model.nEmbd, model.nFf);
  }
  if (model.norms !== "before") norm(`${prefix}${ffnPostNorm}`, model.nEmbd);
}

function addClassHead({ classHead, nEmbd }, { matrix, norm }) {
  const { nLabels, hasInner, hasNorm, hasOutput } = classHead;
  if (hasInner) matrix("cls", hasOutput ? nEmbd : nLabels, nEmbd);
  if (hasNorm) norm("cls.norm", nEmbd);
  if (hasOutput) matrix("cls.output", nLabels, nEmbd);
}

function tensorsOf(model, random) {
  const tensors = new Map();
  const add = (name, dims, number) => {
    const numbers = Float32Array.from({ length: dims.reduce((product, n) => product * n) }, number);
    tensors.set(name, { dims, type: F32, data: Buffer.from(numbers.buffer) });
  };
  const nearOne = () => 1 + 0.2 * Math.abs(random());
  const small = () => 0.3 * random();
  const matrix = (name, nRows, k, isBiased = false) => {
    add(`${name}.weight`, [k, nRows], () => 1.3 * random() / Math.sqrt(k));
    const isFfn = /ffn_/.test(name) && (model.experts !== null || (model.ffnBiases && !model.ffnBiases.includes(name.split("_").at(-1))));
    const hasBias = isBiased || (model.biases === "all" && !isFfn) || (model.biases === "qkv" && /attn_[qkv]/.test(name));
    if (hasBias) add(`${name}.bias`, [nRows], small);
  };
  const norm = (name, ...dims) => {
    if (model.norm === "plain") return;
    add(`${name}.weight`, dims, nearOne);
    const hasBias = model.norm === "layer" ? model.biases !== "none" : model.hasNormBiases;
    if (hasBias && (model.hasQkNormBiases || !/_[qk]_norm/.test(name))) add(`${name}.bias`, dims, small);
  };
  const vector = (name, n) => add(name, [n], nearOne);
  add("token_embd.weight", [model.nEmbd, N_VOCAB], random);
  if (model.hasPositions) add("position_embd.weight", [model.nEmbd, N_CTX], random);
  if (model.hasTypes) add("token_types.weight", [model.nEmbd, 2], random);
  if (model.hasEmbeddingNorm) norm("token_embd_norm", model.nEmbd);
  const stack = (name, { n, hasBiases }, nRows, k) => {
    add(`${name}.weight`, [k, nRows, n], () => 1.3 * random() / Math.sqrt(k));
    if (hasBiases) add(`${name}.bias`, [nRows, n], small);
  };
  for (let i = 0; i < model.nLayers; i++) addLayer(model, i, { matrix, norm, vector, stack });
  if (model.norms !== "of sum") norm("output_norm", model.nEmbd);
  if (model.classHead) addClassHead(model, { matrix, norm });
  if (model.hasDenseLayers) {
    matrix("dense_2", 2 * model.nEmbd, model.nEmbd);
    matrix("dense_3", model.nEmbd, 2 * model.nEmbd);
  }
  if (model.hasHead) add("output.weight", [model.nEmbd, N_VOCAB], () => random() / Math.sqrt(model.nEmbd));
  if (model.hasHeadBias) add("output.bias", [N_VOCAB], small);
  for (const [name, n] of model.extra) vector(name, n);
  return tensors;
}

/** The bytes of the model of a name, made of something else where `changes` says so. */
export function makeTiny(name, changes = {}) {
  const model = { ...DEFAULTS, ...(MODELS[name] ?? ENCODERS[name] ?? RERANKERS[name]), ...changes };
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
