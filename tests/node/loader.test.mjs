// loader.test.mjs: every kind of source gives the file's bytes; downloads that break off go on; errors are typed.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { Buffers, CHUNK_BYTES } from "../../build/sotto/buffers.js";
import { receiveChunks, sendChunks } from "../../build/sotto/protocol.js";
import { readSource } from "../../build/sotto/source.js";

const FILE = Uint8Array.from({ length: 2_500_000 }, (_, i) => (i * 2654435761) >>> 13);
const CUT = 1_234_567; // where a broken connection ends
const FIRST = { range: "bytes=0-4194303" }; // the file is shorter

let server;
let base;
let requests; // of the running test: { range }
let handler;

before(async () => {
  server = createServer((request, response) => {
    requests.push({ range: request.headers.range });
    handler(request, response, requests.length);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${server.address().port}/model.gguf`;
});

after(() => {
  server.closeAllConnections();
  server.close();
});

function serve(newHandler) {
  requests = [];
  handler = newHandler;
}

function rangeStart(request) {
  return Number(/bytes=(\d+)-/.exec(request.headers.range ?? "bytes=0-")[1]);
}

// The whole file or the range that was asked for.
function sendRange(request, response, headers = {}) {
  const start = rangeStart(request);
  const range = `bytes ${start}-${FILE.length - 1}/${FILE.length}`;
  response.writeHead(start ? 206 : 200, {
    "content-length": FILE.length - start, ...(start && { "content-range": range }), ...headers,
  });
  response.end(FILE.subarray(start));
}

// Announces the whole file, but sends only its beginning.
function sendCut(response, headers = {}) {
  response.writeHead(200, { "content-length": FILE.length, ...headers });
  response.write(FILE.subarray(0, CUT), () => setTimeout(() => response.destroy(), 50));
}

async function collect(source, options) {
  const bytes = new Uint8Array(FILE.length);
  let received = 0;
  let totalBytes;
  const owned = new Set();
  for await (const chunk of readSource(source, options)) {
    assert.equal(chunk.offset, received, "chunks follow one another");
    assert.ok(chunk.bytes.length <= CHUNK_BYTES);
    assert.ok(!owned.has(chunk.bytes.buffer), "a chunk owns its buffer");
    owned.add(chunk.bytes.buffer);
    bytes.set(chunk.bytes, chunk.offset);
    received += chunk.bytes.length;
    totalBytes = chunk.totalBytes;
  }
  return { bytes: bytes.subarray(0, received), totalBytes };
}

async function assertWhole(source, totalBytes, options) {
  const got = await collect(source, options);
  assert.deepEqual(Buffer.from(got.bytes), Buffer.from(FILE));
  assert.equal(got.totalBytes, totalBytes);
}

test("buffers, views, blobs, streams and files give the same bytes", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sotto-"));
  const path = join(folder, "model.gguf");
  await writeFile(path, FILE);
  await assertWhole(FILE.buffer, FILE.length);
  await assertWhole(FILE, FILE.length);
  await assertWhole(new Blob([FILE]), FILE.length);
  await assertWhole(new Blob([FILE]).stream(), undefined);
  await assertWhole(pathToFileURL(path).href, FILE.length);
  await rm(folder, { recursive: true });
});

test("the caller's bytes stay the caller's", async () => {
  const mine = FILE.slice();
  await collect(mine);
  assert.equal(mine.length, FILE.length);
});

test("a download", async () => {
  serve((request, response) => sendRange(request, response));
  await assertWhole(base, FILE.length);
  assert.deepEqual(requests, [FIRST]);
});

test("the caller's headers are sent", async () => {
  let seen;
  serve((request, response) => {
    seen = request.headers.authorization;
    sendRange(request, response);
  });
  await collect(base, { headers: { authorization: "Bearer x" } });
  assert.equal(seen, "Bearer x");
});

test("a broken download goes on where it stopped", async () => {
  serve((request, response, n) => (n === 1 ? sendCut(response) : sendRange(request, response)));
  await assertWhole(base, FILE.length);
  assert.deepEqual(requests, [FIRST, { range: `bytes=${CUT}-${FILE.length - 1}` }]);
});

test("a server without ranges starts again, and nothing comes twice", async () => {
  serve((request, response, n) => {
    if (n === 1) return sendCut(response);
    response.writeHead(200, { "content-length": FILE.length });
    response.end(FILE);
  });
  await assertWhole(base, FILE.length);
});

test("a file that changed meanwhile is refused", async () => {
  serve((request, response, n) => {
    if (n === 1) sendCut(response, { etag: '"1"' });
    else sendRange(request, response, { etag: '"2"' });
  });
  await assert.rejects(collect(base), { code: "CHANGED", message: /changed during the download/ });
});

test("a busy server is asked again", async () => {
  serve((request, response, n) => (n === 1 ? response.writeHead(503).end() : sendRange(request, response)));
  await assertWhole(base, FILE.length);
  assert.equal(requests.length, 2);
});

for (const [status, code] of [[404, "NOT_FOUND"], [410, "NOT_FOUND"], [403, "FORBIDDEN"], [400, "SERVER_ERROR"]]) {
  test(`status ${status} is ${code}, at once`, async () => {
    serve((_, response) => response.writeHead(status).end());
    await assert.rejects(collect(base), { name: "SottoError", code, message: new RegExp(status) });
    assert.equal(requests.length, 1);
  });
}

test("an address that nobody answers is NETWORK", async () => {
  const closed = createServer();
  await new Promise((resolve) => closed.listen(0, "127.0.0.1", resolve));
  const { port } = closed.address();
  await new Promise((resolve) => closed.close(resolve));
  await assert.rejects(collect(`http://127.0.0.1:${port}/model.gguf`), { code: "NETWORK" });
});

test("a file that is not there is NOT_FOUND", async () => {
  await assert.rejects(collect("file:///nowhere/model.gguf"), { code: "NOT_FOUND" });
});

test("a stream that breaks is READ_FAILED with its cause", async () => {
  const cause = new Error("the tape tore");
  const stream = new ReadableStream({ pull: (controller) => controller.error(cause) });
  await assert.rejects(collect(stream), { code: "READ_FAILED", cause });
});

test("an abort ends a download that waits", async () => {
  serve((_, response) => {
    response.writeHead(200, { "content-length": FILE.length });
    response.write(FILE.subarray(0, CUT));
  });
  const controller = new AbortController();
  setTimeout(() => controller.abort("enough"), 50);
  await assert.rejects(collect(base, { signal: controller.signal }), { code: "ABORTED", cause: "enough" });
});

// A source of `count` small chunks that says how many were taken and whether it was ended.
function countedSource(count) {
  const state = { taken: 0, isEnded: false };
  async function* chunks() {
    try {
      for (; state.taken < count; state.taken++) yield { offset: state.taken, bytes: new Uint8Array(1) };
    } finally {
      state.isEnded = true;
    }
  }
  return { state, chunks: chunks() };
}

const moment = () => new Promise((resolve) => setTimeout(resolve, 20));

test("chunks cross a port no faster than they are taken", async () => {
  const { port1, port2 } = new MessageChannel();
  const { state, chunks } = countedSource(20);
  sendChunks(port1, chunks);
  let received = 0;
  for await (const chunk of receiveChunks(port2)) {
    assert.equal(chunk.offset, received++);
    await moment();
    assert.ok(state.taken <= received + 5, `${state.taken} sent when ${received} were taken`);
  }
  assert.equal(received, 20);
  assert.ok(state.isEnded);
});

test("who stops taking chunks ends their source", async () => {
  const { port1, port2 } = new MessageChannel();
  const { state, chunks } = countedSource(1000);
  sendChunks(port1, chunks);
  for await (const _ of receiveChunks(port2)) break;
  await moment();
  assert.ok(state.isEnded);
  assert.ok(state.taken < 10);
});

class CountedBuffers extends Buffers {
  made = 0;
  #given = new Set();

  take(nBytes) {
    const bytes = super.take(nBytes);
    if (!this.#given.has(bytes.buffer)) this.made++;
    return bytes;
  }

  give(buffer) {
    this.#given.add(buffer);
    super.give(buffer);
  }
}

test("the buffers of chunks go round, whatever the source", async () => {
  const file = new Uint8Array(20 * CHUNK_BYTES + 1).fill(7);
  serve((_, response) => response.end(file));
  for (const source of [base, new Blob([file]), file, new Blob([file]).stream()]) {
    const buffers = new CountedBuffers();
    const { port1, port2 } = new MessageChannel();
    sendChunks(port1, readSource(source, { buffers }), { buffers });
    let received = 0;
    for await (const { bytes } of receiveChunks(port2)) received += bytes.length;
    assert.equal(received, file.length);
    assert.ok(buffers.made <= 10, `${buffers.made} buffers for ${source}`);
  }
});

test("an error crosses the port with its code", async () => {
  const { port1, port2 } = new MessageChannel();
  sendChunks(port1, readSource("file:///nowhere/model.gguf"));
  await assert.rejects(receiveChunks(port2).next(), { name: "SottoError", code: "NOT_FOUND" });
});
