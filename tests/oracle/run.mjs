// run.mjs: is each family of decoders computed as llama.cpp computes it? `make test-oracle` runs it; it needs the oracle
// (tests/fidelity/oracle.mjs).
//
// With F32 weights and an f32 cache both engines compute nearly the same: the normalised mean squared error of the logits
// must stay below MAX_ERROR, over a prompt whose beginning is reused from another one and single tokens after it. With
// quantised weights both round: the divergence KL(exact || engine) from the same weights as F32 is compared, in the geometric
// mean over the families, and for each of them by a paired bootstrap over the positions.
// usage: node tests/oracle/run.mjs [FAMILY...]
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT, WORK, ask, requireOracle } from "../fidelity/oracle.mjs";
import { bootstrap, divergence, logSoftmax, mean, mulberry32, normalisedError } from "../fidelity/statistics.mjs";
import { FAMILIES, TYPES, modelOf, quantised, typesOf } from "./models.mjs";

const { openEngine } = await import(join(ROOT, "build/sotto/bin/direct.mjs"));
const { Breath } = await import(join(ROOT, "build/sotto/engine.js"));

const MAX_ERROR = 1e-5;
const N_VOCAB = 128;
const N_CTX = 256;         // what the models have positions for
const N_CTX_LONG = 8192;   // the oracle's: beyond what LongRoPE calls short
const PROMPT = { reused: 120, whole: 200, withSteps: 250 };
const N_PROMPTS = 4;       // for the divergences

const random = mulberry32(7);
const randomTokens = (n) => Array.from({ length: n }, () => Math.floor(random() * N_VOCAB));
const TOKENS = randomTokens(PROMPT.withSteps);
const OTHER_TOKENS = randomTokens(30);
const PROMPTS = Array.from({ length: N_PROMPTS }, () => randomTokens(PROMPT.whole));

// llama.cpp's logits at every position of some prompts, one row after another.
function rowsOfLlama(path, prompts) {
  const full = join(WORK, "rows.f32");
  ask(path, ["logits", "--kv", "f32", "--positions", "--top", "1", "--full", full], prompts);
  const logits = new Float32Array(readFileSync(full).buffer);
  rmSync(full);
  return Array.from({ length: logits.length / N_VOCAB }, (_, i) => logits.subarray(i * N_VOCAB, (i + 1) * N_VOCAB));
}

const open = (path, nCtx) => openEngine(pathToFileURL(path).href, { nCtx, kvType: "f32" });

async function rowsOfSotto(engine, prompts) {
  const rows = [];
  for (const prompt of prompts) {
    await engine.eachLogits(prompt, { all: true, breath: new Breath() }, (_, row) => rows.push(row.slice()));
  }
  return rows;
}

// The logits at every position of TOKENS, by way of another prompt with the same beginning, and with single steps at the
// end.
async function rowsAcrossReuse(engine) {
  const rows = [];
  const take = async (from, to) => {
    await engine.compute(new Breath());
    for (let position = from; position < to; position++) rows[position] = engine.logitsRow(position).slice();
  };
  engine.sync([...TOKENS.slice(0, PROMPT.reused), ...OTHER_TOKENS]);
  await take(0, PROMPT.reused);
  const nReused = engine.sync(TOKENS.slice(0, PROMPT.whole));
  if (nReused !== PROMPT.reused) throw new Error(`${nReused} tokens were reused, not ${PROMPT.reused}`);
  await take(PROMPT.reused, PROMPT.whole);
  for (let position = PROMPT.whole; position < TOKENS.length; position++) {
    engine.append([TOKENS[position]]);
    await take(position, position + 1);
  }
  return rows;
}

async function compareExact(family, nCtx) {
  const path = modelOf(family);
  return normalisedError(await rowsAcrossReuse(await open(path, nCtx)), rowsOfLlama(path, [TOKENS]));
}

// The mean divergences of both engines, and whether Sotto's is larger by more than chance.
async function compareQuantised(family, type, nCtx) {
  const { path, exact } = quantised(family, type);
  const expected = rowsOfLlama(exact, PROMPTS).map(logSoftmax);
  const divergences = (rows) => rows.map((row, i) => divergence(expected[i], logSoftmax(row)));
  const llama = divergences(rowsOfLlama(path, PROMPTS));
  const sotto = divergences(await rowsOfSotto(await open(path, nCtx), PROMPTS));
  const [low] = bootstrap(sotto.map((kl, i) => kl - llama[i]));
  return { llama: mean(llama), sotto: mean(sotto), ratio: mean(sotto) / mean(llama), isWorse: low > 0 };
}

async function measure(family) {
  const hasLongRope = readFileSync(modelOf(family)).includes("rope_factors_long");
  const nCtx = hasLongRope ? N_CTX_LONG : N_CTX;
  const result = { family, error: await compareExact(family, nCtx), types: {} };
  for (const type of typesOf(family)) result.types[type] = await compareQuantised(family, type, nCtx);
  return result;
}

const number = (x) => x.toExponential(1).padStart(8);

function print({ family, error, types }) {
  const columns = Object.values(types).map(({ llama, sotto, isWorse }) =>
    `${number(llama)} ${number(sotto)}${isWorse ? " !" : "  "}`);
  console.log(`${family.padEnd(16)} ${number(error)}${error < MAX_ERROR ? "  " : " !"} ${columns.join("  ")}`);
}

requireOracle();
const chosen = process.argv.slice(2);
const results = [];
console.log("error of the logits with F32 weights; mean KL(exact || llama.cpp) and KL(exact || Sotto), ! where worse");
console.log(`${"".padEnd(16)}      F32   ${TYPES.map((type) => type.padStart(17)).join("    ")}`);
for (const family of chosen.length ? chosen : FAMILIES) {
  results.push(await measure(family));
  print(results.at(-1));
}
const ratios = Object.entries(Object.groupBy(results.flatMap(({ types }) => Object.entries(types)), ([type]) => type))
  .map(([type, list]) => ({ type, ratio: Math.exp(mean(list.map(([, { ratio }]) => Math.log(ratio)))) }));
console.log(`geometric mean of KL(exact || Sotto) / KL(exact || llama.cpp): ${
  ratios.map(({ type, ratio }) => `${type} ${ratio.toPrecision(3)}`).join(", ")}`);
const failed = results.filter(({ error, types }) =>
  !(error < MAX_ERROR) || Object.values(types).some(({ isWorse }) => isWorse));
console.log(failed.length ? `failed: ${failed.map(({ family }) => family).join(", ")}` : `${results.length} families pass`);
process.exit(failed.length || ratios.some(({ ratio }) => !(ratio <= 1)) ? 1 : 0);
