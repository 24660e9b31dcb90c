// Files that are kept, in a real browser: a page that is left half-way through a load, the load after it, and one
// without the model's server. Where there is no storage, the browser says so and loads all the same.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { FaultServer } from "../fault-server.mjs";

const MIB = 1 << 20;

/** browser: as drivers.mjs gives it; site: address of the page and the package; model: path of a model file. */
export async function testKeeping(t, browser, site, model) {
  const file = await readFile(model);
  const server = await new FaultServer(file, (request, response) => passOn(site, request, response)).listen();
  const page = new URL("/tests/page.html", server.url).href;
  const run = async (name) => {
    const { value, error } = await browser.run(name);
    assert.equal(error, undefined, error);
    return value;
  };
  try {
    server.bytesPerMs = 1 << 16; // so that there is a half-way
    await browser.goto(page);
    const loadedBytes = await run("leave half-way");
    await browser.goto(page);
    server.expect();
    const { storage, text } = await run("load and answer");
    t.diagnostic(`storage: ${storage}`);
    const steps = storage === "opfs" ? whereKept : whereNot;
    await steps({ server, run, loadedBytes, text });
  } finally {
    await server.close();
  }
}

async function whereKept({ server, run, loadedBytes, text }) {
  const fileBytes = server.file.length;
  const tooMany = server.sentBytes - (fileBytes - loadedBytes);
  assert.ok(tooMany <= MIB, `${tooMany} bytes came again of ${loadedBytes}`);
  server.expect({ kind: "status", status: 404 });
  assert.deepEqual(await run("load and answer"), { storage: "opfs", text }, "the answer without the server");
  assert.equal(server.requests.length, 0, "the server was not asked");
  assert.deepEqual(await run("list"), [{ bytes: fileBytes, totalBytes: fileBytes, isRecent: true }]);
  await run("forget");
  assert.deepEqual(await run("list"), []);
  server.expect();
  assert.deepEqual(await run("two at once"), [text, text]);
  assert.equal(server.sentBytes, fileBytes, "two loads at once fetch the file once");
  await run("forget");
}

async function whereNot({ server, run, text }) {
  assert.equal(server.sentBytes, server.file.length, "the whole file came again");
  assert.deepEqual(await run("load and answer"), { storage: "none", text });
  assert.deepEqual(await run("list"), []);
  await run("forget");
}

/** Answers a request as another site does. */
export async function passOn(site, request, response) {
  const answer = await fetch(new URL(request.url, site), { method: request.method });
  const { "content-encoding": _, ...headers } = Object.fromEntries(answer.headers);
  response.writeHead(answer.status, headers);
  response.end(request.method === "HEAD" ? undefined : new Uint8Array(await answer.arrayBuffer()));
}
