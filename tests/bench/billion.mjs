// billion.mjs: a model of Llama 3.2 1B's shape with random weights in Q4_0, to be timed; its answers mean nothing.
import { randomFillSync } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { serialise, value } from "../../models/gguf.mjs";

const N_EMBD = 2048, N_FF = 8192, N_VOCAB = 128256, N_LAYERS = 16, N_HEADS = 32, N_KV_HEADS = 8;
const F32 = 0, Q4_0 = 2, BLOCK = 32, BLOCK_BYTES = 18;

export function writeBillion(path) {
  const { u32, f32, string } = value;
  const keys = new Map(Object.entries({
    "general.architecture": string("llama"), "llama.block_count": u32(N_LAYERS), "llama.embedding_length": u32(N_EMBD),
    "llama.feed_forward_length": u32(N_FF), "llama.attention.head_count": u32(N_HEADS), "llama.attention.head_count_kv": u32(N_KV_HEADS),
    "llama.context_length": u32(8192), "llama.rope.freq_base": f32(500000), "llama.attention.layer_norm_rms_epsilon": f32(1e-5),
    "llama.vocab_size": u32(N_VOCAB), "tokenizer.ggml.model": string("none"),
  }));
  const weights = randomBlocks(N_VOCAB * N_EMBD / BLOCK); // the largest matrix; the others are its beginning
  const matrix = (k, nRows) => ({ dims: [k, nRows], type: Q4_0, data: weights.subarray(0, k * nRows / BLOCK * BLOCK_BYTES) });
  const norm = { dims: [N_EMBD], type: F32, data: Buffer.from(new Float32Array(N_EMBD).fill(1).buffer) };
  const tensors = new Map([["token_embd.weight", matrix(N_EMBD, N_VOCAB)], ["output_norm.weight", norm]]);
  const nKv = N_EMBD / N_HEADS * N_KV_HEADS;
  for (let i = 0; i < N_LAYERS; i++) {
    const add = (name, tensor) => tensors.set(`blk.${i}.${name}.weight`, tensor);
    add("attn_norm", norm);
    add("attn_q", matrix(N_EMBD, N_EMBD));
    add("attn_k", matrix(N_EMBD, nKv));
    add("attn_v", matrix(N_EMBD, nKv));
    add("attn_output", matrix(N_EMBD, N_EMBD));
    add("ffn_norm", norm);
    add("ffn_gate", matrix(N_EMBD, N_FF));
    add("ffn_up", matrix(N_EMBD, N_FF));
    add("ffn_down", matrix(N_FF, N_EMBD));
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, serialise({ keys, tensors }));
}

/** Random quants; scales of 0.01 in f16, so that activations keep their size. */
function randomBlocks(n) {
  const blocks = randomFillSync(Buffer.alloc(n * BLOCK_BYTES));
  for (let at = 0; at < blocks.length; at += BLOCK_BYTES) blocks.writeUInt16LE(0x211f, at);
  return blocks;
}
