// oracle.mjs: what the fidelity measurements and the makers of golden files share: the oracle's programs and ours, the
// exact weights of a model file, the texts and their tokens.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HOME = process.env.SOTTO_ORACLE ?? join(homedir(), ".cache/sotto-oracle");
export const BIN = join(HOME, "bin");
export const VOCABULARIES = join(HOME, "llama.cpp/models");

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const WORK = join(ROOT, "build/fidelity");
export const PROGRAM = join(BIN, "oracle");
export const SOTTO = join(ROOT, "build/sotto/bin/sotto.mjs");
export const MODELS = ["SmolLM2-135M-Instruct.Q4_1", "gemma-3-270m-q4_k_m"];
export const TEXTS = readFileSync(new URL("texts.txt", import.meta.url), "utf8").split("\n----\n").map((text) => text.trim());

export const modelPath = (name) => join(ROOT, `models/cache/${name}.gguf`);

export function requireOracle() {
  mkdirSync(WORK, { recursive: true });
  if (existsSync(PROGRAM)) return;
  console.error(`there is no oracle in ${BIN}; set SOTTO_ORACLE to the folder whose bin/ has the program`);
  process.exit(2);
}

function answers(program, args, requests) {
  const input = requests.map((request) => `${JSON.stringify(request)}\n`).join("");
  const output = execFileSync(program, args, { input, maxBuffer: 1 << 28 });
  return String(output).trim().split("\n").map((line) => JSON.parse(line));
}

/** Runs the oracle on requests, one a line; its answers. */
export const ask = (model, args, requests) => answers(PROGRAM, [model, ...args], requests);

/** The same of Sotto. */
export const askSotto = (model, [command, ...args], requests) =>
  answers(process.execPath, [SOTTO, command, model, ...args], requests);

/** The texts on which llama.cpp tests its own tokenizers. */
export function vocabularyTexts() {
  const files = readdirSync(VOCABULARIES).filter((name) => name.endsWith(".inp"));
  return files.flatMap((name) => readFileSync(join(VOCABULARIES, name), "utf8").split("\n__ggml_vocab_test__\n"));
}

/** llama.cpp's own vocabularies, files without weights: [{ name, path }]. */
export function vocabularies() {
  const files = readdirSync(VOCABULARIES).filter((name) => name.endsWith(".gguf"));
  return files.map((file) => ({ name: file.slice("ggml-vocab-".length, -".gguf".length), path: join(VOCABULARIES, file) }));
}

/** The path of Llama 3's vocabulary with this tokenizer.ggml.pre. */
export function withPreTokenizer(name) {
  const path = join(WORK, `pre-${name}.gguf`);
  const source = readFileSync(join(VOCABULARIES, "ggml-vocab-llama-bpe.gguf"));
  const key = "tokenizer.ggml.pre";
  const begin = source.indexOf(key) + key.length + 4; // behind the value's type
  const length = Buffer.alloc(8);
  length.writeUInt32LE(name.length);
  const rest = source.subarray(begin + 8 + source.readUInt32LE(begin));
  writeFileSync(path, Buffer.concat([source.subarray(0, begin), length, Buffer.from(name), rest]));
  return path;
}

/** The token ids of texts, with those that the model wants at the beginning. */
export function tokens(name, texts) {
  return ask(modelPath(name), ["tokens", "--special", "--bos"], texts).map(({ ids }) => ids);
}

/** The same model with the same weights as F32: made once, and kept below build/. */
export function exactWeights(name) {
  const exact = join(WORK, `${name}.exact.gguf`);
  if (!existsSync(exact)) {
    execFileSync(join(BIN, "llama-quantize"), ["--allow-requantize", modelPath(name), exact, "F32"], { stdio: "pipe" });
  }
  return exact;
}
