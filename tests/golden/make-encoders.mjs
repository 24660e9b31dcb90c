// make-encoders.mjs: what llama.cpp makes of some tokens by the tiny encoders of models/make-tiny.mjs, as
// tests/golden/encoders.vec: a line of tokens, then one of { name, row } each; and of pairs of texts by its rerankers, as
// rerankers.vec: { name, query, documents, scores, nTokens }. Needs the oracle (node tests/golden/make-encoders.mjs).
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ENCODERS, RERANKERS, writeTiny } from "../../models/make-tiny.mjs";
import { ask, requireOracle } from "../fidelity/oracle.mjs";
import { scoresOf } from "../oracle/pairs.mjs";

requireOracle();
const FOLDER = fileURLToPath(new URL("../../build/tiny", import.meta.url));
const short = (x) => Number(x.toPrecision(8));

function write(name, lines) {
  writeFileSync(new URL(name, import.meta.url), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

const tokens = Array.from({ length: 40 }, (_, i) => (i * 7 + 3) % 32);
write("encoders.vec", [{ tokens }, ...Object.keys(ENCODERS).map((name) => {
  const [answer] = ask(writeTiny(FOLDER, name), ["embed"], [tokens]);
  return { name, row: answer.embedding.map(short) };
})]);

const query = "fed a cab";
const documents = ["bad egg", "a", "cage deck hall", "cabbage a faded jade cad"];
write("rerankers.vec", Object.keys(RERANKERS).map((name) => {
  const { scores, nTokens } = scoresOf(writeTiny(FOLDER, name), name.split(":")[1], query, documents);
  return { name, query, documents, scores: scores.map(short), nTokens };
}));
