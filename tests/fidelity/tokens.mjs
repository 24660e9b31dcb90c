// tokens.mjs: are Sotto's token ids llama.cpp's, on every text one can think of? `make fidelity` runs it first; it
// needs the oracle (oracle.mjs). The texts: our own hard ones (strings.mjs), those on which llama.cpp tests its
// vocabularies, and random mixtures; each with and without special tokens, and those at the ends.
// usage: node tests/fidelity/tokens.mjs [--random N] [NAME...]; a NAME is a model, one of llama.cpp's vocabularies or a
// pre-tokenizer, which is put into the vocabulary of Llama 3
import { parseArgs } from "node:util";
import { MODELS, ask, askSotto, modelPath, requireOracle, vocabularies, vocabularyTexts, withPreTokenizer } from "./oracle.mjs";
import { HARD, LONG, randomTexts } from "./strings.mjs";

const FLAGS = [[], ["--special"], ["--bos"], ["--special", "--bos"]];
const N_SHOWN = 5; // differences

// Of those that no vocabulary has, one of each kind.
const PRE_TOKENIZERS = ["default", "chameleon", "dbrx", "chatglm-bpe", "glm4", "jais-2", "minicpm5", "laguna", "ufakzeka",
  "bailingmoe", "seed-coder", "exaone-moe", "tekken", "gpt-4o", "granite-embed-multi-97m", "tiny_aya", "superbpe", "kimi-k2",
  "deepseek-v3", "spark2_5", "afmoe", "youtu", "bloom", "viking", "granite-embed-multi-311m", "sarvam-moe",
  "smollm", "gpt-2"];

// One file with one set of flags; returns the number of texts whose ids differ.
function compare(name, path, flags, texts) {
  const expected = ask(path, ["tokens", ...flags], texts);
  const found = askSotto(path, ["tokens", ...flags], texts);
  const different = texts.map((_, i) => i).filter((i) => expected[i].ids.join() !== found[i].ids.join());
  console.log(`${name} ${flags.join(" ")}: ${different.length} of ${texts.length} texts have other ids`);
  for (const i of different.slice(0, N_SHOWN)) {
    console.log(`  ${JSON.stringify(texts[i])}`);
    console.log(`    llama.cpp ${expected[i].ids.join()}\n    Sotto     ${found[i].ids.join()}`);
  }
  return different.length;
}

requireOracle();
const { values, positionals } = parseArgs({ options: { random: { type: "string", default: "2000" } }, allowPositionals: true });
const texts = [...new Set([...HARD, ...vocabularyTexts(), ...randomTexts(Number(values.random))])];
const files = [
  ...MODELS.map((name) => ({ name, path: modelPath(name), flags: FLAGS, texts: [...texts, ...LONG] })),
  ...vocabularies().map((file) => ({ ...file, flags: FLAGS, texts })),
  ...PRE_TOKENIZERS.map((name) => ({ name, path: withPreTokenizer(name), flags: [["--special"]], texts })),
];
const chosen = files.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const counts = chosen.flatMap(({ name, path, flags, texts }) => flags.map((set) => compare(name, path, set, texts)));
process.exit(counts.every((count) => count === 0) ? 0 : 1);
