// bench.js: tokens a second of an engine's prefill and decode, with no messages in between. The median of several runs
// after one that does not count; the sampler, which takes the best token, is inside the timing.
import { openSampler, sample } from "./generate.js";

/** What is measured, unless the caller says otherwise: tokens of the prompt, of the answer, of context before both. */
export const BENCH_PLAN = { prompt: 256, new: 64, depth: 0, runs: 5 };

const GREEDY = { sampling: { temperature: 0 }, logitBiases: [] };

/** Measures. betweenRuns() may wait or throw. Returns { prefill, decode }, each { median, min, max } in tokens a second. */
export async function bench(engine, plan, betweenRuns = () => {}) {
  const rates = [];
  for (let run = 0; run <= plan.runs; run++) {
    await betweenRuns();
    rates.push(measure(engine, plan, run));
  }
  engine.rewind(0);
  const counted = rates.slice(1);
  return { prefill: spread(counted.map(({ prefill }) => prefill)), decode: spread(counted.map(({ decode }) => decode)) };
}

function measure(engine, plan, run) {
  engine.rewind(0);
  if (plan.depth) evaluate(engine, sequence(engine, plan.depth, 31, 300));
  const prompt = sequence(engine, plan.prompt, 37, 300 + run);
  return engine.instance.scope(() => {
    const sampler = openSampler(engine, GREEDY, []);
    const begin = performance.now();
    let logits = evaluate(engine, prompt);
    const middle = performance.now();
    for (let i = 0; i < plan.new; i++) logits = evaluate(engine, [sample(engine, sampler, logits)]);
    const end = performance.now();
    return { prefill: plan.prompt / (middle - begin) * 1e3, decode: plan.new / (end - middle) * 1e3 };
  });
}

// Token ids, all different in their neighbourhood where the vocabulary is not tiny.
function sequence({ nVocab }, length, stride, first) {
  return Array.from({ length }, (_, i) => (first + (i * stride) % 4000) % nVocab);
}

function evaluate(engine, tokens) {
  engine.append(tokens);
  while (engine.step());
  return engine.logitsAt(engine.nTokens - 1);
}

function spread(rates) {
  const sorted = rates.toSorted((a, b) => a - b);
  const round = (rate) => Number(rate.toFixed(1));
  return { median: round(sorted[sorted.length >> 1]), min: round(sorted[0]), max: round(sorted.at(-1)) };
}
