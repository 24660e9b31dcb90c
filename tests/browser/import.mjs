// Files that are brought into a browser's storage and out of it, a Blob that a page keeps by itself, and that what is secret in
// a request is never stored. Where there is no storage, the browser says so.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { FaultServer, passOnTo } from "../fault-server.mjs";

/** browser: as drivers.mjs gives it; site: address of the page and the package; model: path of a model file. */
export async function testImports(t, browser, site, model) {
  const server = await new FaultServer(await readFile(model), passOnTo(site)).listen();
  const run = async (name) => {
    const { value, error } = await browser.run(name);
    assert.equal(error, undefined, error);
    return value;
  };
  try {
    await browser.goto(new URL("/tests/page.html", server.url).href);
    const { storage, text, isKept, places } = await run("load with secrets");
    const isTold = server.requests.some(({ secret }) => secret);
    assert.deepEqual([isTold, places, isKept], [true, [], ["opfs", "cache"].includes(storage)]);
    assert.deepEqual(await run("import and export"), isKept ? { url: "https://imported.invalid/my%20model.gguf", text,
      isSame: true, wrong: "NOT_GGUF", isStill: true, isGone: true, progress: 1, fetchBytes: 0, problems: 0 }
      : { code: "STORAGE_REFUSED" });
    assert.equal(await run("a Blob of IndexedDB"), text);
    t.diagnostic(`storage: ${storage}`);
  } finally {
    await server.close();
  }
}
