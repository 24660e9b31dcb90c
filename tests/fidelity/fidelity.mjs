// fidelity.mjs: is Sotto as faithful to a model file as llama.cpp? `make fidelity` runs it, for the catalogue's models or those
// that are named; it needs the oracle (llama.cpp with a small program on top: tokens, logits) in $SOTTO_ORACLE or
// ~/.cache/sotto-oracle.
//
// The yardstick is the file's exact weights: the same file turned to F32 and run with an f32 cache. For each position
// of texts.txt, each text alone and all of them as one prompt of 2,048 tokens, it takes the divergence
// KL(exact || engine) of llama.cpp and of Sotto, both on the quantised file, and compares the means by a paired
// bootstrap over the positions. Sotto runs in batches and token by token, which must give the same bits, and once more
// with an int8 cache.
//
// All logits pass through named pipes, a row at a time: those of one model would fill 20 GB of disk.
import { execFileSync, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MODELS, PROGRAM, SOTTO, TEXTS, WORK, ask, exactWeights, modelPath, requireOracle, tokens } from "./oracle.mjs";
import { bootstrap, divergence, logSoftmax, mean, topOf } from "./statistics.mjs";

const LONG_PROMPT = 2048; // tokens
const INT8_SLACK = 1.1;

// An engine at work: its rows of logits come through a pipe. The shell opens the pipe before the engine starts, so
// that one that fails ends the rows instead of letting us wait for ever.
class Engine {
  #row = null;

  constructor(name, command, requestsPath) {
    this.name = name;
    this.pipe = join(WORK, `${name}.pipe`);
    rmSync(this.pipe, { force: true });
    execFileSync("mkfifo", [this.pipe]);
    const input = openSync(requestsPath, "r");
    const script = 'exec 3>"$0"; exec "$@" --positions --top 1 --full "$0"';
    spawn("sh", ["-c", script, this.pipe, ...command], { stdio: [input, "ignore", "inherit"] });
    this.file = openSync(this.pipe, "r");
    closeSync(input);
  }

  /** The next position's logits; the array is used again for the one after. */
  nextRow(nVocab) {
    this.#row ??= new Float32Array(nVocab);
    const bytes = new Uint8Array(this.#row.buffer);
    for (let at = 0; at < bytes.length;) {
      const n = readSync(this.file, bytes, at, bytes.length - at);
      if (n === 0) throw new Error(`${this.name} ended before its last position`);
      at += n;
    }
    return this.#row;
  }

  close() {
    closeSync(this.file);
    rmSync(this.pipe);
  }
}

function vocabularySize(model) {
  const path = join(WORK, "one-row.f32");
  ask(model, ["logits", "--full", path], [[0]]);
  const nVocab = readFileSync(path).length / 4;
  rmSync(path);
  return nVocab;
}

const isSame = (a, b) => Buffer.compare(Buffer.from(a.buffer), Buffer.from(b.buffer)) === 0;

// Each engine's divergence and agreement at each position; and how many positions differ between Sotto's two runs.
function compare(engines, nVocab, nPositions) {
  const result = { llamaKl: [], sottoKl: [], int8Kl: [], llamaTop: 0, sottoTop: 0, nUnequal: 0 };
  for (let i = 0; i < nPositions; i++) {
    if (i % 500 === 499) console.error(`${i + 1} of ${nPositions} positions`);
    const exact = engines.exact.nextRow(nVocab);
    const llama = engines.llama.nextRow(nVocab);
    const sotto = engines.sotto.nextRow(nVocab);
    if (!isSame(sotto, engines.single.nextRow(nVocab))) result.nUnequal++;
    const top = topOf(exact);
    result.llamaTop += topOf(llama) === top;
    result.sottoTop += topOf(sotto) === top;
    const expected = logSoftmax(exact);
    result.llamaKl.push(divergence(expected, logSoftmax(llama)));
    result.sottoKl.push(divergence(expected, logSoftmax(sotto)));
    result.int8Kl.push(divergence(expected, logSoftmax(engines.int8.nextRow(nVocab))));
  }
  return result;
}

// Prints one comparison; returns whether Sotto passes: its mean is not above `slack` times llama.cpp's by more than chance.
function report(title, llamaKl, sottoKl, slack = 1) {
  const [low, high] = bootstrap(sottoKl.map((kl, i) => kl - slack * llamaKl[i]));
  const verdict = low > 0 ? "LESS faithful" : high < 0 ? "more faithful" : "as faithful";
  console.log(`  ${title}, ${llamaKl.length} positions: mean KL(exact || llama.cpp) ${mean(llamaKl).toExponential(2)}, ` +
    `KL(exact || Sotto) ${mean(sottoKl).toExponential(2)}; difference in [${low.toExponential(2)}, ` +
    `${high.toExponential(2)}]: ${verdict}`);
  return low <= 0;
}

function measure(name) {
  const model = modelPath(name);
  const prompts = tokens(name, [...TEXTS, TEXTS.join("\n\n")]).map((ids) => ids.slice(0, LONG_PROMPT));
  const requestsPath = join(WORK, "requests.txt");
  writeFileSync(requestsPath, prompts.map((ids) => `${JSON.stringify(ids)}\n`).join(""));
  const nVocab = vocabularySize(model);
  const nPositions = prompts.reduce((sum, ids) => sum + ids.length, 0);
  const oracle = (path) => [PROGRAM, path, "logits", "--kv", "f32"];
  const sotto = [process.execPath, SOTTO, "logits", model, "--kv", "f32"];
  const commands = { exact: oracle(exactWeights(name)), llama: oracle(model), sotto, single: [...sotto, "--batch", "1"],
    int8: sotto.with(-1, "int8") };
  const engines = Object.fromEntries(Object.entries(commands).map(([key, command]) =>
    [key, new Engine(key, command, requestsPath)]));
  const { llamaKl, sottoKl, int8Kl, llamaTop, sottoTop, nUnequal } = compare(engines, nVocab, nPositions);
  Object.values(engines).forEach((engine) => engine.close());

  const share = (count) => `${(100 * count / nPositions).toFixed(1)} %`;
  const nShort = nPositions - prompts.at(-1).length;
  console.log(`${name}: the exact best token is llama.cpp's at ${share(llamaTop)} of ${nPositions} positions and Sotto's ` +
    `at ${share(sottoTop)}; batches and single tokens differ at ${nUnequal}`);
  const passes = [
    report("short texts", llamaKl.slice(0, nShort), sottoKl.slice(0, nShort)),
    report("one prompt", llamaKl.slice(nShort), sottoKl.slice(nShort)),
    report("all", llamaKl, sottoKl),
    report(`all, with an int8 cache and ${INT8_SLACK} times as much allowed`, llamaKl, int8Kl, INT8_SLACK),
  ];
  return passes.every(Boolean) && nUnequal === 0;
}

requireOracle();
const names = process.argv.slice(2);
const passes = (names.length ? names : MODELS).map(measure);
process.exit(passes.every(Boolean) ? 0 : 1);
