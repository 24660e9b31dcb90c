// embeddings.test.mjs: encoders and pooling, and pairs of texts, on tiny models of our own (models/make-tiny.mjs), against
// llama.cpp's vectors and scores as golden/encoders.vec and golden/rerankers.vec keep them; and the shapes of
// embeddings.create() and rerank().
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ENCODERS, RERANKERS, writeTiny } from "../../models/make-tiny.mjs";
import { cosine } from "../fidelity/statistics.mjs";
import { PACKAGE } from "./support.mjs";

const { openEngine } = await import(new URL("bin/direct.mjs", PACKAGE));
const { Breath } = await import(new URL("engine.js", PACKAGE));
const { load } = await import(new URL("index.js", PACKAGE));

const FOLDER = fileURLToPath(new URL("../../build/tiny", import.meta.url));
const linesOf = (name) => readFileSync(new URL(`../golden/${name}`, import.meta.url), "utf8")
  .trim().split("\n").map((line) => JSON.parse(line));
const [{ tokens }, ...golden] = linesOf("encoders.vec");
const goldenPairs = linesOf("rerankers.vec");

const url = (name) => pathToFileURL(writeTiny(FOLDER, name));

async function embed(name, options) {
  const engine = await openEngine(url(name).href, { nCtx: 64, ...options });
  return (await engine.embed(tokens, { breath: new Breath() })).slice();
}

test("every encoder has its golden vector", () => {
  assert.deepEqual(golden.map(({ name }) => name), Object.keys(ENCODERS));
});

for (const { name, row } of golden) {
  test(`${name} is llama.cpp's`, async () => {
    const found = await embed(name);
    assert.equal(found.length, row.length);
    if (row.length > 1) assert.ok(cosine(found, row) > 0.9999, `cosine ${cosine(found, row)}`);
    else assert.ok(Math.abs(found[0] - row[0]) <= 0.05 * Math.abs(row[0]), `${found[0]}, not ${row[0]}`); // its GELU has 16 bits
    for (const options of [{ nBatch: 8 }, { level: "scalar" }])
      assert.deepEqual(await embed(name, options), found, `the same bits with ${JSON.stringify(options)}`);
  });
}

test("every reranker has its golden scores", () => {
  assert.deepEqual(goldenPairs.map(({ name }) => name), Object.keys(RERANKERS));
});

for (const { name, query, documents, scores, nTokens } of goldenPairs) {
  test(`rerank() by ${name} gives llama.cpp's scores`, async () => {
    const model = await load(url(name), { nCtx: 64, kvType: "f32" });
    const { results, usage } = await model.rerank({ query, documents });
    const best = await model.rerank({ query, documents, top_n: 2 });
    model.close();
    assert.equal(usage.prompt_tokens, nTokens);
    assert.deepEqual(results.map(({ index }) => index), scores.map((_, i) => i).sort((a, b) => scores[b] - scores[a]));
    assert.deepEqual(best.results, results.slice(0, 2));
    for (const { index, relevance_score: score } of results)
      assert.ok(Math.abs(score - scores[index]) < 2e-3 * Math.abs(scores[index]), `${score}, not ${scores[index]}`);
  });
}

test("a template's names in a text are text", async () => {
  const model = await load(url("qwen3:judge"), { nCtx: 64 });
  const { usage } = await model.rerank({ query: "{document}", documents: ["$&abcdef", "{query}"] });
  model.close();
  assert.equal(usage.prompt_tokens, 2 * (21 + "document".length) + "abcdef".length + "query".length);
});

test("embeddings.create() has OpenAI's shape", async () => {
  const model = await load(url("bert"), { nCtx: 64 });
  const { data, usage } = await model.embeddings.create({ input: [tokens, tokens.slice(0, 9)] });
  assert.deepEqual(data.map(({ index, embedding }) => [index, embedding.length]), [[0, 32], [1, 32]]);
  assert.equal(usage.prompt_tokens, tokens.length + 9);
  assert.ok(cosine(data[0].embedding, golden[0].row) > 0.9999);
  assert.ok(Math.abs(Math.hypot(...data[0].embedding) - 1) < 1e-5);
  const short = await model.embeddings.create({ input: tokens, dimensions: 8, encoding_format: "base64" });
  assert.equal(Buffer.from(short.data[0].embedding, "base64").length, 4 * 8);
  await assert.rejects(model.embeddings.create({ input: tokens, dimensions: 33 }), { code: "INVALID_ARGUMENT" });
  model.close();
});
