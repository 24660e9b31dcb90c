// make-families.mjs: writes families.vec, which keeps `make test` honest where there is no oracle (node
// tests/golden/make-families.mjs, with the oracle of tests/fidelity/oracle.mjs): llama.cpp's logits of the tiny models that
// models/make-tiny.mjs makes. One JSON value a line, the first of them the prompt:
//   {"tokens":[id...],"positions":[P...]}
//   {"model":NAME,"logits":[[...],...]}   at each of those positions
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MODELS, N_VOCAB, writeTiny } from "../../models/make-tiny.mjs";
import { WORK, ask, requireOracle } from "../fidelity/oracle.mjs";
import { mulberry32 } from "../fidelity/statistics.mjs";

const N_TOKENS = 40;         // more than any window
const POSITIONS = [10, 39];
const N_DIGITS = 5;

const random = mulberry32(40);
const tokens = Array.from({ length: N_TOKENS }, () => Math.floor(random() * N_VOCAB));

function logitsOf(name) {
  const path = join(WORK, "family.f32");
  ask(writeTiny(WORK, name), ["logits", "--kv", "f32", "--positions", "--top", "1", "--full", path], [tokens]);
  const bytes = readFileSync(path);
  rmSync(path);
  const logit = (position, id) => Number(bytes.readFloatLE(4 * (position * N_VOCAB + id)).toPrecision(N_DIGITS));
  return POSITIONS.map((position) => Array.from({ length: N_VOCAB }, (_, id) => logit(position, id)));
}

requireOracle();
const lines = [{ tokens, positions: POSITIONS }];
for (const name of Object.keys(MODELS)) lines.push({ model: name, logits: logitsOf(name) });
writeFileSync(new URL("families.vec", import.meta.url), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
