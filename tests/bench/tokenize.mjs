// tokenize.mjs: seconds of processor time that a megabyte of text takes, in every tokenizer and for texts that are hard
// on each: `make bench-tokenize`; it needs the oracle's vocabularies.
// usage: node tests/bench/tokenize.mjs [NAME...]; a NAME is that of a model or a vocabulary (tests/fidelity)
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { openEngine } from "../../build/sotto/bin/direct.mjs";
import { MODELS, TEXTS, modelPath, requireOracle } from "../fidelity/oracle.mjs";
import { CODE, randomTexts } from "../fidelity/strings.mjs";
import { others, preTokenizers, vocabularies } from "../fidelity/vocabularies.mjs";

const N_BYTES = 1e6;
const fill = (text) => text.repeat(Math.ceil(N_BYTES / Buffer.byteLength(text)));
const repeated = ["a", " ", "\n", "\t", "\r\n", "1", "!", "é", "中", "😀", "\0", "▁", "'", "<", "<>", "<|", "[x]", " a", "a1",
  "aA", "'s", " \n", "  a", "123 ", "e\u0301", ". ", "IMGIMGA", "<dna>C"];
const texts = {
  prose: fill(TEXTS.join("\n")),
  code: fill(CODE.join("\n") + readFileSync(new URL("../../src/vocab.c", import.meta.url))),
  "random mixtures": fill(String(Buffer.concat(randomTexts(3000)))),
  "spaces, then letters": " ".repeat(N_BYTES / 2) + "a".repeat(N_BYTES / 2),
  ...Object.fromEntries(repeated.map((text) => [JSON.stringify(text), fill(text)])),
};

requireOracle();
const files = [
  ...MODELS.map((name) => ({ name, path: () => modelPath(name) })),
  ...vocabularies().map(({ name, path }) => ({ name, path: () => path })),
  ...others(), ...preTokenizers(),
];
const chosen = files.filter(({ name }) => process.argv.length === 2 || process.argv.includes(name));
let slowest = 0;
for (const { name, path } of chosen) {
  const engine = await openEngine(pathToFileURL(path()).href, {});
  engine.tokenize(texts.prose.slice(0, 1e5)); // so that the code is compiled
  const seconds = Object.entries(texts).map(([text, content]) => {
    const before = process.cpuUsage();
    engine.tokenize(content);
    const { user, system } = process.cpuUsage(before);
    return [(user + system) / 1e6, text];
  }).sort(([a], [b]) => b - a);
  slowest = Math.max(slowest, seconds[0][0]);
  console.log(`${name}: ${seconds.slice(0, 4).map(([s, text]) => `${s.toFixed(2)} s ${text}`).join(", ")}`);
}
console.log(`slowest: ${slowest.toFixed(2)} s a megabyte`);
