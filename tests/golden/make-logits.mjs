// make-logits.mjs: writes logits-smollm2.vec, which keeps `make test` honest where there is no oracle (node
// tests/golden/make-logits.mjs, with the oracle of tests/fidelity/oracle.mjs). One JSON value a line:
//   {"llama":{"kl":K,"top":T}}                what llama.cpp itself reaches on the quantised file, at these positions
//   {"prompt":[id...]}                        followed by its positions:
//   {"position":P,"top":[[id,logprob]...]}    the exact weights' likeliest tokens there
//   {"greedy":[id...],"ids":[id...]}          their greedy continuation of a prompt
// K: mean truncatedDivergence (statistics.mjs) of the exact weights' top tokens; T: share of equal best tokens.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TEXTS, WORK, ask, exactWeights, modelPath, requireOracle, tokens } from "../fidelity/oracle.mjs";
import { logSoftmax, mean, topOf, truncatedDivergence } from "../fidelity/statistics.mjs";

const MODEL = "SmolLM2-135M-Instruct.Q4_1";
const N_VOCAB = 49152;
const CHOSEN = [0, 2, 3, 5]; // prose, programs, more prose, many languages
const EVERY = 12;            // of so many positions one is kept
const N_TOP = 20;
const N_GREEDY = 16;
const MARGIN = 0.5;          // the best token leads by so much (log-probability), or the continuation ends before it
const GREEDY_PROMPTS = [
  "One, two, three, four, five,",
  "The capital of France is",
  "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n",
];

// llama.cpp's own log-probabilities of the quantised file: one row (nVocab) a position.
function rowsOfLlama(prompts) {
  const path = join(WORK, "golden.f32");
  ask(modelPath(MODEL), ["logits", "--positions", "--top", "1", "--full", path], prompts);
  const logits = new Float32Array(readFileSync(path).buffer);
  rmSync(path);
  return (row) => logSoftmax(logits.subarray(row * N_VOCAB, (row + 1) * N_VOCAB));
}

function positions(prompts) {
  const answers = ask(exactWeights(MODEL), ["logits", "--positions", "--top", String(N_TOP)], prompts);
  const rows = prompts.flatMap((ids) => ids.map((_, position) => ({ ids, position })));
  return rows.map((row, i) => ({ ...row, row: i, top: answers[i].top }))
    .filter(({ position }) => position % EVERY === EVERY - 1);
}

function reached(kept, llamaRow) {
  const results = kept.map(({ row, top }) => {
    const other = llamaRow(row);
    const kl = truncatedDivergence(top.map(([, logprob]) => logprob), top.map(([id]) => other[id]));
    return { kl, isSame: topOf(other) === top[0][0] };
  });
  return { kl: mean(results.map(({ kl }) => kl)), top: mean(results.map(({ isSame }) => Number(isSame))) };
}

// The exact weights' continuation, as far as its tokens lead clearly: every faithful engine finds it.
function continuation(prompt) {
  const exact = exactWeights(MODEL);
  const [{ ids }] = ask(exact, ["greedy", String(N_GREEDY)], [prompt]);
  const answers = ask(exact, ["logits", "--positions", "--top", "2"], [[...prompt, ...ids]]).slice(prompt.length - 1);
  const end = ids.findIndex((_, i) => answers[i].top[0][1] - answers[i].top[1][1] < MARGIN);
  return { greedy: prompt, ids: end < 0 ? ids : ids.slice(0, end) };
}

requireOracle();
const prompts = tokens(MODEL, CHOSEN.map((i) => TEXTS[i]));
const kept = positions(prompts);
const lines = [{ llama: reached(kept, rowsOfLlama(prompts)) }];
for (const ids of prompts) {
  lines.push({ prompt: ids });
  for (const { position, top } of kept.filter((row) => row.ids === ids)) {
    lines.push({ position, top: top.map(([id, logprob]) => [id, Number(logprob.toFixed(4))]) });
  }
}
lines.push(...tokens(MODEL, GREEDY_PROMPTS).map(continuation));
writeFileSync(new URL("logits-smollm2.vec", import.meta.url), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
