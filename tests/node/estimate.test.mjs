// estimate.test.mjs: what a model takes is told from its header alone, and is what loading then takes.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, beforeEach, test } from "node:test";
import { FaultServer } from "../fault-server.mjs";
import { MODEL_PATH, PACKAGE } from "./support.mjs";

const { estimate, load } = await import(new URL("index.js", PACKAGE));

const MIB = 1 << 20;
const file = await readFile(MODEL_PATH);
let server;
before(async () => { server = await new FaultServer(file).listen(); });
beforeEach(() => {
  server.setFile(file, '"one"');
  server.expect();
});
after(() => server.close());

for (const nThreads of [1, 2]) {
  test(`bytes and memory, as loading then takes them, on ${nThreads} threads`, { timeout: 60_000 }, async () => {
    const options = { nCtx: 512, nThreads };
    const { fileBytes, fetchBytes, memoryBytes, problem, freeBytes } = await estimate(server.url, options);
    assert.ok(server.sentBytes < 4 * MIB, `${server.sentBytes} bytes were sent`);
    assert.deepEqual([fileBytes, fetchBytes, problem, freeBytes], [file.length, file.length, null, undefined]);
    const model = await load(file, options);
    assert.equal(memoryBytes, model.info.memoryBytes);
    model.close();
  });
}

test("a longer context takes more memory", { timeout: 60_000 }, async () => {
  const [small, large] = [await estimate(server.url, { nCtx: 128 }), await estimate(server.url, { nCtx: 4096 })];
  assert.ok(large.memoryBytes > small.memoryBytes + 10 * MIB);
});

test("what stands against a model is its problem", { timeout: 60_000 }, async () => {
  const text = file.indexOf("llama", file.indexOf("general.architecture"));
  const other = Buffer.from(file);
  other.write("lxxma", text);
  server.setFile(other, '"two"');
  const { problem, memoryBytes, fileBytes } = await estimate(server.url);
  assert.deepEqual([problem.code, memoryBytes, fileBytes], ["UNSUPPORTED_ARCHITECTURE", undefined, file.length]);
});

// From now on no memory has more pages than `most`.
function refuseMemory(context, most) {
  const { grow } = WebAssembly.Memory.prototype;
  context.mock.method(WebAssembly.Memory.prototype, "grow", function (nPages) {
    if (this.buffer.byteLength / 65536 + nPages > most) throw new RangeError("no");
    return grow.call(this, nPages);
  });
}

test("a context that does not fit is halved where the caller allows it", { timeout: 60_000 }, async (context) => {
  const { memoryBytes } = await estimate(server.url, { nThreads: 1, nCtx: 1024 });
  refuseMemory(context, memoryBytes / 65536);
  const { problem } = await estimate(server.url, { nThreads: 1, nCtx: 4096 });
  assert.equal(problem.code, "OUT_OF_MEMORY");
  for (const nCtx of [4096, undefined]) {
    const shrunk = await estimate(server.url, { nThreads: 1, nCtx, shrinkContext: true });
    assert.deepEqual([shrunk.problem, shrunk.memoryBytes, shrunk.nCtx], [null, memoryBytes, 1024]);
  }
});

test("memory that is refused is a problem that says how much was asked", { timeout: 60_000 }, async (context) => {
  refuseMemory(context, 1000);
  const { problem } = await estimate(server.url, { nThreads: 1, shrinkContext: true });
  assert.equal(problem.code, "OUT_OF_MEMORY");
  assert.match(problem.message, /\d+ MB/);
});

test("without ranges, and what fails", { timeout: 60_000 }, async () => {
  server.expect({ kind: "ignoreRange" });
  assert.equal((await estimate(server.url)).fileBytes, file.length);
  server.expect({ kind: "status", status: 404 });
  await assert.rejects(estimate(server.url), { code: "NOT_FOUND" });
  server.expect();
  server.setFile(Buffer.from("<html>"), '"three"');
  await assert.rejects(estimate(server.url), { code: "NOT_GGUF" });
  server.setFile(file.subarray(0, 1000), '"four"');
  await assert.rejects(estimate(server.url), { code: "TRUNCATED" });
  await assert.rejects(estimate("https://example.org/a-00001-of-00002.gguf"), { code: "INVALID_ARGUMENT" });
});
