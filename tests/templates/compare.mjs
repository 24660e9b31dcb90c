// compare.mjs: chat templates rendered by Sotto and by Python's jinja2 as transformers sets it up (reference.py): those of the
// oracle's folder and of the models in models/cache, each for every conversation of conversations.json. Run by `make templates`;
// usage: compare.mjs PYTHON [a template's name ...]. Prints each template's share and what differs first.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseJson } from "../../build/sotto/json.js";
import { chooseModule } from "../../build/sotto/features.js";
import { Header } from "../../build/sotto/header.js";
import { Instance } from "../../build/sotto/instance.js";
import { compile } from "../../build/sotto/platform.js";
import { readSource } from "../../build/sotto/source.js";
import { Template } from "../../build/sotto/template.js";
import { VOCABULARIES, requireOracle } from "../fidelity/oracle.mjs";

const NOW = "2026-01-02T03:04:05";
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const [python, ...chosen] = process.argv.slice(2);
const conversations = readFileSync(here("conversations.json"), "utf8");
const variables = parseJson(conversations);

function templatesOf(folder) {
  const names = readdirSync(folder).filter((name) => name.endsWith(".jinja"));
  return names.map((name) => [basename(name, ".jinja"), readFileSync(join(folder, name), "utf8")]);
}

async function templatesOfModels(folder) {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith(".gguf"));
  const found = await Promise.all(names.map(async (name) => [name, await templateOf(join(folder, name))]));
  return found.filter(([, source]) => source !== undefined);
}

async function templateOf(path) {
  const header = new Header(Instance.create(await compile(chooseModule({ nThreads: 1 }).url), { shared: false }));
  for await (const { bytes } of readSource(pathToFileURL(path).href)) {
    if (header.accept(bytes)) return header.find("tokenizer.chat_template");
  }
  throw header.truncated();
}

// The JSON goes to Python as it is, for its own reader.
function reference(templates) {
  const input = `{"now": "${NOW}", "templates": ${JSON.stringify(templates)}, "conversations": ${conversations}}`;
  const { stdout, stderr, status } = spawnSync(python, [here("reference.py")], { input, encoding: "utf8", maxBuffer: 2 ** 30 });
  if (status !== 0) throw new Error(`${python} reference.py failed: ${stderr}`);
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

function render(source, conversation) {
  try {
    return { text: new Template(source).render(variables.get(conversation), { now: new Date(NOW) }) };
  } catch (error) {
    const kind = error.cause instanceof RangeError ? "failed" : error.cause.kind ?? "bug"; // Python's recursion ends, too
    return { error: error.message, kind, message: error.cause.message };
  }
}

// equal: the same text, or the same refusal of the template's; both fail: Python itself stops there.
function judge(expected, ours) {
  if (ours.kind === "unsupported") return "refused";
  if (ours.kind === "bug" || expected.kind !== ours.kind) return "different";
  if (expected.kind === "failed") return "both fail";
  return expected.text === ours.text && expected.message === ours.message ? "equal" : "different";
}

function explain({ conversation, expected, ours }) {
  const at = Array.from(expected.text ?? "").findIndex((_, i) => !ours.text?.startsWith(expected.text.slice(0, i + 1)));
  const show = ({ text, error }) => (text === undefined ? error : JSON.stringify(text.slice(Math.max(0, at - 20), at + 60)));
  return `    ${conversation}\n      python ${show(expected)}\n      sotto  ${show(ours)}`;
}

requireOracle();
const templates = Object.fromEntries([...templatesOf(join(VOCABULARIES, "templates")),
  ...await templatesOfModels(here("../../models/cache"))].filter(([name]) => chosen.length === 0 || chosen.includes(name)));
const results = reference(templates).map((expected) => {
  const ours = render(templates[expected.template], expected.conversation);
  return { ...expected, expected, ours, verdict: judge(expected, ours) };
});

function count(list, verdict) {
  return list.filter((result) => result.verdict === verdict).length;
}

function row(name, list) {
  const numbers = ["equal", "both fail", "refused", "different"].map((verdict) => String(count(list, verdict)).padStart(9));
  const share = (count(list, "equal") + count(list, "both fail")) / list.length;
  return `${name.padEnd(52)}${numbers.join("")}${(100 * share).toFixed(1).padStart(8)} %`;
}

console.log(`${"".padEnd(52)}    equal both fail  refused different   equal`);
for (const name of Object.keys(templates)) {
  const list = results.filter(({ template }) => template === name);
  console.log(row(name, list));
  for (const verdict of ["refused", "different"]) {
    const first = list.find((result) => result.verdict === verdict);
    if (first) console.log(explain(first));
  }
}
console.log(row("all", results));
process.exitCode = count(results, "different") > 0 ? 1 : 0;
