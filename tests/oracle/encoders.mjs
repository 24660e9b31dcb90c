// encoders.mjs: are the vectors and scores of each family of encoders llama.cpp's, with every pooling, and those of pairs of
// texts? `make test-oracle` runs it; it needs the oracle (tests/fidelity/oracle.mjs). The models are the tiny ones of
// models/make-tiny.mjs, with F32 weights; for pairs they get the vocabularies that llama.cpp carries.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parse, serialise, value } from "../../models/gguf.mjs";
import { ENCODERS, N_VOCAB, RERANKERS, makeTiny } from "../../models/make-tiny.mjs";
import { ROOT, VOCABULARIES, ask, requireOracle } from "../fidelity/oracle.mjs";
import { cosine, mulberry32 } from "../fidelity/statistics.mjs";
import { HARD } from "../fidelity/strings.mjs";
import { scoresOf } from "./pairs.mjs";

const { openEngine } = await import(join(ROOT, "build/sotto/bin/direct.mjs"));
const { Breath } = await import(join(ROOT, "build/sotto/engine.js"));
const { load } = await import(join(ROOT, "build/sotto/index.js"));

const WORK = join(ROOT, "build/oracle");
const MIN_COSINE = 0.9999;
const MAX_DIFFERENCE = 2e-3; // of scores, as a part of the largest one: llama.cpp's GELU has 16 bits
const N_CTX = 64;
const LENGTHS = [1, 2, 13, 40, N_CTX];
const POOLINGS = { none: 0, mean: 1, first: 2, last: 3 }; // GGUF's numbers
const N_DOCUMENTS = 40;

const random = mulberry32(3);
const LISTS = LENGTHS.map((n) => Array.from({ length: n }, () => Math.floor(random() * N_VOCAB)));

function write(name, file) {
  const path = join(WORK, name);
  writeFileSync(path, serialise(file));
  return path;
}

const architectureOf = (name) => name.split(":")[0];
const size = (numbers) => Math.max(...numbers.map(Math.abs));
const differenceOf = (found, expected) => size(found.map((score, i) => score - expected[i])) / size(expected);

/** Sotto's rows of all lists. pooling: none, or one that the file does not name. */
async function rowsOf(path, pooling) {
  const engine = await openEngine(pathToFileURL(path).href, { nCtx: N_CTX, kvType: "f32" });
  const rows = [];
  for (const tokens of LISTS) rows.push(await engine.embed(tokens, { pooling, breath: new Breath() }));
  return rows;
}

/** Of a file that names no pooling: it must be asked for. llama.cpp's program gives the last token's vector then. */
async function rowsWithoutPooling(path) {
  const answer = await rowsOf(path).catch(({ code }) => code);
  if (answer !== "NO_POOLING") throw new Error("a file without pooling is not refused");
  return rowsOf(path, "last");
}

async function compareVectors(name) {
  const results = [];
  for (const [pooling, number] of Object.entries(POOLINGS)) {
    const file = parse(makeTiny(name));
    file.keys.set(`${architectureOf(name)}.pooling_type`, value.u32(number));
    const path = write("encoder.gguf", file);
    const expected = ask(path, ["embed"], LISTS).map(({ embedding }) => embedding);
    const rows = await (pooling === "none" ? rowsWithoutPooling : rowsOf)(path);
    const error = Math.max(...rows.map((row, i) => 1 - cosine(row, expected[i])));
    results.push({ what: pooling, error, limit: 1 - MIN_COSINE });
  }
  return results;
}

async function compareScores(name) {
  const path = write("encoder.gguf", parse(makeTiny(name)));
  const expected = ask(path, ["embed"], LISTS).map(({ embedding }) => embedding);
  const found = (await rowsOf(path)).flatMap((row) => [...row]);
  return [{ what: "rank", error: differenceOf(found, expected.flat()), limit: MAX_DIFFERENCE }];
}

