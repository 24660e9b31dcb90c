// embeddings.test.mjs: encoders and pooling, on tiny models of our own (models/make-tiny.mjs), against llama.cpp's vectors
// as golden/encoders.vec keeps them; and the shapes of embeddings.create() and rerank().
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ENCODERS, writeTiny } from "../../models/make-tiny.mjs";
import { PACKAGE } from "./support.mjs";

const { openEngine } = await import(new URL("bin/direct.mjs", PACKAGE));
const { Breath } = await import(new URL("engine.js", PACKAGE));
const { load } = await import(new URL("index.js", PACKAGE));

const FOLDER = fileURLToPath(new URL("../../build/tiny", import.meta.url));
const [{ tokens }, ...golden] = readFileSync(new URL("../golden/encoders.vec", import.meta.url), "utf8")
  .trim().split("\n").map((line) => JSON.parse(line));

const url = (name) => pathToFileURL(writeTiny(FOLDER, name));

async function embed(name, options) {
  const engine = await openEngine(url(name).href, { nCtx: 64, ...options });
  return (await engine.embed(tokens, { breath: new Breath() })).slice();
}

function cosine(a, b) {
  const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
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
