// bench.mjs: Sotto beside its peers, on the same files (make bench; FULL=1 for all of it). The engines take turns, in an
// order that rotates; figures are medians of single runs in tokens a second, and what counts is their ratio to native
// llama.cpp in the same run. That of the fastest runs, which others on the machine disturbed least, stands beside it. Writes
// build/bench/result.json and tests/bench/speed.svg, and says which ratios fall short.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { load } from "../../build/sotto/index.js";
import { median } from "../fidelity/statistics.mjs";
import { chart } from "./chart.mjs";
import { MODELS, ORACLE, ROOT, chromium, close, llamaWasm, native, node, wllama } from "./engines.mjs";
import { writeBillion } from "./billion.mjs";

const FULL = process.env.FULL === "1";
const N_SHORT = 5; // runs
const N_LONG = FULL ? 5 : 2;

const SHORT = { prompt: 256, new: 64, depth: 0 };
const DEEP = { prompt: 256, new: 64, depth: 2048 };
const JOB = { prompt: 2048, new: 128, depth: 0 }; // read a transcript, write a summary: the total time counts

const cached = (name) => join(ROOT, "models/cache", `${name}.gguf`);
const SMOLLM2 = cached("SmolLM2-135M-Instruct.Q4_1");

// The ratios to native llama.cpp that are aimed at: prefill and decode of SHORT, decode of DEEP, time of JOB.
const FILES = [
  { name: "SmolLM2 Q4_1", path: SMOLLM2, aims: { prefill: 2.2, decode: 1.8, deep: 2.5, job: 0.4 } },
  { name: "SmolLM2 Q4_0", path: made("Q4_0"), aims: { prefill: 0.85, decode: 1.3, deep: 2, job: 0.75 } },
  { name: "SmolLM2 Q8_0", path: made("Q8_0"), aims: { prefill: 0.6, decode: 1.3, deep: 2, job: 0.9 } },
  { name: "SmolLM2 Q4_K_M", path: made("Q4_K_M"), aims: { prefill: 0.8, decode: 1.4, deep: 2, job: 0.8 } },
  { name: "gemma-3-270m Q4_K_M", path: cached("gemma-3-270m-q4_k_m"), aims: { prefill: 0.8, decode: 1.6, deep: 1.6 } },
].filter(({ path }) => existsSync(path));

/** SmolLM2 in another type: the Q4_1 file's weights as F32, quantised anew. */
function made(type) {
  const path = join(MODELS, `SmolLM2-135M-Instruct.${type}.gguf`);
  if (existsSync(path)) return path;
  mkdirSync(MODELS, { recursive: true });
  const exact = join(MODELS, "exact.gguf");
  const quantize = (...args) => execFileSync(join(ORACLE, "llama-quantize"), args, { stdio: "pipe" });
  if (!existsSync(exact)) quantize("--allow-requantize", SMOLLM2, exact, "F32");
  quantize(exact, path, type);
  return path;
}

/** Llama 3.2 1B's shape in Q4_0. */
function billion() {
  const path = join(MODELS, "1b.Q4_0.gguf");
  if (!existsSync(path)) writeBillion(path);
  return path;
}

/** Bytes of weights that a token reads: all, in models whose head is the embedding, as of those here it is. */
async function weightBytes(path) {
  const model = await load(pathToFileURL(path), { nCtx: 8 });
  model.close();
  return model.info.weightBytes;
}

/** GB/s of weights beside those of a plain read in the same place. */
async function reportBytes(file, path, engines) {
  file.weightBytes = await weightBytes(path);
  file.streaming = {};
  for (const { name, streaming } of engines.filter((engine) => engine.streaming)) {
    const rate = file.short[name].decode.median * file.weightBytes / 1e9, plain = await streaming();
    file.streaming[name] = { weights: rate, plain };
    say(`  ${"weights".padEnd(22)} ${name.padEnd(20)} ${rate.toFixed(1).padStart(7)} GB/s, ${(100 * rate / plain).toFixed(0)} % of a plain streaming read (${plain.toFixed(1)})`);
  }
}

