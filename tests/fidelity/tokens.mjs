// tokens.mjs: are Sotto's token ids llama.cpp's, on every text one can think of? `make fidelity` runs it first; it
// needs the oracle (oracle.mjs). The texts: our own hard ones (strings.mjs) and those on which llama.cpp tests its
// vocabularies, with and without special tokens, and those at the ends; and random mixtures, each in one of these ways.
// usage: node tests/fidelity/tokens.mjs [--random N] [NAME...]; a NAME is a model or a vocabulary (vocabularies.mjs)
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { MODELS, PROGRAM, ROOT, modelPath, requireOracle } from "./oracle.mjs";
import { HARD, LONG, randomTexts } from "./strings.mjs";
import { others, preTokenizers, vocabularies, vocabularyTexts } from "./vocabularies.mjs";

const FLAGS = [[], ["--special"], ["--bos"], ["--special", "--bos"]];
const SOTTO = ["--no-warnings", join(ROOT, "wasm/run-wasi.mjs"), join(ROOT, "build/wasi/sotto.wasm")];
const N_SHOWN = 5; // differences

// A JSON string on a line, of bytes that need not be UTF-8: both programs take them as they are.
function requestOf(text) {
  const escape = (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return Buffer.from(`"${Buffer.from(text).toString("latin1").replace(/["\\\0-\x1f]/g, escape)}"\n`, "latin1");
}

function answers(program, args, input) {
  const { status, signal, stdout } = spawnSync(program, args, { input, maxBuffer: 2 ** 30, stdio: ["pipe", "pipe", "inherit"] });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} failed (${signal ?? status})`);
  return String(stdout).split("\n");
}

// The oracle has room for so many tokens, and says that there are none of a text that has more: broken bytes may become
// three tokens each.
const isBeyondOracle = (text, expected, found) =>
  expected === '{"ids":[]}' && found.split(",").length > Buffer.byteLength(text) + 16;

// One file with one set of flags; returns the number of texts whose answers differ.
function compare(name, path, { flags, texts, input }) {
  const expected = answers(PROGRAM, [path, "tokens", ...flags], input);
  const found = answers(process.execPath, [...SOTTO, "tokens", path, ...flags], input);
  const unequal = texts.map((_, i) => i).filter((i) => expected[i] !== found[i]);
  const different = unequal.filter((i) => !isBeyondOracle(texts[i], expected[i], found[i]));
  const unanswered = unequal.length - different.length;
  console.log(`${name} ${flags.join(" ")}: ${different.length} of ${texts.length} texts have other ids` +
    (unanswered ? ` (and of ${unanswered} the oracle has none)` : ""));
  for (const i of different.slice(0, N_SHOWN)) {
    console.log(`  ${requestOf(texts[i]).toString("latin1").trim()}\n    llama.cpp ${expected[i]}\n    Sotto     ${found[i]}`);
  }
  return different.length;
}

requireOracle();
const { values, positionals } = parseArgs({ options: { random: { type: "string", default: "2000" } }, allowPositionals: true });
const hard = [...new Set([...HARD, ...vocabularyTexts()])];
const random = randomTexts(Number(values.random));
const sets = (all, more = []) => all.map((flags, k) => {
  const texts = [...hard, ...more, ...random.filter((_, i) => i % all.length === k)];
  return { flags, texts, input: Buffer.concat(texts.map(requestOf)) };
});
const [everyWay, special, long] = [sets(FLAGS), sets([["--special"]]), sets(FLAGS, LONG)];
const files = [
  ...MODELS.map((name) => ({ name, path: () => modelPath(name), sets: long })),
  ...vocabularies().map(({ name, path }) => ({ name, path: () => path, sets: everyWay })),
  ...others().map((file) => ({ ...file, sets: everyWay })),
  ...preTokenizers().map((file) => ({ ...file, sets: special })),
];
const chosen = files.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
let nDifferent = 0;
for (const { name, path, sets } of chosen) {
  const file = path();
  for (const set of sets) nDifferent += compare(name, file, set);
}
process.exit(nDifferent === 0 ? 0 : 1);
