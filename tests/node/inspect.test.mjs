// inspect.test.mjs: a report of a model from its header alone: what it holds, what it needs, what is unsupported and why.
import assert from "node:assert/strict";
import { open, readFile, stat } from "node:fs/promises";
import { test } from "node:test";
import { inspect, load } from "../../build/sotto/index.js";
import { FaultServer } from "../fault-server.mjs";
import { MODEL_PATH, MODEL_URL } from "./support.mjs";

const HEADER_BYTES = 4 << 20; // more than the header has

const file = await open(MODEL_PATH);
const { buffer } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
await file.close();

/** The model's beginning, with `text` replaced behind the place where `after` stands first. */
function patched(after, text, by) {
  const bytes = Buffer.from(buffer);
  const at = bytes.indexOf(text, bytes.indexOf(after) + after.length);
  assert.ok(at > 0 && text.length === by.length);
  Buffer.from(by).copy(bytes, at);
  return bytes;
}

test("a report of a file that Sotto runs", async () => {
  const report = await inspect(buffer);
  const { name, architecture, fileBytes, types, tokenizer, hasChatTemplate, nCtxTrain, nCtx, unsupported } = report;
  assert.match(name, /^Smollm2 135M/);
  assert.deepEqual({ architecture, tokenizer, hasChatTemplate, nCtxTrain, nCtx, unsupported }, { architecture: "llama",
    tokenizer: { model: "gpt2", pre: "smollm", nTokens: 49152 }, hasChatTemplate: true, nCtxTrain: 8192, nCtx: 4096,
    unsupported: [] });
  assert.equal(fileBytes, (await stat(MODEL_PATH)).size);
  assert.deepEqual(types.map(({ name: type, nTensors }) => [type, nTensors]), [["Q8_0", 1], ["F32", 61], ["Q4_1", 210]]);
  assert.equal(types[0].bytes, 49152 * 576 / 32 * 34);
  assert.ok(Math.abs(types.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9);
});

test("its memory is what load() takes, but for a few MB", async () => {
  for (const options of [{ nCtx: 512 }, { nCtx: 2048, kvType: "f32" }]) {
    const { memoryBytes, nCtx } = await inspect(MODEL_URL, options);
    const model = await load(MODEL_URL, { ...options, nThreads: 1, early: true });
    const rest = model.info.memoryBytes - memoryBytes;
    assert.equal(nCtx, options.nCtx);
    assert.ok(rest > 0 && rest < 12e6, `${rest} bytes`);
    model.close();
  }
});

test("of a URL the header alone is fetched", { timeout: 60_000 }, async () => {
  const server = await new FaultServer(await readFile(MODEL_PATH)).listen();
  const { architecture, unsupported } = await inspect(server.url);
  await server.close();
  assert.deepEqual([architecture, unsupported], ["llama", []]);
  assert.ok(server.sentBytes < 4 << 20, `${server.sentBytes} bytes were sent`);
});

test("what is unsupported is named, with the rest of the report", async () => {
  const family = await inspect(patched("general.architecture", "llama", "xlama"));
  assert.equal(family.architecture, "xlama");
  assert.equal(family.memoryBytes, undefined);
  assert.deepEqual(family.unsupported.map(({ code }) => code), ["UNSUPPORTED_ARCHITECTURE"]);
  assert.match(family.unsupported[0].message, /'xlama' is not supported/);
  assert.equal(family.types.length, 3);

  const type = buffer.subarray(buffer.indexOf("token_embd.weight") + 17 + 4 + 16).subarray(0, 4);
  assert.equal(type.readUInt32LE(), 8); // Q8_0
  const unknown = await inspect(patched("token_embd.weight", type, Buffer.from([99, 0, 0, 0])));
  assert.deepEqual(unknown.unsupported.map(({ code }) => code), ["UNSUPPORTED_TYPE"]);
  assert.match(unknown.unsupported[0].message, /token_embd\.weight/);
  assert.equal(unknown.types[0].name, "unknown");

  const tokenizer = await inspect(patched("tokenizer.ggml.pre", "smollm", "smoxxm"));
  assert.deepEqual(tokenizer.unsupported.map(({ code }) => code), ["UNSUPPORTED_TOKENIZER"]);
  assert.ok(tokenizer.memoryBytes > 0);

  const template = await inspect(patched("tokenizer.chat_template", "{% for", "{% fox"));
  assert.deepEqual(template.unsupported.map(({ code }) => code), ["TEMPLATE_ERROR"]);
  assert.ok(template.memoryBytes > 0);
});

test("what is no model, ends too early or is asked for wrongly rejects", async () => {
  await assert.rejects(inspect(Buffer.from("no model")), { code: "NOT_GGUF" });
  await assert.rejects(inspect(buffer.subarray(0, 1000)), { code: "TRUNCATED" });
  await assert.rejects(inspect(MODEL_URL, { nBatch: 1 }), { code: "INVALID_ARGUMENT" });
  await assert.rejects(inspect(MODEL_URL, { signal: AbortSignal.abort() }), { code: "ABORTED" });
});