/** Tokens a second of a text that comes again and again, with and without look-up decoding. */
async function lookup(path) {
  const model = await load(pathToFileURL(path), { nCtx: 1024 });
  const prompt = "The minutes say that the budget was agreed, that Ann will write to the board, and that we meet again in May.\n".repeat(6);
  const rates = { with: [], without: [] };
  const texts = new Set();
  let tokens;
  for (let round = 0; round < 7; round++) {
    for (const way of Object.keys(rates)) {
      const begin = performance.now();
      const { choices, usage } = await model.completions.create({ prompt, max_tokens: 128, temperature: 0, lookup: way === "with" });
      if (round > 0) rates[way].push(usage.completion_tokens / (performance.now() - begin) * 1e3);
      texts.add(choices[0].text);
      tokens = usage.completion_tokens;
    }
  }
  model.close();
  if (texts.size !== 1) throw new Error("look-up decoding changed the answer");
  return { with: median(rates.with), without: median(rates.without), tokens };
}

const spread = (values) => ({ median: median(values), min: Math.min(...values), max: Math.max(...values) });

/** Runs engines by turns; { name -> { prefill, decode, seconds } }, each { median, min, max }. */
async function compare(path, plan, engines, nRuns) {
  const runs = new Map(engines.map(({ name }) => [name, []]));
  for (let round = 0; round < nRuns; round++) {
    for (let i = 0; i < engines.length; i++) {
      const engine = engines[(round + i) % engines.length];
      const { prefill, decode } = await engine.measure(path, plan);
      runs.get(engine.name).push({ prefill, decode, seconds: plan.prompt / prefill + plan.new / decode });
    }
  }
  const of = (list, key) => spread(list.map((run) => run[key]));
  return Object.fromEntries([...runs].map(([name, list]) =>
    [name, { prefill: of(list, "prefill"), decode: of(list, "decode"), seconds: of(list, "seconds") }]));
}

const short = []; // what falls short
let subject; // the file that is measured
const say = (text) => console.log(text);

function report(title, results, key, aim) {
  const peer = results[native.name];
  for (const [name, result] of Object.entries(results)) {
    const { median: value, min, max } = result[key];
    const ratio = peer && value / peer[key].median;
    const isOurs = name.startsWith("Sotto");
    const misses = isOurs && aim && (key === "seconds" ? ratio > aim : ratio < aim);
    if (misses) short.push(`${subject}: ${title}, ${name}: ${ratio.toFixed(2)}, not ${aim}`);
    const unit = key === "seconds" ? "s" : "tokens/s";
    const fastest = peer && (key === "seconds" ? min / peer[key].min : max / peer[key].max);
    const versus = peer && name !== native.name ? `  ${ratio.toFixed(2)} of native${misses ? `, aim ${aim}` : ""}; of the fastest runs ${fastest.toFixed(2)}` : "";
    say(`  ${title.padEnd(22)} ${name.padEnd(20)} ${value.toFixed(1).padStart(7)} ${unit} (${min.toFixed(1)} to ${max.toFixed(1)})${versus}`);
  }
}

for (const { missing } of [native, chromium, wllama, llamaWasm]) if (missing) say(`left out: ${missing}`);
const engines = [native, node, chromium].filter(({ missing }) => !missing);
const started = performance.now();
const result = { machine: cpus()[0].model, date: new Date().toISOString().slice(0, 10), files: {}, curve: {} };

for (const { name, path, aims } of FILES) {
  const sha256 = createHash("sha256").update(readFileSync(path)).digest("hex");
  subject = name;
  say(`\n${name} (sha256 ${sha256.slice(0, 16)}...)`);
  const file = result.files[name] = { sha256 };
  const isMain = path === SMOLLM2;
  file.short = await compare(path, SHORT, engines, N_SHORT);
  report("prefill 256", file.short, "prefill", aims.prefill);
  report("decode 64", file.short, "decode", aims.decode);
  await reportBytes(file, path, engines);
  const rivals = [isMain && wllama, (isMain || FULL) && llamaWasm].filter((rival) => rival && !rival.missing); // once each
  file.rivals = await compare(path, SHORT, rivals, 1);
  report("prefill 256", file.rivals, "prefill");
  report("decode 64", file.rivals, "decode");
  if (isMain || FULL || name.startsWith("gemma")) {
    file.deep = await compare(path, DEEP, engines, N_LONG);
    report("decode behind 2,048", file.deep, "decode", aims.deep);
  }
  if (aims.job && (isMain || FULL)) {
    file.job = await compare(path, JOB, engines, N_LONG);
    report("the job", file.job, "seconds", aims.job);
    if (FULL && isMain) {
      file.rivalsJob = await compare(path, JOB, rivals, 1);
      report("the job", file.rivalsJob, "seconds");
    }
  }
}

