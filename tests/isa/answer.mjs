// answer.mjs: what the engine computes in the Node that runs this, as a line of JSON: { level, prompt, answer, text }:
// the level in use, hashes of the logits at each position of a prompt (the batched kernels) and of a sampled answer's
// log-probabilities (the kernels for one token), and the answer's text. usage: node answer.mjs [LEVEL]
import { createHash } from "node:crypto";
import { MODEL_URL, PACKAGE } from "../node/support.mjs";

const { load } = await import(new URL("index.js", PACKAGE));

const PROMPT = "The lighthouse keeper wrote in his diary: at 5:40 the fog came in from the north-west, thick as " +
  "wool, and by six I could no longer see the rocks. I lit the lamp,";
const SAMPLED = { temperature: 0.8, seed: 42, max_tokens: 24, logprobs: 20 };

const hash = (data) => createHash("sha256").update(data).digest("hex").slice(0, 16);

const model = await load(MODEL_URL, { level: process.argv[2], nThreads: 1, nCtx: 128 });
const prompt = await model.tokenize(PROMPT);
const logits = await model.logits(prompt, { all: true });
const { choices: [{ text, logprobs }] } = await model.completions.create({ prompt, ...SAMPLED });
model.close();
console.log(JSON.stringify({
  level: model.info.level, prompt: hash(logits), answer: hash(JSON.stringify(logprobs)), text,
}));
