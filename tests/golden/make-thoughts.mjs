// make-thoughts.mjs: writes thoughts.vec, of each chat template that llama.cpp carries what tells a thought from the
// answer (`make golden-templates`, which calls this with a Python below build/ that has jinja2). A JSON value a line:
//   name       of the template
//   words      of its source: what looks like a tag
//   rendering  what Python's jinja2 makes of a question and an answer with a thought
//   turns      [prompt, answer, has a thought], with one and without: what the prompt ends with, and what the model then
//              writes: the rendering's own text where that has the thought, else by hand, as the model's card says
// The thought is "@thought@" and the answer "@answer@".
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { VOCABULARIES } from "../fidelity/oracle.mjs";

const [THOUGHT, ANSWER] = ["@thought@", "@answer@"];
const TAIL = 60; // characters of a prompt
const WORD = /<[^<>\s]{1,40}>|<\|[^<>]{1,40}\|>|\[\/?[A-Z ]{3,40}\]|<\/?\w*think\w*\{\}>/g;

// What models write whose templates show it nowhere, or not before the answer.
const BY_HAND = {
  "<think>": [
    /SmolLM3|Kimi-K2-Thinking|LFM2.5-Instruct|Nemotron-Nano-v2|QwQ|DeepSeek-R1|deepseek-r1|DeepSeek-V3.1|rwkv|MiMo-VL|MiniMax-M1/,
    `<think>\n${THOUGHT}\n</think>\n\n${ANSWER}`],
  "<response>": [/granite-3.3/, `<think>${THOUGHT}</think>\n<response>${ANSWER}</response>`],
  "[THINK]": [/Ministral-3/, `[THINK]${THOUGHT}[/THINK]${ANSWER}`],
  "steps": [/Apriel-1/,
    `Here are my reasoning steps:\n${THOUGHT}\n[BEGIN FINAL RESPONSE]\n${ANSWER}\n[END FINAL RESPONSE]`],
  "channel": [/gemma-4/, `<|channel>thought\n${THOUGHT}\n<channel|>${ANSWER}`],
  "inner": [/Apertus/, `<|inner_prefix|>${THOUGHT}<|inner_suffix|>${ANSWER}`],
  "START_THINKING": [/command-r7b/,
    `<|START_THINKING|>${THOUGHT}<|END_THINKING|><|START_RESPONSE|>${ANSWER}<|END_RESPONSE|>`],
};
// What models write before and after an answer without a thought, where that is anything.
const WITHOUT = [[/gpt-oss/, "<|channel|>final<|message|>", ""], [/Solar/, "<|content|>", ""],
  [/muse/, " to=user<|message|>", ""], [/command-r7b/, "<|START_RESPONSE|>", "<|END_RESPONSE|>"],
  [/Cohere2MoE/, "<|START_TEXT|>", "<|END_TEXT|>"]];
// The end of an answer, of which the model's last token is no part.
const ENDS = [[/Cohere2MoE/, "<|END_TEXT|>"], [/Kimi-K3/, "<|close|>response<|sep|>"]];
const find = (table, name) => table.find(([names]) => names.test(name));

const folder = join(VOCABULARIES, "templates");
const names = readdirSync(folder).filter((name) => name.endsWith(".jinja"));
const templates = Object.fromEntries(names.map((name) =>
  [basename(name, ".jinja"), readFileSync(join(folder, name), "utf8")]));
const question = { role: "user", content: "@question@" };
const answer = { role: "assistant", content: ANSWER, reasoning_content: THOUGHT, reasoning: THOUGHT, thinking: THOUGHT };
const common = { tools: [], bos_token: "", eos_token: "", functions: "", datetime: "" };
const [on, off] = [{ enable_thinking: true, thinking: true }, { enable_thinking: false, thinking: false }];
const conversations = {
  answer: { ...common, ...on, messages: [question, answer], add_generation_prompt: false },
  on: { ...common, ...on, reasoning_effort: "high", messages: [question], add_generation_prompt: true },
  off: { ...common, ...off, messages: [question], add_generation_prompt: true },
};

const input = JSON.stringify({ now: "2026-01-02T03:04:05", templates, conversations });
const reference = fileURLToPath(new URL("../templates/reference.py", import.meta.url));
const { stdout, stderr, status } = spawnSync(process.argv[2], [reference], { input, encoding: "utf8", maxBuffer: 2 ** 28 });
if (status !== 0) throw new Error(`${process.argv[2]} failed: ${stderr}`);
const rendered = {};
for (const line of stdout.trimEnd().split("\n")) {
  const { template, conversation, text } = JSON.parse(line);
  (rendered[template] ??= {})[conversation] = text?.slice(Math.max(0, text.indexOf(question.content)));
}

/** What a model writes after a prompt that lets it think; null: it does not. */
function thinking(name, { answer, on }) {
  const end = find(ENDS, name)?.[1] ?? "";
  const byHand = Object.values(BY_HAND).find(([names]) => names.test(name))?.[1];
  const text = answer?.includes(THOUGHT) ? answer.slice(0, answer.indexOf(ANSWER) + ANSWER.length) + end : undefined;
  if (text?.startsWith(on.trimEnd())) return text.slice(on.trimEnd().length);
  if (byHand === undefined && text) throw new Error(`${name}: ${JSON.stringify(text)} does not begin as its prompt`);
  const open = byHand?.slice(0, byHand.indexOf(THOUGHT)).trimEnd();
  return byHand === undefined ? null : on.trimEnd().endsWith(open) ? byHand.slice(open.length) : byHand;
}

const lines = Object.entries(rendered).map(([name, texts]) => {
  const { answer = "", on, off } = texts;
  const turns = [];
  const withThought = on === undefined ? null : thinking(name, texts);
  if (withThought) turns.push([on.slice(-TAIL), withThought, true]);
  const [, before, after] = find(WITHOUT, name) ?? [, "", ""];
  const alwaysThinks = off === on && withThought?.trimStart().startsWith(THOUGHT); // the prompt has the tag
  if (off !== undefined && !alwaysThinks) turns.push([off.slice(-TAIL), before + ANSWER + after, false]);
  const words = [...new Set(templates[name].match(WORD))].join(" ");
  return JSON.stringify({ name, words, rendering: answer, turns });
});
writeFileSync(new URL("thoughts.vec", import.meta.url), `${lines.join("\n")}\n`);
