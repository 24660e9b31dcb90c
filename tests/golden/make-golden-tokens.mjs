// make-golden-tokens.mjs: writes tokens-smollm2.vec and tokens-gemma.vec, which keep `make test` honest where there is
// no oracle (node tests/golden/make-golden-tokens.mjs, with the oracle of tests/fidelity/oracle.mjs). A JSON value a line:
//   [text, flags, [id...]]    flags as in sotto.h: 1 special tokens are parsed, 2 the model adds those at the ends
import { writeFileSync } from "node:fs";
import { MODELS, ask, modelPath, requireOracle } from "../fidelity/oracle.mjs";
import { HARD } from "../fidelity/strings.mjs";

const FILES = ["tokens-smollm2.vec", "tokens-gemma.vec"]; // of MODELS
const EVERY = 2; // of so many texts one is kept
const FLAGS = [[], ["--special"], ["--bos"], ["--special", "--bos"]];

// The texts take turns with the flags.
function lines(name) {
  const texts = HARD.filter((_, i) => i % EVERY === 0);
  const ids = FLAGS.map((flags) => ask(modelPath(name), ["tokens", ...flags], texts));
  return texts.map((text, i) => JSON.stringify([text, i % FLAGS.length, ids[i % FLAGS.length][i].ids]));
}

requireOracle();
MODELS.forEach((name, i) => writeFileSync(new URL(FILES[i], import.meta.url), `${lines(name).join("\n")}\n`));
