// oracle.mjs: what the fidelity measurements and the makers of golden files share: the oracle's programs and ours, the
// exact weights of a model file, the texts and their tokens.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const HOME = process.env.SOTTO_ORACLE ?? join(homedir(), ".cache/sotto-oracle");
export const BIN = join(HOME, "bin");
export const VOCABULARIES = join(HOME, "llama.cpp/models");

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const WORK = join(ROOT, "build/fidelity");
export const PROGRAM = join(BIN, "oracle");
export const SOTTO = join(ROOT, "build/sotto/bin/sotto.mjs");
export const MODELS = ["SmolLM2-135M-Instruct.Q4_1", "gemma-3-270m-q4_k_m"];
export const TEXTS = readFileSync(new URL("texts.txt", import.meta.url), "utf8").split("\n----\n").map((text) => text.trim());

/** A model of the catalogue, or one that make bench has made. */
export function modelPath(name) {
  const [cached, made] = ["models/cache", "build/bench/models"].map((folder) => join(ROOT, folder, `${name}.gguf`));
  return existsSync(cached) ? cached : made;
}

export function requireOracle() {
  mkdirSync(WORK, { recursive: true });
  if (existsSync(PROGRAM)) return;
  console.error(`there is no oracle in ${BIN}; set SOTTO_ORACLE to the folder whose bin/ has the program`);
  process.exit(2);
}

/** Runs the oracle on requests, one a line; its answers. */
export function ask(model, args, requests) {
  const input = requests.map((request) => `${JSON.stringify(request)}\n`).join("");
  const output = execFileSync(PROGRAM, [model, ...args], { input, maxBuffer: 1 << 28 });
  return String(output).trim().split("\n").map((line) => JSON.parse(line));
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
