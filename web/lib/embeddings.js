// embeddings.js: texts -> vectors of length 1, pairs of texts -> scores, and both in the shapes of OpenAI's API and of the
// rerank APIs that others share.
import { errorOf } from "./errors.js";
import { Breath } from "./engine.js";

/** inputs: texts and lists of token ids. Returns { rows, nTokens }. */
export async function embedAll(engine, inputs, { pooling, signal }) {
  const breath = new Breath(signal);
  const lists = inputs.map((input) => (typeof input === "string" ? engine.tokenize(input, { bos: true }) : input));
  const rows = [];
  for (const tokens of lists) {
    const row = await engine.embed(tokens, { pooling, breath });
    rows.push(ofLengthOne(row));
    await breath.take();
  }
  return { rows, nTokens: countTokens(lists) };
}

/** Scores of pairs, by the classification head; of two labels, yes and no, the first one's. */
export async function rerankAll(engine, query, documents, { signal }) {
  const breath = new Breath(signal);
  const lists = documents.map((document) => pairOf(engine, query, document));
  const scores = [];
  for (const tokens of lists) {
    scores.push((await engine.embed(tokens, { pooling: "rank", breath }))[0]);
    await breath.take();
  }
  return { scores, nTokens: countTokens(lists) };
}

// By the file's template (Qwen 3 has one), or as [CLS] query [SEP] document [SEP] with the tokens that the file asks for.
function pairOf(engine, query, document) {
  const template = engine.header.find("tokenizer.chat_template.rerank");
  if (template === undefined)
    return [...engine.tokenize(query, { part: "first" }), ...engine.tokenize(document, { part: "second" })];
  const texts = { "{query}": query, "{document}": document };
  return engine.tokenize(template.replace(/\{(query|document)\}/g, (name) => texts[name]), { special: true });
}

const countTokens = (lists) => lists.reduce((sum, { length }) => sum + length, 0);

function ofLengthOne(row) {
  const length = Math.hypot(...row);
  return length > 0 ? row.map((x) => x / length) : row;
}

/** OpenAI's answer. What is shortened to `dimensions` is made of length 1 again. */
export function embeddingsShape(rows, nTokens, { model, dimensions, encoding_format = "float" }) {
  const width = rows[0].length;
  if (dimensions > width) throw errorOf("INVALID_ARGUMENT", `${dimensions} dimensions are more than the model's ${width}`);
  const data = rows.map((row, index) => {
    const vector = dimensions === undefined ? row : ofLengthOne(row.slice(0, dimensions));
    return { object: "embedding", index, embedding: encoding_format === "base64" ? base64(vector) : Array.from(vector) };
  });
  return { object: "list", data, model, usage: { prompt_tokens: nTokens, total_tokens: nTokens } };
}

/** The best `topN` documents by their scores. */
export function rerankShape(scores, topN, nTokens) {
  const results = scores.map((relevance_score, index) => ({ index, relevance_score }));
  results.sort((a, b) => b.relevance_score - a.relevance_score);
  return { object: "list", results: results.slice(0, topN), usage: { prompt_tokens: nTokens, total_tokens: nTokens } };
}

// Of little-endian float32, which is what every machine with WebAssembly has.
function base64(vector) {
  const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
