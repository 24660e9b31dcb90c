// synthetic.mjs: GGUF files of any size with plausible random weights and no vocabulary: what a download does to a file
// shows in their bytes and in the engine's logits. Every call gives the same bytes.
// Usage: node tests/synthetic.mjs FILE writes one of 1 GB.

import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const HEAD_DIM = 64;
const F32 = 0, Q8_0 = 8; // GGUF's numbers of tensor types
const U32 = 4, FLOAT32 = 6, STRING = 8; // and of values
const ALIGNMENT = 32;
const BLOCK_ITEMS = 32, BLOCK_BYTES = 34; // of Q8_0: a scale in half precision, 32 signed bytes
const POOL_BLOCKS = 8191; // a prime: the weights' period is no multiple of any chunk or page

/** 4 MB, and 1 GB: as many weights. */
export const SMALL = { nLayers: 6, nEmbd: 256, nFf: 512, nVocab: 1024 };
export const LARGE = { nLayers: 20, nEmbd: 2048, nFf: 5632, nVocab: 32000 };

/** The whole file. */
export function syntheticModel(size) {
  return Buffer.concat([...parts(size)]);
}

/** Writes the file in parts. */
export function writeSynthetic(path, size) {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, "w");
  for (const part of parts(size)) writeSync(file, part);
  closeSync(file);
}

function* parts(size) {
  const tensors = tensorsOf(size);
  const keys = keysOf(size);
  let at = 0;
  const infos = tensors.map(({ name, type, shape, nBytes }) => {
    const info = [text(name), u32(shape.length), ...shape.map(u64), u32(type), u64(at)];
    at += nBytes + padding(nBytes);
    return Buffer.concat(info);
  });
  const header = Buffer.concat([Buffer.from("GGUF"), u32(3), u64(tensors.length), u64(keys.length), ...keys, ...infos]);
  yield header;
  yield Buffer.alloc(padding(header.length));
  const pool = randomBlocks();
  for (const { type, shape, nBytes } of tensors) {
    if (type === F32) yield Buffer.from(new Float32Array(shape[0]).fill(1).buffer);
    else yield* repeat(pool, nBytes);
    yield Buffer.alloc(padding(nBytes));
  }
}

function keysOf({ nLayers, nEmbd, nFf }) {
  const numbers = {
    "llama.block_count": nLayers, "llama.embedding_length": nEmbd, "llama.feed_forward_length": nFf,
    "llama.context_length": 4096, "llama.attention.head_count": nEmbd / HEAD_DIM,
    "llama.attention.head_count_kv": nEmbd / HEAD_DIM / 2,
  };
  return [
    Buffer.concat([text("general.architecture"), u32(STRING), text("llama")]),
    ...Object.entries(numbers).map(([name, value]) => Buffer.concat([text(name), u32(U32), u32(value)])),
    Buffer.concat([text("llama.attention.layer_norm_rms_epsilon"), u32(FLOAT32), f32(1e-5)]),
    Buffer.concat([text("llama.rope.freq_base"), u32(FLOAT32), f32(10000)]),
  ];
}

// As in files that converters write: the embedding comes first, and layer 10 before layer 2.
function tensorsOf({ nLayers, nEmbd, nFf, nVocab }) {
  const nKv = nEmbd / 2;
  const layers = Array.from({ length: nLayers }, (_, i) => String(i)).sort();
  return [
    matrix("token_embd.weight", nVocab, nEmbd), norm("output_norm.weight", nEmbd),
    ...layers.flatMap((i) => [
      norm(`blk.${i}.attn_norm.weight`, nEmbd), norm(`blk.${i}.ffn_norm.weight`, nEmbd),
      matrix(`blk.${i}.attn_q.weight`, nEmbd, nEmbd), matrix(`blk.${i}.attn_k.weight`, nKv, nEmbd),
      matrix(`blk.${i}.attn_v.weight`, nKv, nEmbd), matrix(`blk.${i}.attn_output.weight`, nEmbd, nEmbd),
      matrix(`blk.${i}.ffn_gate.weight`, nFf, nEmbd), matrix(`blk.${i}.ffn_up.weight`, nFf, nEmbd),
      matrix(`blk.${i}.ffn_down.weight`, nEmbd, nFf),
    ]),
  ];
}

const norm = (name, k) => ({ name, type: F32, shape: [k], nBytes: 4 * k });
const matrix = (name, rows, k) => ({ name, type: Q8_0, shape: [k, rows], nBytes: rows * k / BLOCK_ITEMS * BLOCK_BYTES });

function randomBlocks() {
  const blocks = Buffer.alloc(POOL_BLOCKS * BLOCK_BYTES);
  let state = 1;
  for (let at = 0; at < blocks.length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const isScale = at % BLOCK_BYTES < 2;
    blocks[at] = isScale ? [0x00, 0x0c][at % BLOCK_BYTES] : state >>> 24; // 2^-12: weights of up to 1/32
  }
  return blocks;
}

function* repeat(pool, nBytes) {
  for (let left = nBytes; left > 0; left -= pool.length) yield pool.subarray(0, left);
}

const padding = (nBytes) => -nBytes & (ALIGNMENT - 1);

function number(nBytes, method, value) {
  const bytes = Buffer.alloc(nBytes);
  bytes[method](value);
  return bytes;
}
const u32 = (value) => number(4, "writeUInt32LE", value);
const u64 = (value) => number(8, "writeBigUInt64LE", BigInt(value));
const f32 = (value) => number(4, "writeFloatLE", value);
const text = (value) => Buffer.concat([u64(value.length), Buffer.from(value)]);

if (process.argv[1] === fileURLToPath(import.meta.url)) writeSynthetic(process.argv[2], LARGE);
