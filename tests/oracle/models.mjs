// models.mjs: small models with random weights, one of each family, made by llama.cpp's test-llama-archs: 2 layers, 256
// wide, 128 tokens. Weights of such a file that would hide mistakes are changed, and what llama.cpp reads and then leaves
// out of the graph is taken away, as long as the family's real files do not have it. Mixtures get more experts: of the two
// that they are made with every token goes to both, and a router that chooses wrongly would pass.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, serialise, value } from "../../models/gguf.mjs";
import { BIN, ROOT } from "../fidelity/oracle.mjs";
import { mulberry32 } from "../fidelity/statistics.mjs";

const WORK = join(ROOT, "build/oracle");
const SEED = "1";
const EXPERTS = { n: 8, nUsed: 3, deviation: 0.1 }; // the last as test-llama-archs has it

const MIXTURES = ["llama:moe", "qwen2moe", "qwen3moe", "olmoe", "granitemoe", "gpt-oss", "ernie4_5-moe", "phimoe"];

export const FAMILIES = ["arcee", "baichuan", "bloom", "chatglm", "codeshell", "cohere2", "command-r", "deci", "ernie4_5",
  "exaone", "exaone4", "falcon", "gemma", "gemma2", "gemma3", "glm4", "gpt2", "gptneox", "granite", "granite_swa", "hunyuan-dense", "hunyuan_vl",
  "internlm2", "jais", "jais2", "llama", "maincoder", "minicpm", "mistral3", "mpt", "nemotron", "olmo", "olmo2", "openelm", "orion",
  "pangu-embedded", "phi2", "phi3", "qwen", "qwen2", "qwen2vl", "qwen3", "qwen3vl", "refact", "seed_oss", "smollm3",
  "stablelm", "starcoder", "starcoder2", "xverse", ...MIXTURES];

// Norms near 0 make all attention uniform, and divisors near 0 angles that no two programs round alike.
const NEAR_ONE = /norm.*\.weight$|\.scales?$|^rope_f.*\.weight$/;

// [families, names]: read by llama.cpp for these and not used. A scale of the feed-forward is one after the bias there,
// where others have it before.
const UNUSED = [
  [["ernie4_5", "ernie4_5-moe", "refact"], /attn_output\.bias$/],
  [["refact"], /ffn_.*\.bias$/],
  [["refact", "pangu-embedded"], /^rope_freqs/],
  [["qwen2vl"], /^output\.bias$/],
  [["qwen3", "qwen3vl"], /^cls\./],
  [["mpt"], /attn_k_norm/],
  [["openelm"], /attn_qkv\.scale$/],
  [FAMILIES.filter((family) => family !== "qwen3" && family !== "cohere2"), /ffn_.*\.scale$/],
];
export const TYPES = ["Q8_0", "Q4_0", "Q4_K", "MXFP4_MOE"];
const UNUSED_KEYS = ["ernie4_5.expert_count", "ernie4_5.expert_used_count"];

function nearOne(data) {
  const changed = Buffer.from(data);
  for (let at = 0; at < data.length; at += 4) changed.writeFloatLE(1 + Math.abs(data.readFloatLE(at)), at);
  return changed;
}

const OF_EXPERTS = /_exps\.|ffn_gate_inp\.|exp_probs_b/; // the last dimension is an expert's number

/** Normal deviates with the mean 0 (Box and Muller, 1958). */
function normal(random, n) {
  const values = Float32Array.from({ length: n }, () =>
    EXPERTS.deviation * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
  return Buffer.from(values.buffer);
}

function addExperts(architecture, { keys, tensors }) {
  const random = mulberry32(1);
  keys.set(`${architecture}.expert_count`, value.u32(EXPERTS.n));
  keys.set(`${architecture}.expert_used_count`, value.u32(EXPERTS.nUsed));
  for (const [name, tensor] of tensors) {
    if (!OF_EXPERTS.test(name)) continue;
    tensor.dims = [...tensor.dims.slice(0, -1), EXPERTS.n];
    tensor.data = normal(random, tensor.dims.reduce((product, n) => product * n));
  }
}

function prepare(family, { keys, tensors }) {
  UNUSED_KEYS.forEach((key) => keys.delete(key));
  for (const [name, tensor] of tensors) {
    if (UNUSED.some(([families, names]) => families.includes(family) && names.test(name))) tensors.delete(name);
    if (NEAR_ONE.test(name)) tensor.data = nearOne(tensor.data);
  }
  return { keys, tensors };
}

/** The path of a family's file with F32 weights: made once, and kept below build/. name: "family", or "family:moe" of one
 *  whose dense models are compared too. */
export function modelOf(name) {
  const [family] = name.split(":");
  const path = join(WORK, `${name.replace(":", "-")}.f32.gguf`);
  if (existsSync(path)) return path;
  mkdirSync(WORK, { recursive: true });
  execFileSync(join(BIN, "test-llama-archs"), ["-s", SEED, "-o", WORK, "-a", family], { stdio: "pipe" });
  const made = ["dense", "moe"].map((kind) => join(WORK, `${family}-${kind}.gguf`));
  const file = parse(readFileSync(MIXTURES.includes(name) ? made[1] : made.find(existsSync)));
  if (MIXTURES.includes(name)) addExperts(family, file);
  writeFileSync(path, serialise(prepare(family, file)));
  made.forEach((file) => rmSync(file, { force: true }));
  return path;
}

/** The types in which a family is compared; mixtures too in the one that gpt-oss has, with experts of MXFP4. */
export const typesOf = (name) => (MIXTURES.includes(name) ? TYPES : TYPES.slice(0, -1));

/** The paths of the same quantised to a type, and of those weights as F32; the files are written anew each time. */
export function quantised(family, type) {
  const [path, exact] = ["quantised.gguf", "exact.gguf"].map((name) => join(WORK, name));
  const run = (...args) => execFileSync(join(BIN, "llama-quantize"), args, { stdio: "pipe" });
  run(modelOf(family), path, type);
  run("--allow-requantize", path, exact, "F32");
  return { path, exact };
}
