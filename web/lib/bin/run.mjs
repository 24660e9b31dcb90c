// run.mjs: sotto run: one prompt, its answer alone on standard output as it comes.
import { text as readAll } from "node:stream/consumers";
import { load } from "../index.js";
import { LOAD_OPTIONS, UsageError, loadOptions, modelUrl, parse } from "./args.mjs";

export const SAMPLING_OPTIONS = {
  "max-tokens": { type: "number", short: "n", help: "the answer's length at most" },
  temperature: { type: "number", help: "0: the most likely token each time; 0.8 without this" },
  "top-k": { type: "number", help: "draw from so many tokens; 40" },
  "top-p": { type: "number", help: "draw from so much probability; 0.95" },
  "min-p": { type: "number", help: "draw what is as likely as this, against the best; 0.05" },
  "repeat-penalty": { type: "number", help: "of recent tokens; 1 is none" },
  seed: { type: "number", help: "the same seed gives the same answer" },
};

const OPTIONS = {
  prompt: { type: "string", short: "p", help: "the prompt; standard input without this" },
  system: { type: "string", help: "what the model should be" },
  raw: { type: "boolean", help: "go on with the prompt as it is, without the chat template" },
  ...SAMPLING_OPTIONS,
  ctx: { type: "number", help: "tokens that prompt and answer may have together" },
  ...LOAD_OPTIONS,
};

export default async function run(_, args) {
  const parsed = parse('sotto run MODEL [-p "..."] [options]', OPTIONS, args);
  if (!parsed) return 0;
  const { values, positionals: [name] } = parsed;
  const prompt = values.prompt ?? await promptFromInput();
  const controller = new AbortController();
  process.once("SIGINT", () => controller.abort());
  const { signal } = controller;
  const model = await loadModel(name, values, signal);
  try {
    await answer(model, prompt, values, signal);
    process.stdout.write("\n");
  } finally {
    model.close();
  }
  return 0;
}

function promptFromInput() {
  if (process.stdin.isTTY) throw new UsageError('sotto: run needs a prompt: -p "..."');
  return readAll(process.stdin);
}

export function loadModel(name, values, signal) {
  return load(modelUrl(name), { ...loadOptions(values), signal, onProgress: showProgress });
}

async function answer(model, prompt, values, signal) {
  const options = { ...samplingOf(values), stream: true, signal };
  if (values.raw) {
    const stream = await model.completions.create({ prompt, ...options });
    for await (const chunk of stream) process.stdout.write(chunk.choices[0].text);
    return;
  }
  const system = values.system === undefined ? [] : [{ role: "system", content: values.system }];
  const messages = [...system, { role: "user", content: prompt }];
  await printChat(await model.chat.completions.create({ messages, ...options }));
}

/** Writes a streamed answer to standard output and its parts to a list, also those of one that is broken off. */
export async function printChat(stream, parts = []) {
  for await (const chunk of stream) {
    const { content: part = "", reasoning_content: thought = "" } = chunk.choices[0].delta;
    if (process.stderr.isTTY) process.stderr.write(thought); // for people, so that they see it going
    process.stdout.write(part);
    parts.push(part);
  }
}

export function samplingOf(values) {
  const names = Object.keys(SAMPLING_OPTIONS).filter((name) => values[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name.replaceAll("-", "_"), values[name]]));
}

// For people only: a log file wants no progress bar.
function showProgress({ phase, loadedBytes, totalBytes }) {
  if (!process.stderr.isTTY) return;
  const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
  const whole = totalBytes ? ` of ${megabytes(totalBytes)}` : "";
  process.stderr.write(phase === "ready" ? "\r\x1b[K" : `\rloading: ${megabytes(loadedBytes)}${whole} MB\x1b[K`);
}
