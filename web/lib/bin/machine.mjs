// machine.mjs: sotto tokens, logits, greedy, embed: requests on standard input, answers on standard output, one JSON
// value a line each. Logits are written as log-probabilities with six digits, in double precision of the raw logits.
import { closeSync, openSync, writeSync } from "node:fs";
import { Breath } from "../engine.js";
import { LOAD_OPTIONS, UsageError, loadOptions, modelUrl, parse } from "./args.mjs";
import { openEngine } from "./direct.mjs";

const N_CTX = 8192; // the longest request

const COMMANDS = {
  tokens: {
    usage: "sotto tokens MODEL [options] < JSON strings",
    options: {
      special: { type: "boolean", help: "text that spells a special token becomes that token" },
      bos: { type: "boolean", help: "add the tokens that the model wants at the beginning and the end" },
    },
    answer: (engine, values) => (text) => console.log(JSON.stringify({ ids: engine.tokenize(text, values) })),
  },
  logits: {
    usage: "sotto logits MODEL [options] < JSON lists of token ids",
    options: {
      positions: { type: "boolean", help: "of every position, not only the last" },
      top: { type: "number", help: "show so many of the most likely tokens; 20" },
      full: { type: "string", help: "write all logits to this file, as float32" },
    },
    answer: logits,
  },
  greedy: {
    usage: "sotto greedy MODEL N [options] < JSON lists of token ids",
    options: {},
    answer: greedy,
  },
  embed: {
    usage: "sotto embed MODEL [options] < JSON lists of token ids",
    options: {},
    answer: (engine) => async (ids) => {
      const row = await engine.embed(ids, { breath: new Breath() });
      console.log(JSON.stringify({ embedding: Array.from(row, (x) => Number(x.toPrecision(7))) }));
    },
  },
};

export default async function machine(command, args) {
  const { usage, options, answer } = COMMANDS[command];
  const parsed = parse(usage, { ...options, ...LOAD_OPTIONS }, args);
  if (!parsed) return 0;
  const { values, positionals: [model, count] } = parsed;
  const engine = await openEngine(modelUrl(model), { nCtx: N_CTX, ...loadOptions({ kv: "f32", ...values }) });
  const onRequest = answer(engine, values, Number(count));
  for await (const line of lines(process.stdin)) {
    if (line.trim() !== "") await onRequest(parseLine(line));
  }
  return 0;
}

// Only a newline ends a line: readline also cuts at U+2028 and U+2029, which JSON strings may hold.
async function* lines(stream) {
  let rest = "";
  for await (const chunk of stream.setEncoding("utf8")) {
    const complete = (rest + chunk).split("\n");
    rest = complete.pop();
    yield* complete;
  }
  yield rest;
}

function parseLine(line) {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new UsageError(`sotto: a line of standard input is not JSON: ${cause.message}`);
  }
}

function logits(engine, { positions = false, top = 20, full }) {
  const file = full === undefined ? null : openSync(full, "w");
  if (file !== null) process.on("exit", () => closeSync(file));
  return (ids) => engine.eachLogits(ids, { all: positions, breath: new Breath() }, (position, row) => {
    const normalizer = logSumExp(row);
    const best = topOf(row, top).map((id) => `[${id},${(row[id] - normalizer).toFixed(6)}]`);
    const next = position + 1 < ids.length ? `,"next":${(row[ids[position + 1]] - normalizer).toFixed(6)}` : "";
    console.log(`{"position":${position},"top":[${best.join(",")}]${next}}`);
    if (file !== null) writeSync(file, new Uint8Array(row.buffer, row.byteOffset, row.byteLength));
  });
}

function greedy(engine, _, count) {
  if (!Number.isInteger(count) || count < 0) throw new UsageError("sotto: N must be a number of tokens");
  return async (tokens) => {
    const ids = [];
    const logprobs = [];
    engine.sync(tokens);
    for (let i = 0; i < count; i++) {
      await engine.compute(new Breath());
      const row = engine.logitsRow(engine.nTokens - 1);
      const best = argmax(row);
      ids.push(best);
      logprobs.push((row[best] - logSumExp(row)).toFixed(6));
      if (i + 1 < count) engine.append([best]);
    }
    console.log(`{"ids":${JSON.stringify(ids)},"logprobs":[${logprobs.join(",")}]}`);
  };
}

function argmax(row) {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i] > row[best]) best = i;
  return best;
}

function logSumExp(row) {
  const max = row[argmax(row)];
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += Math.exp(row[i] - max);
  return max + Math.log(sum);
}

// The indices of the `count` largest values, largest first, by insertion: count is small and rows are long.
function topOf(row, count) {
  const best = [];
  for (let i = 0; i < row.length; i++) {
    if (best.length === count && !(row[i] > row[best[count - 1]])) continue;
    let at = best.length;
    while (at > 0 && row[i] > row[best[at - 1]]) at--;
    best.splice(at, 0, i);
    if (best.length > count) best.pop();
  }
  return best;
}
