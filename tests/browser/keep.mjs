// Files that are kept, in a real browser and each of its storages: a page that is left half-way through a load, the load
// after it, and one without the model's server. Where there is no storage, the browser says so and loads all the same.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { FaultServer, passOnTo } from "../fault-server.mjs";
import { SMALL, syntheticModel } from "../synthetic.mjs";

const MIB = 1 << 20;

/** browser: as drivers.mjs gives it; site: address of the page and the package; model: path of a model file. */
export async function testKeeping(t, browser, site, model) {
  const server = await new FaultServer(new Uint8Array(0), passOnTo(site)).listen();
  const page = new URL("/tests/page.html", server.url).href;
  const test = async (storage, without, file, bytesPerMs) => {
    server.setFile(file, `"${file.length}"`);
    server.bytesPerMs = bytesPerMs; // so that there is a half-way
    server.expect();
    const run = async (name) => {
      const { value, error } = await browser.run(name, { without });
      assert.equal(error, undefined, error);
      return value;
    };
    await browser.goto(page);
    const loadedBytes = await run("leave half-way");
    await browser.goto(page);
    server.expect();
    const outcome = await run("load and answer");
    assert.equal(outcome.storage, storage);
    await (storage === "memory" ? whereNot : whereKept)({ server, run, loadedBytes, outcome });
    t.diagnostic(`${storage}: ${file.length} bytes`);
  };
  try {
    await browser.goto(page);
    const hasOpfs = (await browser.run("has OPFS")).value;
    await test(hasOpfs ? "opfs" : "cache", [], await readFile(model), 1 << 16);
    const small = syntheticModel(SMALL);
    if (hasOpfs) await test("cache", ["opfs"], small, 1 << 12);
    await test("memory", ["opfs", "caches"], small, 1 << 12);
  } finally {
    await server.close();
  }
}

async function whereKept({ server, run, loadedBytes, outcome }) {
  const fileBytes = server.file.length;
  const tooMany = server.sentBytes - (fileBytes - loadedBytes);
  assert.ok(tooMany <= MIB, `${tooMany} bytes came again of ${loadedBytes}`);
  assert.equal(outcome.problem, null);
  server.expect({ kind: "status", status: 404 });
  assert.deepEqual(await run("load and answer"), outcome, "the answer without the server");
  assert.equal(server.requests.length, 0, "the server was not asked");
  assert.deepEqual(await run("list"), [{ bytes: fileBytes, totalBytes: fileBytes, isRecent: true, isWhole: true }]);
  await run("forget");
  assert.deepEqual(await run("list"), []);
  server.expect();
  const { logits } = outcome;
  assert.deepEqual(await run("two at once"), [logits, logits]);
  assert.equal(server.sentBytes, fileBytes, "two loads at once fetch the file once");
  await run("forget");
}

async function whereNot({ server, run, outcome }) {
  const tooMany = server.sentBytes - server.file.length; // fewer where the browser's own cache has some
  assert.ok(tooMany <= MIB, `${tooMany} bytes too many were sent`);
  assert.equal(outcome.problem, "STORAGE_REFUSED");
  assert.deepEqual(await run("load and answer"), outcome);
  assert.deepEqual(await run("list"), []);
  await run("forget");
}
