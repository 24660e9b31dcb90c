// estimate.test.mjs: what a model takes is told from its header alone, and is what loading then takes.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, beforeEach, test } from "node:test";
import { FaultServer } from "../fault-server.mjs";
import { bench } from "../../build/sotto/bench.js";
import { openEngine } from "../../build/sotto/bin/direct.mjs";
import { chooseModule } from "../../build/sotto/features.js";
import { inspect, readHeader } from "../../build/sotto/inspect.js";
import { compile } from "../../build/sotto/platform.js";
import { probe } from "../../build/sotto/probe.js";
import { readSource } from "../../build/sotto/source.js";
import { MODEL_PATH, MODEL_URL, PACKAGE } from "./support.mjs";

const { SottoError, estimate, load } = await import(new URL("index.js", PACKAGE));

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
  test(`bytes, memory and speed, as loading then has them, on ${nThreads} threads`, { timeout: 60_000 }, async () => {
    const options = { nCtx: 512, nThreads };
    const { fileBytes, fetchBytes, memoryBytes, problems, freeBytes, tokensPerSecond, bandwidth, readySeconds } =
      await estimate(server.url, options);
    assert.ok(server.sentBytes < 4 * MIB, `${server.sentBytes} bytes were sent`);
    assert.deepEqual([fileBytes, fetchBytes, problems, freeBytes], [file.length, file.length, [], undefined]);
    assert.equal(bandwidth.from, "header");
    assert.ok(readySeconds >= fetchBytes / bandwidth.bytesPerSecond);
    const model = await load(file, options);
    assert.equal(memoryBytes, model.info.memoryBytes);
    model.close();
    assert.ok(tokensPerSecond.prefill > 0 && tokensPerSecond.decode > 0);
  });
}

// In the processor's time, whatever else the machine does: what is found is within a tenth or two, as a rule.
test("the probe finds the speed that the model then has", { timeout: 120_000 }, async (context) => {
  context.mock.method(performance, "now", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e3;
  });
  const { url, nThreads } = chooseModule({ nThreads: 1 });
  const engine = await readHeader(await compile(url), readSource(MODEL_URL), { nThreads });
  inspect(engine);
  const found = probe(engine);
  const { prefill, decode } = await bench(await openEngine(MODEL_URL, { nCtx: 512 }), { prompt: 128, new: 16, depth: 0, runs: 1 });
  for (const [expected, { median }] of [[found.prefill, prefill], [found.decode, decode]]) {
    assert.ok(expected / median > 1 / 2 && expected / median < 2, `${expected} expected, ${median} measured`);
  }
});

test("the network's speed is in the time to ready", { timeout: 60_000 }, async () => {
  server.bytesPerMs = 2000;
  const { bandwidth, readySeconds } = await estimate(server.url, { nThreads: 1 });
  server.bytesPerMs = Infinity;
  assert.ok(bandwidth.bytesPerSecond < 2.2e6, `${bandwidth.bytesPerSecond} bytes a second`);
  assert.ok(readySeconds >= file.length / 2.2e6, `${readySeconds} s`);
});

test("a longer context takes more memory", { timeout: 60_000 }, async () => {
  const [small, large] = [await estimate(server.url, { nCtx: 128 }), await estimate(server.url, { nCtx: 4096 })];
  assert.ok(large.memoryBytes > small.memoryBytes + 10 * MIB);
});

test("all that stands against a model is told", { timeout: 60_000 }, async () => {
  const other = Buffer.from(file);
  const text = file.indexOf("smollm", file.indexOf("tokenizer.ggml.pre"));
  other.write("smxllm", text);
  other.write("{% nonsense ", file.indexOf("{% for", file.indexOf("tokenizer.chat_template")));
  server.setFile(other, '"two"');
  const options = { nCtx: 2_000_000 };
  const { problems, memoryBytes, tokensPerSecond, readySeconds, fileBytes } = await estimate(server.url, options);
  assert.deepEqual(problems.map(({ code }) => code), ["OUT_OF_MEMORY", "UNSUPPORTED_TOKENIZER", "TEMPLATE_ERROR"]);
  assert.ok(problems.every((problem) => problem instanceof SottoError));
  assert.match(problems[0].message, /2000000 tokens needs \d+ bytes/);
  assert.deepEqual([memoryBytes, tokensPerSecond, readySeconds, fileBytes], [undefined, undefined, undefined, file.length]);

  other.write("lxxma", file.indexOf("llama", file.indexOf("general.architecture")));
  assert.equal((await estimate(server.url)).problems[0].code, "UNSUPPORTED_ARCHITECTURE");
});

test("a context that does not fit is halved where the caller allows it", { timeout: 60_000 }, async () => {
  const options = { nThreads: 1, nCtx: 2_000_000, shrinkContext: true };
  const { problems, nCtx, memoryBytes } = await estimate(server.url, options);
  assert.deepEqual(problems, []);
  assert.ok(nCtx < 2_000_000 && nCtx >= 512 && memoryBytes < 2 ** 32, `${nCtx} tokens, ${memoryBytes} bytes`);
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
  await assert.rejects(estimate(server.url, { signal: AbortSignal.abort() }), { code: "ABORTED" });
});
