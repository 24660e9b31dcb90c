// tokens.mjs: are Sotto's token ids llama.cpp's, on every text one can think of? `make fidelity` runs it first; it
// needs the oracle (oracle.mjs). The texts: our own hard ones (strings.mjs), those on which llama.cpp tests its
// vocabularies, and 20,000 random mixtures; each with and without special tokens, and those at the ends.
// usage: node tests/fidelity/tokens.mjs [MODEL...]
import { MODELS, ask, askSotto, modelPath, requireOracle, vocabularyTexts } from "./oracle.mjs";
import { HARD, LONG, randomTexts } from "./strings.mjs";

const FLAGS = [[], ["--special"], ["--bos"], ["--special", "--bos"]];
const N_RANDOM = 20_000;
const N_SHOWN = 5; // differences

// One model with one set of flags; returns the number of texts whose ids differ.
function compare(name, flags, texts) {
  const expected = ask(modelPath(name), ["tokens", ...flags], texts);
  const found = askSotto(modelPath(name), ["tokens", ...flags], texts);
  const different = texts.map((_, i) => i).filter((i) => expected[i].ids.join() !== found[i].ids.join());
  console.log(`${name} ${flags.join(" ")}: ${different.length} of ${texts.length} texts have other ids`);
  for (const i of different.slice(0, N_SHOWN)) {
    console.log(`  ${JSON.stringify(texts[i])}`);
    console.log(`    llama.cpp ${expected[i].ids.join()}\n    Sotto     ${found[i].ids.join()}`);
  }
  return different.length;
}

requireOracle();
const texts = [...new Set([...HARD, ...LONG, ...vocabularyTexts(), ...randomTexts(N_RANDOM)])];
const names = MODELS.filter((name) => process.argv.length < 3 || process.argv.includes(name));
const counts = names.flatMap((name) => FLAGS.map((flags) => compare(name, flags, texts)));
process.exit(counts.every((count) => count === 0) ? 0 : 1);
