// vocabularies.mjs: files without weights on which tokenizers are compared: those of llama.cpp, and others made of them
// for the tokenizers and pre-tokenizers that these have not.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, serialise, value } from "../../models/gguf.mjs";
import { HOME, VOCABULARIES, WORK } from "./oracle.mjs";

const pathOf = (name) => join(VOCABULARIES, `ggml-vocab-${name}.gguf`);
const NORMAL = 1, CONTROL = 3, BYTE = 6; // tokenizer.ggml.token_type

/** The texts on which llama.cpp tests its own tokenizers. */
export function vocabularyTexts() {
  const files = readdirSync(VOCABULARIES).filter((name) => name.endsWith(".inp"));
  return files.flatMap((name) => readFileSync(join(VOCABULARIES, name), "utf8").split("\n__ggml_vocab_test__\n"));
}

/** llama.cpp's own vocabularies: [{ name, path }]. */
export function vocabularies() {
  const names = readdirSync(VOCABULARIES).map((file) => file.match(/^ggml-vocab-(.*)\.gguf$/)?.[1]);
  return names.filter((name) => name !== undefined).map((name) => ({ name, path: pathOf(name) }));
}

/** Every value of tokenizer.ggml.pre that llama.cpp knows, in Llama 3's vocabulary: [{ name, path() }]. But for that
 *  which needs a tokenizer that drops spaces, and is below: of a space llama.cpp dies. */
export function preTokenizers() {
  const source = readFileSync(join(HOME, "llama.cpp/src/llama-vocab.cpp"), "utf8");
  const names = [...source.matchAll(/tokenizer_pre == "([^"]+)"/g)].map((match) => match[1]).filter((name) => name !== "whitespace");
  const path = (name) => () => change(`pre-${name}`, "llama-bpe", (keys) => keys.set("tokenizer.ggml.pre", value.string(name)));
  return [...new Set(names)].sort().map((name) => ({ name: `pre-${name}`, path: path(name) }));
}

/** A vocabulary for each tokenizer of llama.cpp that none of its own has: [{ name, path() }]. */
export function others() {
  const made = (name, source, edit) => ({ name, path: () => change(name, source, edit) });
  const isModel = (name) => (keys) => keys.set("tokenizer.ggml.model", value.string(name));
  return [
    made("rwkv", "gpt-2", toRwkv),
    made("plamo2", "nomic-bert-moe", toPlamo2),
    made("hybriddna", "gpt-2", toHybridDna),
    made("whitespace", "gpt-2", isModel("whitespace")),
    made("whitespace-plain", "gemma-4", (keys) => {
      isModel("whitespace")(keys);
      keys.set("tokenizer.ggml.pre", value.string("whitespace"));
    }),
    made("kimi-k2-without-merges", "llama-bpe", (keys) => {
      keys.set("tokenizer.ggml.pre", value.string("kimi-k2"));
      keys.delete("tokenizer.ggml.merges");
    }),
  ];
}

// Writes a vocabulary of llama.cpp with other keys; returns the file's path.
function change(name, source, edit) {
  const file = parse(readFileSync(pathOf(source)));
  const path = join(WORK, `${name}.gguf`);
  edit(file.keys);
  writeFileSync(path, serialise(file));
  return path;
}

function stringsOf(bytes) { // type, item type, count; each a length and its bytes
  let at = 16;
  return Array.from({ length: Number(bytes.readBigUInt64LE(8)) }, () => {
    const end = at + 8 + Number(bytes.readBigUInt64LE(at));
    const text = bytes.toString("utf8", at + 8, end);
    at = end;
    return text;
  });
}

function setTokens(keys, model, tokens, kinds, scores) {
  keys.set("tokenizer.ggml.model", value.string(model));
  keys.set("tokenizer.ggml.tokens", value.strings(tokens));
  keys.set("tokenizer.ggml.token_type", value.i32s(kinds));
  if (scores) keys.set("tokenizer.ggml.scores", scores);
}

// Each byte, and GPT-2's tokens, whose characters stand for bytes, as Python writes them.
function toRwkv(keys) {
  const printable = (c) => (c >= 0x21 && c <= 0x7e) || (c >= 0xa1 && c <= 0xff && c !== 0xad);
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const others = bytes.filter((byte) => !printable(byte));
  const byteOf = (c) => (c < 256 ? c : others[c - 256]);
  const isText = (bytes) => bytes.toString().split("").every((char) => char !== "\ufffd");
  const escape = (bytes) => {
    if (!isText(bytes)) return [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
    return bytes.toString().replace(/[\\'\n\r\t\0-\x1f\x7f]/g, (char) =>
      ({ "\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t" })[char] ??
      `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
  };
  const words = stringsOf(keys.get("tokenizer.ggml.tokens")).slice(0, 50256)
    .map((token) => escape(Buffer.from([...token].map((char) => byteOf(char.codePointAt(0))))));
  const tokens = [...new Set(["<s>", ...bytes.map((byte) => escape(Buffer.from([byte]))), ...words])];
  setTokens(keys, "rwkv", tokens, tokens.map((_, i) => (i ? NORMAL : CONTROL)));
  keys.delete("tokenizer.ggml.merges");
}

// Unigrams and their scores, and a token for each byte.
function toPlamo2(keys) {
  const words = stringsOf(keys.get("tokenizer.ggml.tokens"));
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
  const scores = keys.get("tokenizer.ggml.scores");
  const scoreOf = (i) => scores.readFloatLE(16 + 4 * i);
  setTokens(keys, "plamo2", [...words, ...bytes],
    [...words.map((_, i) => (i < 4 ? CONTROL : NORMAL)), ...bytes.map(() => BYTE)],
    value.f32s([...words.map((_, i) => scoreOf(i)), ...bytes.map(() => 0)]));
}

// GPT-2's tokens, and those of six letters of DNA that a mark of their own tells from words; some are not there.
function toHybridDna(keys) {
  const words = stringsOf(keys.get("tokenizer.ggml.tokens"));
  const letters = [..."ACGT"];
  let kmers = [""];
  for (let i = 0; i < 6; i++) kmers = kmers.flatMap((kmer) => letters.map((letter) => kmer + letter));
  const tokens = [...words, "<dna>", "</dna>", "<oov>", ...kmers.filter((_, i) => i % 50).map((kmer) => `${kmer}\ue000`)];
  setTokens(keys, "hybriddna", tokens, tokens.map(() => NORMAL));
}
