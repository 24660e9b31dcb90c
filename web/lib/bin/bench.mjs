// bench.mjs: sotto bench: tokens a second of prefill and decode, in this thread, with no messages in between.
// The median of several runs after one that does not count; the best token is found inside the timing.
import { LOAD_OPTIONS, loadOptions, modelUrl, parse } from "./args.mjs";
import { openEngine } from "./direct.mjs";
import { argmax } from "./machine.mjs";

const OPTIONS = {
  prompt: { type: "number", help: "tokens of the prompt; 256" },
  new: { type: "number", help: "tokens of the answer; 64" },
  depth: { type: "number", help: "tokens before the prompt, not timed; 0" },
  runs: { type: "number", help: "timed runs; 5" },
  json: { type: "boolean", help: "one JSON object" },
  ...LOAD_OPTIONS,
};

const SPARE_TOKENS = 64; // of the context, beside those that are computed

export default async function bench(_, args) {
  const parsed = parse("sotto bench MODEL [options]", OPTIONS, args);
  if (!parsed) return 0;
  const { values, positionals: [model] } = parsed;
  const plan = { threads: 1, prompt: 256, new: 64, depth: 0, runs: 5, ...values };
  const nCtx = plan.prompt + plan.new + plan.depth + SPARE_TOKENS;
  const begin = performance.now();
  const engine = await openEngine(modelUrl(model), { ...loadOptions(plan), nCtx });
  const loadMs = performance.now() - begin;
  const rates = Array.from({ length: plan.runs + 1 }, (_, run) => measure(engine, plan, run)).slice(1);
  const result = {
    threads: engine.options.nThreads,
    load_ms: Math.round(loadMs),
    prefill: spread(rates.map(({ prefill }) => prefill)),
    decode: spread(rates.map(({ decode }) => decode)),
  };
  console.log(values.json ? JSON.stringify(result) : describe(result, plan));
  return 0;
}

function measure(engine, plan, run) {
  engine.rewind(0);
  if (plan.depth) evaluate(engine, sequence(plan.depth, 31, 300));
  const prompt = sequence(plan.prompt, 37, 300 + run);
  const begin = performance.now();
  let logits = evaluate(engine, prompt);
  const middle = performance.now();
  for (let i = 0; i < plan.new; i++) logits = evaluate(engine, [argmax(logits)]);
  const end = performance.now();
  return { prefill: plan.prompt / (middle - begin) * 1e3, decode: plan.new / (end - middle) * 1e3 };
}

// Token ids that every vocabulary has, all different in their neighbourhood.
function sequence(length, stride, first) {
  return Array.from({ length }, (_, i) => first + (i * stride) % 4000);
}

function evaluate(engine, tokens) {
  engine.append(tokens);
  while (engine.step());
  return engine.logitsRow(engine.nTokens - 1);
}

function spread(rates) {
  const sorted = rates.toSorted((a, b) => a - b);
  const round = (rate) => Number(rate.toFixed(1));
  return { median: round(sorted[sorted.length >> 1]), min: round(sorted[0]), max: round(sorted.at(-1)) };
}

function describe({ threads, load_ms, prefill, decode }, plan) {
  const line = (name, tokens, { median, min, max }) =>
    `${name} of ${tokens} tokens: ${median} tokens/s (${min} to ${max})`;
  return [`loaded in ${load_ms} ms, ${threads} thread${threads === 1 ? "" : "s"}`,
    line("prefill", plan.prompt, prefill), line("decode", plan.new, decode)].join("\n");
}
