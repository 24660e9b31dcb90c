// kernels.mjs: how fast each kernel is (make bench-kernels). usage: node tests/bench/kernels.mjs [LAYOUT...|attention] [--level NAME] [--rounds N] [--megabytes N] [--ahead] [--streams 1]
// Prints GMAC/s; for gemv, whose weights (--megabytes) lie in memory and not in a cache, GB/s of packed weights too, and their share of
// a plain streaming read in the same run. All kernels take turns, in samples of some milliseconds, so that noise hits all
// alike; the figures are medians.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { median } from "../fidelity/statistics.mjs";

const LAYOUTS = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
  "IQ4_NL", "IQ4_XS", "MXFP4", "NVFP4", "Q1_0", "Q2_0", "TQ1_0", "TQ2_0",
  "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"];
const LEVELS = { simd128: 2, relaxed: 3, dot: 4 };
const FLOATS = 3; // the first three layouts
const K = 1536; // columns: six blocks of a K type, SmolLM2's feed-forward
const GEMM = { nGroups: 32, nTiles: 32 }; // 256 rows, 128 tokens
const PORTION = 128; // groups of a gemv in one call
const SAMPLE_MS = 4;

// Where the f16 scales of a file block are, and what they scale: kept large enough that no product is denormal.
const SCALES = {
  Q4_0: [0], Q4_1: [0, 2], Q5_0: [0], Q5_1: [0, 2], Q8_0: [0], Q2_K: [80, 82], Q3_K: [108], Q4_K: [0, 2], Q5_K: [0, 2], Q6_K: [208],
  IQ4_NL: [0], IQ4_XS: [0], Q1_0: [0], Q2_0: [0], TQ1_0: [52], TQ2_0: [64],
  IQ1_S: [0], IQ1_M: [], IQ2_XXS: [0], IQ2_XS: [0], IQ2_S: [0], IQ3_XXS: [0], IQ3_S: [0], // IQ1_M's, in four nibbles, is left to chance
};
const BYTE_SCALES = { MXFP4: [0], NVFP4: [0, 1, 2, 3] };
const F16_HUNDREDTH = 0x211f; // 0.01 in f16
const FP4_SCALE = 0x70; // 2^-15 as E8M0, 64 as UE4M3

const { values, positionals } = parseArgs({ options: { level: { type: "string" }, rounds: { type: "string", default: "30" },
  megabytes: { type: "string", default: "48" }, ahead: { type: "boolean", default: false }, streams: { type: "string", default: "4" } }, allowPositionals: true });
const GEMV_BYTES = Number(values.megabytes) * 2 ** 20; // larger than the caches
const memory = new WebAssembly.Memory({ initial: 1024 });
const module = new WebAssembly.Module(readFileSync(new URL("../../build/bench/kernels.wasm", import.meta.url)));
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
exports.set_reading(Number(values.streams), values.ahead);

let top = exports.__heap_base.value;
function allocate(nBytes) {
  const block = Math.ceil(top / 64) * 64;
  top = block + nBytes;
  const missing = Math.ceil((top - memory.buffer.byteLength) / 65536);
  if (missing > 0) memory.grow(missing);
  return block;
}

function randomRows(name, nBytes) {
  const bytes = new Uint8Array(nBytes).map(() => Math.random() * 256);
  const view = new DataView(bytes.buffer);
  if (name === "F32") for (let at = 0; at < nBytes; at += 4) view.setFloat32(at, Math.random() - 0.5, true);
  // Signs and fractions at random, exponents of values between 1/8 and 1.
  else if (name === "F16") for (let at = 0; at < nBytes; at += 2) view.setUint16(at, (bytes[at] << 8 & 0x8000) | 0x3000 | view.getUint16(at, true) & 0x0bff, true);
  else if (name === "BF16") for (let at = 0; at < nBytes; at += 2) view.setUint16(at, (bytes[at] << 8 & 0x8000) | 0x3e00 | view.getUint16(at, true) & 0x00ff, true);
  else {
    for (let at = 0; at < nBytes; at += exports.block_bytes(LAYOUTS.indexOf(name))) {
      for (const scale of SCALES[name] ?? []) view.setUint16(at + scale, F16_HUNDREDTH, true);
      for (const scale of BYTE_SCALES[name] ?? []) bytes[at + scale] = FP4_SCALE;
    }
  }
  return bytes;
}

// A layout's weights, of GEMV_BYTES: one group, packed, and copies of it.
function makeWeights(name, layout) {
  const groupBytes = exports.group_bytes(layout, K);
  const nGroups = Math.floor(GEMV_BYTES / groupBytes);
  const weights = allocate(nGroups * groupBytes);
  const rows = randomRows(name, 8 * exports.row_bytes(layout, K));
  const block = allocate(rows.length);
  new Uint8Array(memory.buffer).set(rows, block);
  exports.pack(layout, weights, block, K);
  const u8 = new Uint8Array(memory.buffer);
  for (let i = 1; i < nGroups; i++) u8.copyWithin(weights + i * groupBytes, weights, weights + groupBytes);
  return { weights, groupBytes, nGroups };
}

const nTokens = 4 * GEMM.nTiles;
const floats = allocate(4 * nTokens * K);
new Float32Array(memory.buffer, floats, nTokens * K).forEach((_, i, x) => (x[i] = Math.random() - 0.5));
const panel = allocate(exports.panel_bytes(K));
const stream = allocate(GEMV_BYTES);
new Uint32Array(memory.buffer, stream, GEMV_BYTES / 4).fill(0x01010101);

