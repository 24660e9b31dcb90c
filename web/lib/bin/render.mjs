// render.mjs: sotto render: a conversation through a chat template, as the model would see it.
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { Template } from "../template.js";
import { UsageError, parse } from "./args.mjs";
import { parseJson } from "../json.js";

const USAGE = `sotto render TEMPLATE.jinja [options] < conversation.json

The conversation is a JSON object with the template's variables and no others, such as
{"messages": [{"role": "user", "content": "Hi"}], "tools": null, "add_generation_prompt": true, "bos_token": "<s>"}
The text is printed as it is, without a newline after it.`;

export default async function render(_, args) {
  const options = { now: { type: "string", help: "the time that strftime_now() tells: 2026-01-02T03:04:05" } };
  const parsed = parse(USAGE, options, args);
  if (!parsed) return 0;
  const template = new Template(readTemplate(parsed.positionals[0]));
  const now = timeOf(parsed.values.now);
  const variables = readConversation(await text(process.stdin));
  process.stdout.write(template.render(variables, { now }));
  return 0;
}

function readTemplate(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`sotto: the template cannot be read: ${error.message}`);
  }
}

function timeOf(value) {
  if (value === undefined) return new Date();
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(value) ? new Date(value) : new Date(NaN);
  if (Number.isNaN(time.getTime())) throw new UsageError(`--now needs a time like 2026-01-02T03:04:05, not "${value}"`);
  return time;
}

function readConversation(json) {
  const variables = parseOrRefuse(json);
  if (variables instanceof Map) return variables;
  throw new UsageError('sotto: the conversation is an object: {"messages": [...], ...}');
}

function parseOrRefuse(json) {
  try {
    return parseJson(json);
  } catch (error) {
    throw new UsageError(`sotto: standard input: ${error.message}`);
  }
}
