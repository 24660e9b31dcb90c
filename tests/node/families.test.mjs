// families.test.mjs: every model family's graph, on tiny models of our own (models/make-tiny.mjs), against llama.cpp's
// logits as golden/families.vec keeps them.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parse, serialise, value } from "../../models/gguf.mjs";
import { MODELS, makeTiny, writeTiny } from "../../models/make-tiny.mjs";
import { normalisedError } from "../fidelity/statistics.mjs";
import { PACKAGE } from "./support.mjs";

const { openEngine } = await import(new URL("bin/direct.mjs", PACKAGE));
const { Breath } = await import(new URL("engine.js", PACKAGE));

// Of the normalised mean squared error. llama.cpp rounds GELU to 16 bits; the caches round keys and values, and what is
// rounded grows with the layers.
const ERROR_BUDGETS = { f32: 1e-6, f16: 2e-6, int8: 1e-3 };
const DEEP = 4;           // layers; beyond it
const DEEP_GROWTH = 200;  // the caches' budgets are so many times as large

const FOLDER = fileURLToPath(new URL("../../build/tiny", import.meta.url));
const [{ tokens, positions }, ...golden] = readFileSync(new URL("../golden/families.vec", import.meta.url), "utf8")
  .trim().split("\n").map((line) => JSON.parse(line));

const open = (name, options) => openEngine(pathToFileURL(writeTiny(FOLDER, name)).href, { nCtx: 64, ...options });

async function rowsOf(engine) {
  const rows = [];
  await engine.eachLogits(tokens, { all: true, breath: new Breath() }, (_, row) => rows.push(row.slice()));
  return rows;
}

test("there are golden logits of every tiny model", () => {
  assert.deepEqual(golden.map(({ model }) => model), Object.keys(MODELS));
});

for (const { model, logits } of golden) {
  test(`${model}: llama.cpp's logits, with every type of cache`, async () => {
    for (const kvType of Object.keys(ERROR_BUDGETS)) {
      const rows = await rowsOf(await open(model, { kvType }));
      const isDeep = MODELS[model].nLayers > DEEP;
      const budget = ERROR_BUDGETS[kvType] * (isDeep && kvType !== "f32" ? DEEP_GROWTH : 1);
      const error = normalisedError(positions.map((position) => rows[position]), logits);
      assert.ok(error < budget, `${kvType}: ${error}, budget ${budget}`);
    }
  });

  test(`${model}: the same bits token by token, across a prefix that is reused, and on the scalar level`, async () => {
    const expected = await rowsOf(await open(model));
    const single = await open(model, { level: "scalar" });
    single.sync([...tokens.slice(0, 20), 0, 1, 2]);
    await single.compute(new Breath());
    assert.equal(single.sync(tokens.slice(0, 21)), 20);
    for (let position = 20; position < tokens.length; position++) {
      await single.compute(new Breath());
      assert.deepEqual(single.logitsRow(position), expected[position]);
      if (position + 1 < tokens.length) single.append([tokens[position + 1]]);
    }
  });
}

// Tensors without which a file is still a model: the head is then the embedding, a matrix has no bias.
const isOptional = (name) => /^output\.weight$|\.bias$|\.scales?$|^rope_f/.test(name);

test("a tensor that lacks, or is too many, is named", async () => {
  for (const name of ["llama", "gemma3", "phi2", "phi3", "olmo2", "gpt2", "bloom", "falcon:40b", "seed_oss"]) {
    const file = parse(makeTiny(name));
    const tensors = [...file.tensors.keys()].filter((tensor) => !tensor.startsWith("blk.0."));
    for (const tensor of tensors.filter((tensor) => name === "gpt2" || !isOptional(tensor))) {
      const without = new Map(file.tensors);
      without.delete(tensor);
      await refuses({ ...file, tensors: without }, "MISSING_TENSOR", tensor.replace("qkv.weight", "q.weight"));
    }
    const withMore = new Map([...file.tensors, ["blk.1.attn_gate.weight", file.tensors.get("token_embd.weight")]]);
    await refuses({ ...file, tensors: withMore }, "UNSUPPORTED_ARCHITECTURE", "blk.1.attn_gate.weight");
  }
});

test("a key of another type, or an array that is too short, is named", async () => {
  for (const [name, { keys = {} }] of Object.entries(MODELS)) {
    const file = parse(makeTiny(name));
    for (const key of Object.keys(keys)) {
      const full = `${name.split(":")[0]}.${key}`;
      const isString = file.keys.get(full).equals(value.string(file.keys.get(full).subarray(12).toString()));
      const wrong = isString ? value.u32(1) : value.string("wrong");
      await refuses({ ...file, keys: new Map(file.keys).set(full, wrong) }, "MALFORMED", full);
      const short = new Map(file.keys).set(full, value.bools([true]));
      if (/pattern$/.test(key)) await refuses({ ...file, keys: short }, "MALFORMED", full);
    }
  }
});

async function refuses(file, code, words) {
  writeFileSync(join(FOLDER, "refused.gguf"), serialise(file));
  await assert.rejects(openEngine(pathToFileURL(join(FOLDER, "refused.gguf")).href, { nCtx: 64 }), (error) => {
    assert.equal(error.code, code, `without or with ${words}: ${error.message}`);
    assert.ok(error.message.includes(words), error.message);
    return true;
  });
}

test("the tiny models are the same bytes each time", () => {
  for (const name of Object.keys(MODELS)) assert.ok(makeTiny(name).equals(makeTiny(name)), name);
});
