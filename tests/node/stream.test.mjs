// stream.test.mjs: a model computes while its bytes arrive, in any order, and says the same as one that is whole.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { CHUNK_BYTES } from "../../build/sotto/buffers.js";
import { Breath, Engine } from "../../build/sotto/engine.js";
import { chooseModule } from "../../build/sotto/features.js";
import { compile, listen } from "../../build/sotto/platform.js";
import { receiveChunks } from "../../build/sotto/protocol.js";
import { readSource } from "../../build/sotto/source.js";
import { FaultServer } from "../fault-server.mjs";
import { MODEL_PATH, MODEL_URL, PACKAGE, collect } from "./support.mjs";

const { load } = await import(new URL("index.js", PACKAGE));

const OPENING_BYTES = 4 << 20; // hold the header
const PROMPT = Array.from({ length: 100 }, (_, i) => 300 + ((i * 37) % 4000)); // two slices
const REQUEST = { prompt: "One, two, three,", seed: 7, max_tokens: 6 };
const OPTIONS = { nCtx: 512, nThreads: 1, nBatch: 64 };

const file = await readFile(MODEL_PATH);
const module = await compile(chooseModule(OPTIONS).url);

const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function gate() {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  return { opened, open };
}

/* ---- the engine by itself ---- */

const chunkOf = (begin, end) => ({ offset: begin, bytes: file.subarray(begin, end), totalBytes: file.length });

// Pieces as large as the engine takes them, at most.
function* pieces(begin, end, size = CHUNK_BYTES) {
  for (let at = begin; at < end; at += size) yield chunkOf(at, Math.min(at + size, end));
}

// A source that sends the file's opening, waits for a wish, and then sends what is wished for, in that order.
function obedient(beforeRange = () => {}) {
  const wish = gate();
  async function* send() {
    yield* pieces(0, OPENING_BYTES);
    for (const [begin, end] of await wish.opened) {
      await beforeRange(begin);
      yield* pieces(begin, end);
    }
  }
  return Object.assign(send(), { want: wish.open });
}

const open = (chunks, options = OPTIONS) => Engine.open(module, chunks, options);

async function logitsOf(engine, tokens = PROMPT) {
  engine.sync(tokens);
  await engine.compute(new Breath());
  return Buffer.from(engine.logitsRow(tokens.length - 1).slice().buffer);
}

// Counts the units that are computed, and says when there are as many as `awaited`.
function countUnits({ instance }, awaited) {
  const { sotto_session_step: step } = instance.exports;
  const reached = gate();
  const count = { units: 0, reached: reached.opened };
  instance.exports = { ...instance.exports, sotto_session_step: (...args) => {
    const status = step(...args);
    if (status === 0 && ++count.units === awaited) reached.open();
    return status;
  } };
  return count;
}

let expectedLogits;
before(async () => {
  const engine = await open(pieces(0, file.length));
  await engine.ready;
  expectedLogits = await logitsOf(engine);
});

test("the prompt's last layer is computed before the head's bytes are sent", { timeout: 20_000 }, async () => {
  let order = "";
  const engine = await open(obedient(async (begin) => {
    const isEmbedding = begin < embeddingEnd;
    if (isEmbedding && order.endsWith("L")) {
      await count.reached; // for ever, if the layers wait for the head
      await delay(20);
    }
    order += isEmbedding ? "E" : "L";
  }));
  const embeddingEnd = engine.wanted().at(-1)[1]; // this model's head, which comes first in its file
  const count = countUnits(engine, 2 * engine.info.n_layers);
  assert.deepEqual(await logitsOf(engine), expectedLogits);
  assert.match(order, /^E+L+E+$/, "rows of the prompt, layers, head");
  await engine.ready;
  assert.equal(count.units, 2 * engine.info.n_layers);
});

test("of a long prompt the server sees few requests, and little that is not wanted yet", { timeout: 60_000 }, async () => {
  const server = await new FaultServer(file).listen();
  server.bytesPerMs = 1 << 15;
  const engine = await open(readSource(server.url), { ...OPTIONS, nCtx: 1024 });
  const text = await readFile(new URL("../../ARCHITECTURE.md", import.meta.url), "utf8");
  engine.sync(engine.tokenize(text.slice(-2500)));
  const wanted = engine.wanted();
  const headEnd = wanted.at(-1)[1]; // which is the embedding, and comes first in this file
  const rows = wanted.slice(0, wanted.findIndex(([begin]) => begin >= headEnd));
  await engine.compute(new Breath());
  await engine.ready;
  await server.close();
  const requests = server.requests.slice(1); // the first began before anything was wanted
  const isRow = ({ begin }) => begin < headEnd;
  const ofRows = requests.slice(0, requests.findLastIndex((request) => !isRow(request))).filter(isRow);
  const sumOf = (ranges) => ranges.reduce((sum, [begin, end]) => sum + end - begin, 0);
  const early = sumOf(ofRows.map(({ begin, end }) => [begin, end])) - sumOf(rows);
  assert.ok(rows.length > 120 && wanted.length > 350, `${rows.length} of ${wanted.length} ranges`);
  assert.ok(ofRows.length <= rows.length / 2, `${ofRows.length} requests for ${rows.length} groups of rows`);
  assert.ok(requests.length <= wanted.length / 4, `${requests.length} requests for ${wanted.length} ranges`);
  assert.ok(early <= 6 << 20, `${early} bytes came before they were wanted`);
  assert.ok(server.sentBytes <= file.length + (3 << 20), `${server.sentBytes} of ${file.length} bytes were sent`);
});

