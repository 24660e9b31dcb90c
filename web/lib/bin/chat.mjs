// chat.mjs: sotto chat: a conversation in the terminal.
import { createInterface } from "node:readline";
import { LOAD_OPTIONS, parse } from "./args.mjs";
import { SAMPLING_OPTIONS, loadModel, printChat, samplingOf } from "./run.mjs";

const OPTIONS = {
  system: { type: "string", help: "what the model should be" },
  ...SAMPLING_OPTIONS,
  ctx: { type: "number", help: "tokens that the conversation may have" },
  ...LOAD_OPTIONS,
};

export default async function chat(_, args) {
  const parsed = parse("sotto chat MODEL [options]", OPTIONS, args);
  if (!parsed) return 0;
  const { values, positionals: [name] } = parsed;
  const model = await loadModel(name, values);
  try {
    await converse(model, values);
  } finally {
    model.close();
  }
  return 0;
}

async function converse(model, values) {
  const messages = values.system === undefined ? [] : [{ role: "system", content: values.system }];
  const terminal = process.stdin.isTTY ? process.stdout : undefined; // a script's answers come without prompts
  const lines = createInterface({ input: process.stdin, output: terminal, prompt: "> " });
  let controller = null; // of the answer that is being given
  lines.on("SIGINT", () => (controller ? controller.abort() : lines.close()));
  if (terminal) lines.prompt();
  for await (const line of lines) {
    if (line.trim() !== "") {
      controller = new AbortController();
      await turn(model, messages, line, { ...samplingOf(values), signal: controller.signal });
      controller = null;
    }
    if (terminal) lines.prompt();
  }
}

async function turn(model, messages, line, options) {
  const parts = [];
  messages.push({ role: "user", content: line });
  try {
    const stream = await model.chat.completions.create({ messages, ...options, stream: true });
    await printChat(stream, parts);
  } catch (error) {
    if (error.code !== "ABORTED") process.stderr.write(`sotto: ${error.message} [${error.code}]`);
  }
  process.stdout.write("\n");
  messages.push({ role: "assistant", content: parts.join("") });
}
