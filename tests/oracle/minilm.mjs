// minilm.mjs: all-MiniLM-L6-v2 itself, on 1,000 texts: are its vectors llama.cpp's, and how fast are they beside it, with one
// thread each? `make test-oracle` runs it; it needs the oracle (tests/fidelity/oracle.mjs), and once a network.
//
// The texts are those of tests/fidelity/minilm.mjs. Each type is judged by the
// vectors of its exact weights, the file turned to F32: those with F32 weights by the largest distance, 1 - the cosine, the
// others by whether the mean one is larger than llama.cpp's by more than chance (a paired bootstrap). The speeds are of the same
// token ids, one text after another, in seconds of a processor, which other programs disturb least; loading does not count,
// llama.cpp's printing does (a hundredth or two). The two take turns, each with a tenth of the texts, and the ratio is the
// median of those. They decide nothing.
// usage: node tests/oracle/minilm.mjs [TYPE...]
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { BIN, PROGRAM, ROOT, ask, requireOracle } from "../fidelity/oracle.mjs";
import { bootstrap, cosine, mean, median } from "../fidelity/statistics.mjs";
import { MODEL, findTexts, makeModel, quantize } from "../fidelity/minilm.mjs";

const { openEngine } = await import(join(ROOT, "build/sotto/bin/direct.mjs"));
const { Breath } = await import(join(ROOT, "build/sotto/engine.js"));

const WORK = join(ROOT, "build/oracle");
const TYPES = ["F32", "F16", "Q8_0", "Q4_0"];
const N_TEXTS = 1000;
const N_ROUNDS = 10;
const N_WARM = 20;           // texts that are not timed
const N_CTX = 512;           // what the model has positions for
const MAX_DISTANCE = 1e-4;   // with F32 weights

/** The paths of a type's file, and of its exact weights. */
function filesOf(type) {
  if (type === "F32") return { path: MODEL, exact: MODEL };
  const [path, exact] = ["minilm.gguf", "minilm-exact.gguf"].map((name) => join(WORK, name));
  quantize(MODEL, path, type);
  quantize(path, exact, "F32");
  return { path, exact };
}

const rowsOf = (answers) => answers.map(({ embedding }) => embedding);

/** llama.cpp's vectors, and its seconds. */
function runLlama(path, tokens) {
  const run = (requests) => {
    const input = requests.map((ids) => `${JSON.stringify(ids)}\n`).join("");
    const command = ["-c", 'TIMEFORMAT=%U; time "$@"', "bash", PROGRAM, path, "embed", "--threads", "1"];
    const { stdout, stderr } = spawnSync("bash", command, { input, maxBuffer: 1 << 28, encoding: "utf8" });
    const rows = rowsOf(stdout.trim().split("\n").map((line) => JSON.parse(line)));
    return { rows, seconds: Number(stderr.trim().split("\n").at(-1)) };
  };
  const { rows, seconds } = run(tokens);
  return { rows, seconds: seconds - run(tokens.slice(0, 1)).seconds };
}

/** Sotto, warm, as a function of token ids that gives the same. */
async function openSotto(path, tokens) {
  const engine = await openEngine(pathToFileURL(path).href, { nCtx: N_CTX, nThreads: 1 });
  texts.forEach((text, i) => {
    const found = engine.tokenize(text, { bos: true });
    if (found.join() !== tokens[i].join()) throw new Error(`${JSON.stringify(text)} has the tokens ${found}, not ${tokens[i]}`);
  });
  const breath = new Breath();
  const run = async (tokens) => {
    const begin = process.cpuUsage();
    const rows = [];
    for (const ids of tokens) rows.push(await engine.embed(ids, { breath }));
    return { rows, seconds: process.cpuUsage(begin).user / 1e6 };
  };
  await run(tokens.slice(0, N_WARM));
  return run;
}

/** Both in turn: their vectors, and the texts a second of each round. */
async function timeBoth(path, tokens) {
  const engines = [(tokens) => runLlama(path, tokens), await openSotto(path, tokens)].map((run) => ({ run, rows: [], rates: [] }));
  const step = tokens.length / N_ROUNDS;
  for (let from = 0; from < tokens.length; from += step) {
    for (const engine of engines) {
      const { rows, seconds } = await engine.run(tokens.slice(from, from + step));
      engine.rows.push(...rows);
      engine.rates.push(step / seconds);
    }
  }
  return engines;
}

const number = (x) => Math.max(x, 0).toExponential(1);
const describe = ({ distances, rates }) => `${number(mean(distances))} ${number(Math.max(...distances))}, ${median(rates).toFixed(0)}`;

requireOracle();
mkdirSync(WORK, { recursive: true });
try {
  if (!existsSync(MODEL)) makeModel();
} catch (error) {
  console.log(`all-MiniLM-L6-v2 is left out, for it cannot be made: ${String(error.stderr || error.message).trim()}`);
  process.exit(0);
}
const texts = findTexts(N_TEXTS);
const tokens = ask(MODEL, ["tokens", "--bos"], texts).map(({ ids }) => ids);
const nTokens = tokens.reduce((sum, { length }) => sum + length, 0);
console.log(`all-MiniLM-L6-v2, ${N_TEXTS} texts, ${nTokens} tokens: mean and largest distance from the exact weights' vectors, ` +
  "texts a second");
const passes = [];
const chosen = process.argv.slice(2);
for (const type of chosen.length ? chosen : TYPES) {
  const { path, exact } = filesOf(type);
  const expected = rowsOf(ask(exact, ["embed"], tokens));
  const [llama, sotto] = (await timeBoth(path, tokens)).map(({ rows, rates }) =>
    ({ distances: rows.map((row, i) => 1 - cosine(row, expected[i])), rates }));
  const [low] = bootstrap(sotto.distances.map((distance, i) => distance - llama.distances[i]));
  const isRight = type === "F32" ? Math.max(...sotto.distances) < MAX_DISTANCE : low <= 0;
  passes.push(isRight);
  console.log(`${type.padEnd(5)} llama.cpp ${describe(llama)}; Sotto ${describe(sotto)}, ${
    median(sotto.rates.map((rate, i) => rate / llama.rates[i])).toFixed(2)} times as many${isRight ? "" : " !"}`);
}
process.exit(passes.every(Boolean) ? 0 : 1);
