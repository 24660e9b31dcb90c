// bench.mjs: sotto bench: tokens a second of prefill and decode, in this thread.
import { BENCH_PLAN, bench } from "../bench.js";
import { LOAD_OPTIONS, loadOptions, modelUrl, parse } from "./args.mjs";
import { openEngine } from "./direct.mjs";

const OPTIONS = {
  prompt: { type: "number", help: "tokens of the prompt; 256" },
  new: { type: "number", help: "tokens of the answer; 64" },
  depth: { type: "number", help: "tokens before the prompt, not timed; 0" },
  runs: { type: "number", help: "timed runs; 5" },
  json: { type: "boolean", help: "one JSON object" },
  ...LOAD_OPTIONS,
};

const SPARE_TOKENS = 64; // of the context, beside those that are computed

export default async function benchCommand(_, args) {
  const parsed = parse("sotto bench MODEL [options]", OPTIONS, args);
  if (!parsed) return 0;
  const { values, positionals: [model] } = parsed;
  const plan = { threads: 1, ...BENCH_PLAN, ...values };
  const nCtx = plan.prompt + plan.new + plan.depth + SPARE_TOKENS;
  const begin = performance.now();
  const engine = await openEngine(modelUrl(model), { ...loadOptions(plan), nCtx });
  const loadMs = performance.now() - begin;
  const result = { threads: engine.options.nThreads, load_ms: Math.round(loadMs), ...await bench(engine, plan) };
  console.log(values.json ? JSON.stringify(result) : describe(result, plan));
  return 0;
}

function describe({ threads, load_ms, prefill, decode }, plan) {
  const line = (name, tokens, { median, min, max }) =>
    `${name} of ${tokens} tokens: ${median} tokens/s (${min} to ${max})`;
  return [`loaded in ${load_ms} ms, ${threads} thread${threads === 1 ? "" : "s"}`,
    line("prefill", plan.prompt, prefill), line("decode", plan.new, decode)].join("\n");
}