test("what opens a model takes all memory: neither weights nor tokens make it grow", { timeout: 20_000 }, async () => {
  let memoryBytes;
  const engine = await open(obedient(() => memoryBytes ??= engine.memoryBytes));
  await logitsOf(engine);
  await engine.ready;
  for (const token of [1, 2, 3]) await logitsOf(engine, [...PROMPT, token]);
  engine.tokenize("One, two, three.");
  assert.equal(engine.memoryBytes, memoryBytes);
});

test("chunks may come in any order and any split", { timeout: 20_000 }, async () => {
  let random = 1;
  const next = (n) => (random = (random * 48271) % 2147483647) % n;
  const rest = [...pieces(OPENING_BYTES, file.length, 333_333)];
  for (let i = rest.length - 1; i > 0; i--) {
    const j = next(i + 1);
    [rest[i], rest[j]] = [rest[j], rest[i]];
  }
  const engine = await open((async function* () {
    yield* pieces(0, OPENING_BYTES, 77_777);
    for (const chunk of rest) {
      yield chunk;
      await delay(0);
    }
  })());
  assert.deepEqual(await logitsOf(engine), expectedLogits);
  await engine.ready;
});

test("what is wanted: the rows of the prompt, then all that is missing, each byte once", async () => {
  const engine = await open(obedient());
  const covered = (ranges) => ranges.reduce((sum, [begin, end]) => sum + end - begin, 0);
  const before = engine.wanted();
  engine.sync(PROMPT);
  const wanted = engine.wanted();
  assert.equal(covered(wanted), covered(before));
  assert.ok(wanted.length > before.length + 10, "rows by themselves");
  const sorted = wanted.toSorted((a, b) => a[0] - b[0]);
  assert.ok(sorted.every(([begin, end], i) => begin < end && (i === 0 || sorted[i - 1][1] <= begin)));
});

test("a wish goes over the port", async () => {
  const { port1, port2 } = new MessageChannel();
  const wish = new Promise((resolve) => listen(port2, resolve));
  receiveChunks(port1).want([[1, 2], [5, 9]]);
  assert.deepEqual(await wish, { want: [[1, 2], [5, 9]] });
  port2.close();
});

test("who waits for weights can be aborted, and the next one is right", { timeout: 20_000 }, async () => {
  const rest = gate();
  const engine = await open((async function* () {
    yield* pieces(0, OPENING_BYTES);
    await rest.opened;
    yield* pieces(OPENING_BYTES, file.length);
  })());
  const controller = new AbortController();
  engine.sync([1, 2, 3]);
  const waiting = engine.compute(new Breath(controller.signal));
  setTimeout(() => controller.abort(), 20);
  await assert.rejects(waiting, { code: "ABORTED" });
  const logits = logitsOf(engine);
  rest.open();
  assert.deepEqual(await logits, expectedLogits);
});

for (const [name, code, end] of [
  ["ends", "TRUNCATED", () => {}],
  ["fails", "EIO", () => { throw Object.assign(new Error("the disk is gone"), { code: "EIO" }); }],
]) {
  test(`a feed that ${name} too early: who waits hears of it after the loader`, async () => {
    const engine = await open((async function* () {
      yield* pieces(0, OPENING_BYTES);
      await delay(20);
      end();
    })());
    const order = [];
    const deep = (promise, depth) => (depth ? deep((async () => promise)(), depth - 1) : promise); // a long way to hear
    const note = (who) => (error) => {
      assert.equal(error.code, code);
      order.push(who);
    };
    await Promise.all([
      logitsOf(engine).then(assert.fail, note("waiting")),
      engine.whole({}).then(assert.fail, note("waiting")),
      deep(engine.ready, 50).then(assert.fail, note("loader")),
    ]);
    assert.deepEqual(order, ["loader", "waiting", "waiting"]);
    await assert.rejects(logitsOf(engine), { code });
  });
}

/* ---- load() ---- */