/** The tiny model with a vocabulary of llama.cpp's, and keys on top. */
function withVocabulary(name, vocabulary, keys) {
  const file = parse(makeTiny(name));
  const tokens = parse(readFileSync(join(VOCABULARIES, `ggml-vocab-${vocabulary}.gguf`))).keys;
  for (const key of file.keys.keys()) if (key.startsWith("tokenizer.")) file.keys.delete(key);
  for (const [key, bytes] of tokens) if (key.startsWith("tokenizer.")) file.keys.set(key, bytes);
  for (const [key, bytes] of Object.entries(keys)) file.keys.set(key, bytes);
  file.keys.set("tokenizer.ggml.token_type_count", value.u32(2));
  const nTokens = Number(tokens.get("tokenizer.ggml.tokens").readBigUInt64LE(8));
  file.keys.set(`${architectureOf(name)}.vocab_size`, value.u32(nTokens));
  const embedding = file.tensors.get("token_embd.weight");
  embedding.dims = [embedding.dims[0], nTokens];
  const numbers = Float32Array.from({ length: embedding.dims[0] * nTokens }, () => 2 * random() - 1);
  embedding.data = Buffer.from(numbers.buffer);
  return write("reranker.gguf", file);
}

// What is around and between texts is said by newer files.
const adds = (bos, eos, separator) => Object.fromEntries(Object.entries({ bos, eos, sep: separator })
  .map(([name, flag]) => [`tokenizer.ggml.add_${name}_token`, value.bool(flag)]));
const template = value.string("<|im_start|>query: {query}\ndocument: {document}<|im_end|>\n");
const PAIRS = [
  { name: "bert:pair", vocabulary: "bert-bge", kind: "pair", keys: {} },
  { name: "bert:pair", vocabulary: "bert-bge", kind: "pair", keys: adds(true, true, false) },
  { name: "bert:roberta", vocabulary: "nomic-bert-moe", kind: "single", keys: {} },
  { name: "bert:roberta", vocabulary: "nomic-bert-moe", kind: "roberta", keys: adds(true, true, true) },
  { name: "qwen3:judge", vocabulary: "qwen2", kind: "judge", keys: { "tokenizer.chat_template.rerank": template } },
];

async function comparePairs({ name, vocabulary, kind, keys }) {
  const path = withVocabulary(name, vocabulary, keys);
  const texts = HARD.filter((text) => text.trim() && text.length < 12); // that fit into a tiny context
  const [query, ...documents] = Array.from({ length: 1 + N_DOCUMENTS }, () => texts[Math.floor(random() * texts.length)]);
  const { scores, nTokens } = scoresOf(path, kind, query, documents);
  const model = await load(pathToFileURL(path), { nCtx: N_CTX, kvType: "f32" });
  const { results, usage } = await model.rerank({ query, documents });
  model.close();
  if (usage.prompt_tokens !== nTokens) throw new Error(`${usage.prompt_tokens} tokens, not ${nTokens}`);
  const found = results.toSorted((a, b) => a.index - b.index).map(({ relevance_score }) => relevance_score);
  return [{ what: `pairs ${kind}`, error: differenceOf(found, scores), limit: MAX_DIFFERENCE }];
}

const number = (x) => x.toExponential(1);
let nFailed = 0;

function print(name, results) {
  nFailed += results.filter(({ error, limit }) => !(error < limit)).length;
  console.log(`${name.padEnd(18)} ${results.map(({ what, error, limit }) =>
    `${what} ${number(error)}${error < limit ? "" : " !"}`).join(", ")}`);
}

requireOracle();
mkdirSync(WORK, { recursive: true });
console.log(`1 - the least cosine with llama.cpp's vectors, and the largest difference of scores; ! where more than it should`);
for (const [name, { classHead }] of Object.entries({ ...ENCODERS, ...RERANKERS }))
  print(name, await (classHead ? compareScores : compareVectors)(name));
for (const pair of PAIRS) print(pair.name, await comparePairs(pair));
console.log(nFailed ? `${nFailed} failed` : "all pass");
process.exit(nFailed ? 1 : 0);
