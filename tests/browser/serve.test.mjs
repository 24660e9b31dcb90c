// web/serve.mjs: types, ranges, tags, headers, and that nothing outside its folders can be read.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { serve } from "../../web/serve.mjs";

let folder;
let site;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "sotto-serve-"));
  mkdirSync(join(folder, "app/sub"), { recursive: true });
  mkdirSync(join(folder, "models"));
  writeFileSync(join(folder, "secret.txt"), "secret");
  writeFileSync(join(folder, "app/index.html"), "<p>page");
  writeFileSync(join(folder, "app/sub/index.html"), "<p>sub");
  writeFileSync(join(folder, "app/engine.wasm"), "0123456789");
  writeFileSync(join(folder, "app/empty.txt"), "");
  writeFileSync(join(folder, "models/m.gguf"), "GGUF");
  symlinkSync("../secret.txt", join(folder, "app/link.txt"));
  site = await serve({ mounts: { "/": join(folder, "app"), "/models/": join(folder, "models") } });
});

after(async () => {
  await site.close();
  rmSync(folder, { recursive: true });
});

/** Not fetch: it would tidy the path up before it is sent. */
function ask(path, headers = {}, base = site.url) {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    get({ hostname, port, path, headers, agent: false }, (response) => {
      let body = "";
      response.on("data", (chunk) => { body += chunk; });
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body }));
    }).on("error", reject);
  });
}

test("files, folders and their types", async () => {
  const type = async (path) => (await ask(path)).headers["content-type"];
  assert.equal((await ask("/")).body, "<p>page");
  assert.equal((await ask("/sub/")).body, "<p>sub");
  assert.equal((await ask("/models/m.gguf?x=1")).body, "GGUF");
  assert.equal((await ask("/empty.txt")).body, "");
  assert.equal((await ask("/none")).status, 404);
  assert.equal(await type("/engine.wasm"), "application/wasm");
  assert.equal(await type("/"), "text/html; charset=utf-8");
});

test("nothing outside the folders", async () => {
  const paths = ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/models/../../secret.txt", "/link.txt",
    "/models/..%2f..%2fsecret.txt", "/%00", "/%", "//secret.txt"];
  for (const path of paths) assert.equal((await ask(path)).status, 404, path);
});

test("ranges", async () => {
  const range = async (value, more) => {
    const { status, headers, body } = await ask("/engine.wasm", { range: value, ...more });
    return [status, body, headers["content-range"]];
  };
  assert.deepEqual(await range("bytes=2-4"), [206, "234", "bytes 2-4/10"]);
  assert.deepEqual(await range("bytes=7-"), [206, "789", "bytes 7-9/10"]);
  assert.deepEqual(await range("bytes=-3"), [206, "789", "bytes 7-9/10"]);
  assert.deepEqual(await range("bytes=8-99"), [206, "89", "bytes 8-9/10"]);
  assert.equal((await range("bytes=10-"))[0], 416);
  assert.equal((await range("bytes=10-"))[2], "bytes */10");
  assert.deepEqual(await range("bytes=0-1", { "if-range": '"old"' }), [200, "0123456789", undefined]);
});

test("tags: a file that is known is not sent again", async () => {
  const { headers } = await ask("/engine.wasm");
  const again = await ask("/engine.wasm", { "if-none-match": headers.etag });
  assert.deepEqual([again.status, again.body], [304, ""]);
  assert.equal((await ask("/engine.wasm", { "if-none-match": '"other"' })).status, 200);
  assert.equal((await ask("/engine.wasm", { range: "bytes=0-0", "if-range": headers.etag })).status, 206);
});

test("policy and isolation", async () => {
  const { headers } = await ask("/");
  assert.match(headers["content-security-policy"], /script-src 'self' 'wasm-unsafe-eval';/);
  assert.equal(headers["cross-origin-opener-policy"], "same-origin");
  assert.equal(headers["cross-origin-embedder-policy"], "require-corp");
  const plain = await serve({ mounts: { "/": join(folder, "app") }, isolation: false });
  const answer = await ask("/", {}, plain.url);
  await plain.close();
  assert.equal(answer.headers["cross-origin-opener-policy"], undefined);
  assert.match(answer.headers["content-security-policy"], /default-src 'self'/);
});

test("a port that is taken: the next one", async () => {
  const taken = Number(new URL(site.url).port);
  const second = await serve({ mounts: { "/": join(folder, "app") }, port: taken });
  await second.close();
  assert.ok(Number(new URL(second.url).port) > taken);
});