let server;
let url;
let handler;
let expected; // the answer to REQUEST
before(async () => {
  server = createServer((request, response) => handler(request, response));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${server.address().port}/model.gguf`;
  const model = await load(MODEL_URL, OPTIONS);
  assert.equal(await model.ready, undefined);
  expected = await answer(model);
  model.close();
});
after(() => {
  server.closeAllConnections();
  server.close();
});

async function answer(model, options) {
  return (await model.completions.create({ ...REQUEST, ...options })).choices[0].text;
}

// Serves the file's first half, and the rest when the gate opens.
function serveInHalves() {
  const rest = gate();
  handler = async (request, response) => {
    const start = Number(/bytes=(\d+)-/.exec(request.headers.range)?.[1] ?? 0);
    const middle = Math.max(start, file.length >> 1);
    response.writeHead(start ? 206 : 200, { "content-length": file.length - start, etag: '"1"',
      ...(start && { "content-range": `bytes ${start}-${file.length - 1}/${file.length}` }) });
    response.write(file.subarray(start, middle));
    await rest.opened;
    response.end(file.subarray(middle));
  };
  return rest;
}

async function stateOf(promise) {
  return Promise.race([promise.then(() => "resolved", () => "rejected"), delay(20).then(() => "pending")]);
}

test("an early model takes requests, and answers the same when its weights are there", { timeout: 20_000 }, async () => {
  const rest = serveInHalves();
  const phases = [];
  const model = await load(url, { ...OPTIONS, early: true, onProgress: ({ phase }) => phases.push(phase) });
  assert.equal(model.info.nLayers, 30);
  assert.deepEqual(await model.tokenize("Hello world"), [19556, 905]);
  const stream = await model.completions.create({ ...REQUEST, stream: true }); // accepted
  const second = answer(model);
  const controller = new AbortController();
  const aborted = answer(model, { signal: controller.signal });
  controller.abort();
  await assert.rejects(aborted, { code: "ABORTED" });
  assert.equal(await stateOf(model.ready), "pending");
  assert.equal(await stateOf(second), "pending");
  rest.open();
  assert.equal((await collect(stream)).text, expected);
  assert.equal(await second, expected);
  assert.equal(await model.ready, undefined);
  assert.equal(phases.at(-1), "ready");
  assert.ok(phases.includes("weights"));
  model.close();
});

test("a request that waits for weights can be aborted", { timeout: 20_000 }, async () => {
  const rest = serveInHalves();
  const model = await load(url, { ...OPTIONS, early: true });
  const controller = new AbortController();
  const first = answer(model, { prompt: "Something else", signal: controller.signal });
  const second = answer(model);
  assert.equal(await stateOf(first), "pending");
  controller.abort("enough");
  await assert.rejects(first, { code: "ABORTED", cause: "enough" });
  rest.open();
  assert.equal(await second, expected);
  model.close();
});

test("close ends a request that waits for weights", { timeout: 20_000 }, async () => {
  serveInHalves();
  const model = await load(url, { ...OPTIONS, early: true });
  const waiting = answer(model);
  assert.equal(await stateOf(waiting), "pending");
  model.close();
  await assert.rejects(waiting, { code: "CLOSED" });
  await assert.rejects(model.ready, { code: "CLOSED" });
});

test("an abort of the loading ends it, too, and a call in the same moment loads again", { timeout: 20_000 }, async () => {
  const rest = serveInHalves();
  const controller = new AbortController();
  const model = await load(url, { ...OPTIONS, early: true, signal: controller.signal });
  const waiting = answer(model);
  assert.equal(await stateOf(waiting), "pending");
  const again = new Promise((resolve) => controller.signal.addEventListener("abort", () => {
    resolve(Promise.all([model.tokenize("Hello world"), answer(model)]));
  }));
  controller.abort();
  await assert.rejects(waiting, { code: "ABORTED" });
  await assert.rejects(model.ready, { code: "ABORTED" });
  rest.open();
  assert.deepEqual(await again, [[19556, 905], expected]);
  model.close();
});

test("a download that fails: its error for the request that waits, and the next one loads again", { timeout: 20_000 }, async () => {
  const rest = serveInHalves();
  const model = await load(url, { ...OPTIONS, early: true });
  const waiting = answer(model);
  assert.equal(await stateOf(waiting), "pending");
  handler = (request, response) => {
    response.writeHead(404).end();
    serveInHalves().open(); // for the next load
  };
  server.closeAllConnections();
  const again = waiting.catch((error) => {
    assert.equal(error.code, "NOT_FOUND");
    return answer(model); // at once
  });
  await assert.rejects(model.ready, { code: "NOT_FOUND" });
  assert.equal(await again, expected);
  rest.open();
  model.close();
});

test("a stream that ends too early", async () => {
  const stream = new Blob([file.subarray(0, file.length >> 1)]).stream();
  const model = await load(stream, { ...OPTIONS, early: true });
  await Promise.all([
    assert.rejects(answer(model), { code: "TRUNCATED" }),
    assert.rejects(model.ready, { code: "TRUNCATED" }),
  ]);
  model.close();
});
