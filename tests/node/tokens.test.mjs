// tokens.test.mjs: token ids against llama.cpp's, as golden/tokens-*.vec keep them, and back to text, at once and
// streamed; with the real files (Gemma's is fetched only when somebody asks for it).
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { PACKAGE } from "./support.mjs";

const { openEngine } = await import(new URL("bin/direct.mjs", PACKAGE));
const { Writer } = await import(new URL("generate.js", PACKAGE));
const { TOKENIZE } = await import(new URL("abi.js", PACKAGE));

// sayable: what the model's tokens can spell of a text. SmolLM2 has none for some bytes; Gemma's for U+2581 are spaces.
const MODELS = [
  {
    file: "SmolLM2-135M-Instruct.Q4_1.gguf",
    golden: "tokens-smollm2.vec",
    sayable: (text) => text.replace(/[\x04\x06\x13\x14\x16\x1d]/g, ""),
  },
  { file: "gemma-3-270m-q4_k_m.gguf", golden: "tokens-gemma.vec", sayable: (text) => text.replaceAll("\u2581", " ") },
];

for (const { file, golden, sayable } of MODELS) {
  const model = new URL(`../../models/cache/${file}`, import.meta.url);
  const skip = !existsSync(fileURLToPath(model)) && `${file} is not there: make model MODEL=gemma-3-270m-q4_k_m`;
  const lines = readFileSync(new URL(`../golden/${golden}`, import.meta.url), "utf8").trim().split("\n");
  const cases = lines.map((line) => JSON.parse(line));

  describe(file, { skip }, () => {
    let engine;
    before(async () => { engine = await openEngine(model.href, { nCtx: 64 }); });

    test("token ids are llama.cpp's", () => {
      assert.ok(cases.length > 300);
      for (const [text, flags, ids] of cases) {
        const options = { special: (flags & TOKENIZE.SPECIAL) !== 0, bos: (flags & TOKENIZE.BOS_EOS) !== 0 };
        assert.deepEqual(engine.tokenize(text, options), ids, JSON.stringify(text));
      }
    });

    test("tokens become their text again", () => {
      for (const [text] of cases) assert.equal(engine.detokenize(engine.tokenize(text)), sayable(text));
    });

    test("streamed text has whole characters in each piece", () => {
      for (const [text] of cases) {
        const pieces = engine.instance.scope(() => {
          const writer = new Writer(engine, [], { text: "", tokens: [] });
          return [...engine.tokenize(text).map((token) => writer.write(token).text), writer.flush()];
        });
        assert.equal(pieces.join(""), sayable(text));
      }
    });
  });
}