// Within Sotto: what two threads and relaxed SIMD are worth, and how fast two threads read memory in the same runs.
say("\nSmolLM2 Q4_1 in Node: threads and levels, beside one thread with relaxed SIMD");
const one = { ...node, name: "one thread" };
const two = { ...node, name: "two threads", measure: (path, plan) => node.measure(path, { ...plan, threads: 2 }) };
const plain = { ...node, name: "simd128", measure: (path, plan) => node.measure(path, { ...plan, level: "simd128" }) };
result.own = await compare(SMOLLM2, SHORT, [one, two, plain], N_SHORT);
const readBy = { one: await node.streaming(1), two: await node.streaming(2) };
const ratioOf = ({ name }, key) => result.own[name][key].median / result.own[one.name][key].median;
for (const key of ["prefill", "decode"])
  for (const engine of [two, plain]) say(`  ${key.padEnd(10)} ${engine.name.padEnd(14)} ${ratioOf(engine, key).toFixed(2)} of one thread with relaxed SIMD`);
const { weightBytes: ownBytes } = result.files[FILES.find(({ path }) => path === SMOLLM2).name];
const share = result.own[two.name].decode.median * ownBytes / 1e9 / readBy.two;
result.own.streaming = { ...readBy, share };
say(`  two threads read ${readBy.two.toFixed(1)} GB/s, one ${readBy.one.toFixed(1)}; decode with two reads weights at ${(100 * share).toFixed(0)} % of that`);
if (ratioOf(two, "prefill") < 1.75) short.push(`prefill, two threads: ${ratioOf(two, "prefill").toFixed(2)}, not 1.75`);
if (ratioOf(two, "decode") < 1.5 && share < 0.85)
  short.push(`decode, two threads: ${ratioOf(two, "decode").toFixed(2)}, not 1.5, and ${share.toFixed(2)} of the streaming read, not 0.85`);
if (ratioOf(plain, "prefill") < 0.5) short.push(`prefill, simd128: ${ratioOf(plain, "prefill").toFixed(2)}, not 0.5`);

if (FULL && !native.missing) {
  const path = billion();
  subject = "1B's shape";
  say("\na model of 1B's shape, random weights, Q4_0");
  result.billion = await compare(path, { prompt: 128, new: 32, depth: 0 }, [native, node], 3);
  report("prefill 128", result.billion, "prefill", 0.45);
  report("decode 32", result.billion, "decode", 0.85);
}

say("\nlook-up decoding: an answer that repeats its prompt, tokens a second with it and without");
result.lookup = await lookup(SMOLLM2);
say(`  ${result.lookup.with.toFixed(0)} with, ${result.lookup.without.toFixed(0)} without, the same ${result.lookup.tokens} tokens`);

say("\ndecode, by tokens of context");
for (const depth of FULL ? [0, 512, 1024, 2048, 4096, 8192] : [0, 1024, 2048, 4096]) {
  result.curve[depth] = await compare(SMOLLM2, { prompt: 8, new: 32, depth }, [native, node].filter(({ missing }) => !missing), 1);
  report(`${depth}`, result.curve[depth], "decode");
}
await close();

mkdirSync(join(ROOT, "build/bench"), { recursive: true });
writeFileSync(join(ROOT, "build/bench/result.json"), `${JSON.stringify(result, null, 1)}\n`);
writeFileSync(join(ROOT, "tests/bench/speed.svg"), chart(result));
say(`\n${short.length ? `These fall short:\n  ${short.join("\n  ")}` : "All aims are reached."}`);
say(`in ${Math.round((performance.now() - started) / 60_000)} minutes; build/bench/result.json, tests/bench/speed.svg`);
