// make-encoders.mjs: what llama.cpp makes of some tokens by the tiny encoders of models/make-tiny.mjs, as
// tests/golden/encoders.vec: a line of tokens, then one of { name, row } each. Needs the oracle (node
// tests/golden/make-encoders.mjs).
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ENCODERS, writeTiny } from "../../models/make-tiny.mjs";
import { ask, requireOracle } from "../fidelity/oracle.mjs";

requireOracle();
const FOLDER = fileURLToPath(new URL("../../build/tiny", import.meta.url));
const tokens = Array.from({ length: 40 }, (_, i) => (i * 7 + 3) % 32);
const lines = Object.keys(ENCODERS).map((name) => {
  const [answer] = ask(writeTiny(FOLDER, name), ["embed"], [tokens]);
  return { name, row: answer.embedding.map((x) => Number(x.toPrecision(8))) };
});
writeFileSync(new URL("encoders.vec", import.meta.url), [{ tokens }, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(""));