// Each candidate: run() does its work once and returns nothing; units per run.
const candidates = [{ name: "streaming read", bytes: GEMV_BYTES, run: () => exports.read_stream(stream, GEMV_BYTES), samples: [] }];
const names = positionals.length ? positionals.filter((name) => name !== "attention") : LAYOUTS;
const levels = Object.keys(LEVELS).filter((level) => !values.level || level === values.level);
const y = allocate(4 * Math.max(4096, nTokens) * 512);
for (const name of names) {
  const layout = LAYOUTS.indexOf(name);
  if (layout < 0) throw new Error(`there is no layout ${name}; there are ${LAYOUTS.join(", ")}`);
  const { weights, groupBytes, nGroups } = makeWeights(name, layout);
  for (const level of levels) {
    if (layout < FLOATS && level !== "simd128") continue; // the same kernels
    const table = exports.table(LEVELS[level]);
    if (!table) continue;
    const tileBytes = exports.tile_bytes(table, layout, K);
    const form = allocate(GEMM.nTiles * tileBytes);
    const one = allocate(tileBytes);
    exports.quantise(table, layout, one, floats, K, 0);
    exports.quantise(table, layout, form, floats, K, GEMM.nTiles);
    candidates.push({
      name: `gemv ${name} ${level}`, bytes: nGroups * groupBytes, macs: nGroups * 8 * K, samples: [], calls: Math.ceil(nGroups / PORTION),
      // In portions, as the engine calls it: a long call would stay in the baseline tier.
      run: (call) => exports.gemv(table, layout, y, weights + call * PORTION * groupBytes, one, K, Math.min(PORTION, nGroups - call * PORTION)),
    });
    candidates.push({
      name: `gemm ${name} ${level}`, macs: 8 * GEMM.nGroups * nTokens * K, samples: [],
      run: () => exports.gemm(table, layout, y, 8 * GEMM.nGroups, weights, form, K, GEMM.nGroups, GEMM.nTiles, panel),
    });
  }
}

// Attention of three heads that share a KV head, as in SmolLM2, for one token and for four.
const ATTENTION = { nHeads: 3, headDim: 64, nPositions: 2048 };
const CACHES = { f32: 0, f16: 1, int8: 2 };
const PARTS = { scores: 1, softmax: 2, mix: 4 };
if (positionals.length === 0 || positionals.includes("attention")) {
  const { nHeads, headDim, nPositions } = ATTENTION;
  const nItems = headDim * nPositions;
  const scores = allocate(4 * 4 * nHeads * (nPositions + 16));
  const scales = allocate(4 * nPositions);
  new Float32Array(memory.buffer, scales, nPositions).fill(0.01);
  for (const [type, index] of Object.entries(CACHES)) {
    const [keys, values] = [0, 1].map(() => allocate(4 * nItems));
    const half = F16_HUNDREDTH | F16_HUNDREDTH << 16;
    for (const at of [keys, values]) {
      if (type === "f32") new Float32Array(memory.buffer, at, nItems).forEach((_, i, x) => (x[i] = Math.random() - 0.5));
      else new Int32Array(memory.buffer, at, nItems / 2).fill(type === "f16" ? half : 0x11f2e3d4);
    }
    for (const [part, bit] of Object.entries(PARTS)) {
      if (part === "softmax" && type !== "f32") continue; // the same for all
      for (const level of type === "int8" ? levels : ["simd128"]) {
        const table = exports.table(LEVELS[level]);
        if (!table) continue;
        for (const nTokens of type === "int8" ? [1, 4] : [1]) {
          candidates.push({
            name: `attention ${type} ${part} ${level}${nTokens > 1 ? `, ${nTokens} tokens` : ""}`, samples: [],
            macs: nTokens * nHeads * (part === "softmax" ? nPositions : nItems),
            run: () => exports.attention(table, index, y, scores, floats, nHeads, nTokens, keys, values, scales, headDim, nPositions, bit),
          });
        }
      }
    }
  }
}

// One sample: enough runs for SAMPLE_MS, in seconds a run. A gemv goes through all of its weights, call by call.
function sample(candidate) {
  const begin = performance.now();
  let n = 0;
  const { calls = 1 } = candidate;
  candidate.at ??= 0;
  do {
    candidate.run(candidate.at);
    candidate.at = (candidate.at + 1) % calls;
    n++;
  } while (performance.now() - begin < SAMPLE_MS);
  return (performance.now() - begin) / 1e3 / n * calls;
}

for (let round = 0; round < Number(values.rounds) + 3; round++) {
  for (const candidate of candidates) {
    const seconds = sample(candidate);
    if (round >= 3) candidate.samples.push(seconds); // the first rounds reach the optimising compiler
  }
}

const rate = ({ samples }, amount) => amount / median(samples) / 1e9;
const streaming = rate(candidates[0], GEMV_BYTES);
console.log(`streaming read ${streaming.toFixed(1)} GB/s`);
for (const candidate of candidates.slice(1)) {
  const { name, macs, bytes } = candidate;
  const ofMemory = bytes ? `  ${rate(candidate, bytes).toFixed(1).padStart(5)} GB/s, ${(100 * rate(candidate, bytes) / streaming).toFixed(0)} % of streaming` : "";
  console.log(`${name.padEnd(22)} ${rate(candidate, macs).toFixed(1).padStart(6)} GMAC/s${ofMemory}`);
}
