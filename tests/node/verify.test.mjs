// verify.test.mjs: a file's SHA-256 is found whatever the order of its bytes, a wrong file is dropped, and a kept one that
// was verified is not hashed again.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, beforeEach, test } from "node:test";
import { CacheFolder } from "../../build/sotto/cache.js";
import { chooseModule } from "../../build/sotto/features.js";
import { digestOnHub, isOnHub } from "../../build/sotto/hub.js";
import { Instance } from "../../build/sotto/instance.js";
import { OpfsFolder } from "../../build/sotto/opfs.js";
import { compile } from "../../build/sotto/platform.js";
import { readSource } from "../../build/sotto/source.js";
import { Store } from "../../build/sotto/store.js";
import { Sha256, Verifier } from "../../build/sotto/verify.js";
import { FaultServer } from "../fault-server.mjs";
import { MemoryCaches, MemoryDirectory } from "./memory-storage.mjs";
import { MODEL_PATH, MODEL_URL, PACKAGE, QUESTION, collect } from "./support.mjs";

const { load } = await import(new URL("index.js", PACKAGE));

const FILE = Uint8Array.from({ length: 2_500_000 }, (_, i) => (i * 2654435761) >>> 13);
const WHERE = { start: 0, middle: 1_234_567, end: FILE.length - 1 };
const WANTED = [[2_000_000, 2_100_000], [2_400_000, 2_450_000], [700_000, 1_500_000]];
const FOLDERS = { opfs: () => new OpfsFolder(new MemoryDirectory()), cache: () => new CacheFolder(new MemoryCaches()) };
const DIGEST = digestOf(FILE);
const WRONG = "0".repeat(64);

const { url: moduleUrl } = chooseModule({ nThreads: 1 });
const module = await compile(moduleUrl);
let server;
let folder;
let nHashers;
before(async () => { server = await new FaultServer(FILE).listen(); });
beforeEach(() => {
  folder = FOLDERS.opfs();
  nHashers = 0;
  server.setFile(FILE, '"one"');
  server.expect();
});
after(() => server.close());

function digestOf(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

function flipped(at) {
  const bytes = FILE.slice();
  bytes[at] ^= 1;
  return bytes;
}

function makeSha() {
  nHashers++;
  return new Sha256(Instance.create(module, { shared: false }));
}

/** Takes all chunks of the source, and verifies. Returns { verified, offsets }. */
async function take(source, { digest = DIGEST, wanted, ...options } = {}) {
  const chunks = readSource(source, { retryMs: 1, ...options });
  const verifier = new Verifier(chunks, makeSha, async () => digest);
  const offsets = [];
  for await (const { offset } of verifier) {
    if (wanted && offsets.length === 0) verifier.want(wanted);
    offsets.push(offset);
  }
  return { verified: await verifier.verify(), offsets };
}

const fromServer = (options) => take(server.url, { store: new Store(folder), ...options });

for (const [storage, makeFolder] of Object.entries(FOLDERS)) {
  for (const wanted of [undefined, WANTED]) testFromServer(makeFolder, wanted, `${storage}, ${wanted ? "with ranges wanted" : "in its order"}`);
}

function testFromServer(makeFolder, wanted, how) {
  test(`the right file, ${how}, from a server, a Blob and a buffer`, async () => {
    for (const source of [server.url, new Blob([FILE]), FILE]) {
      const { verified, offsets } = await take(source, { store: new Store(makeFolder()), wanted });
      assert.equal(verified, true);
      assert.equal(offsets.some((offset, i) => offset < offsets[i - 1]), wanted !== undefined);
    }
  });

  for (const [where, at] of Object.entries(WHERE)) {
    test(`one wrong bit at the ${where}, ${how}: CHECKSUM, and nothing of it is kept`, async () => {
      folder = makeFolder();
      server.setFile(flipped(at), '"one"');
      await assert.rejects(fromServer({ wanted }), { name: "SottoError", code: "CHECKSUM", message: new RegExp(DIGEST) });
      server.setFile(FILE, '"two"');
      server.expect();
      assert.equal((await fromServer({ wanted })).verified, true);
      assert.equal(server.sentBytes >= FILE.length, true);
    });

    test(`a download that broke off at the ${where} is hashed as a whole, ${how}`, async () => {
      folder = makeFolder();
      const fault = { kind: "status", status: 400, times: 1 };
      server.expect({ kind: "reset", at: Math.max(at, 1), times: 1 }, fault);
      await assert.rejects(fromServer({ wanted }), { code: "SERVER_ERROR" });
      assert.equal((await fromServer({ wanted })).verified, true);
    });
  }
}

test("storage that is full leaves the file unverified, not unread", async () => {
  for (const [storage, disk] of [["opfs", new MemoryDirectory()], ["cache", new MemoryCaches()]]) {
    disk.roomBytes = 1_000_000;
    folder = storage === "opfs" ? new OpfsFolder(disk) : new CacheFolder(disk);
    assert.equal((await fromServer({ wanted: WANTED })).verified, false);
  }
});

test("without storage a file comes in its own order", async () => {
  const { verified, offsets } = await take(server.url, { wanted: WANTED });
  assert.equal(verified, true);
  assert.deepEqual(offsets, [...offsets].sort((a, b) => a - b));
});

test("a stream is hashed, too", async () => {
  const stream = (bytes) => new Blob([bytes]).stream();
  assert.equal((await take(stream(FILE))).verified, true);
  await assert.rejects(take(stream(flipped(7))), { code: "CHECKSUM" });
});

test("a kept file that was verified is not hashed again; another digest fetches it again", async () => {
  await fromServer();
  assert.equal(nHashers, 1);
  server.expect();
  assert.equal((await fromServer({ sha256: DIGEST })).verified, true);
  assert.equal((await fromServer({ digest: undefined })).verified, true);
  assert.deepEqual([nHashers, server.requests.length], [1, 0]);
  const other = flipped(0);
  server.setFile(other, '"two"');
  assert.equal((await fromServer({ sha256: digestOf(other), digest: digestOf(other) })).verified, true);
  assert.equal(server.sentBytes, FILE.length);
});

test("a kept file of which nobody knew the digest is verified later", async () => {
  assert.equal((await take(server.url, { store: new Store(folder), digest: null })).verified, false);
  server.expect();
  assert.equal((await fromServer()).verified, true);
  assert.equal(server.requests.length, 0);
});

test("the hub's digest: asked for one file, and never a failure", async (context) => {
  const url = "https://huggingface.co/who/what-GGUF/resolve/main/folder/a%20b.gguf?download=true";
  assert.ok(isOnHub(url));
  for (const other of [`${server.url}`, "https://huggingface.co/who/what/blob/main/a.gguf",
    "https://example.org/who/what/resolve/main/a.gguf"]) assert.ok(!isOnHub(other), other);
  let answer = () => Response.json([{ type: "file", path: "folder/a b.gguf", lfs: { oid: DIGEST, size: 1 } }]);
  const asked = [];
  context.mock.method(globalThis, "fetch", async (...args) => {
    asked.push(args);
    return answer();
  });
  assert.equal(await digestOnHub(url, { authorization: "Bearer secret" }), DIGEST);
  const [[address, { method, headers, body }]] = asked;
  assert.equal(address, "https://huggingface.co/api/models/who/what-GGUF/paths-info/main");
  assert.deepEqual([method, headers.authorization, body.get("paths")], ["POST", "Bearer secret", "folder/a b.gguf"]);
  const answers = [() => Response.json([]), () => new Response("no", { status: 500 }), () => Promise.reject(new TypeError()),
    () => Response.json([{ lfs: { oid: "short" } }]), () => Response.json([{ oid: DIGEST }])];
  for (answer of answers) assert.equal(await digestOnHub(url), undefined);
});

// ---- the whole way ----

const MODEL_DIGEST = digestOf(await readFile(MODEL_PATH));
const OPTIONS = { nCtx: 256 };

test("an answer is verified when its file is", { timeout: 60_000 }, async () => {
  for (const source of [MODEL_URL, (await readFile(MODEL_PATH)).buffer]) {
    const model = await load(source, { ...OPTIONS, sha256: MODEL_DIGEST.toUpperCase() });
    assert.equal(await model.verified, true);
    assert.equal(model.info.verified, true);
    const answer = await model.chat.completions.create({ ...QUESTION, max_tokens: 2 });
    assert.equal(answer.verified, true);
    model.close();
  }
});

test("without a digest nothing is verified", { timeout: 60_000 }, async () => {
  const model = await load(MODEL_URL, OPTIONS);
  assert.equal(await model.verified, false);
  const { chunks } = await collect(await model.chat.completions.create({ ...QUESTION, max_tokens: 2, stream: true }));
  assert.ok(chunks.every(({ verified }) => verified === false));
  model.close();
});

test("a wrong file ends the answer with CHECKSUM, and every later one", { timeout: 60_000 }, async () => {
  const model = await load(MODEL_URL, { ...OPTIONS, sha256: WRONG, early: true });
  const endless = { ...QUESTION, stream: true, logit_bias: { [model.info.eotToken]: -Infinity, [model.info.eosToken]: -Infinity } };
  const stream = await model.chat.completions.create(endless).catch((error) => ({
    async *[Symbol.asyncIterator]() { throw error; },
  }));
  await assert.rejects(collect(stream), { code: "CHECKSUM" });
  await assert.rejects(model.verified, { code: "CHECKSUM" });
  await assert.rejects(model.tokenize("a"), { code: "CHECKSUM" });
  model.close();
});

test("a digest that is none is refused", async () => {
  await assert.rejects(load(MODEL_URL, { sha256: "abc" }), { code: "INVALID_ARGUMENT" });
});

test("a file that changes half-way is loaded once more, and no further", { timeout: 60_000 }, async () => {
  const file = await readFile(MODEL_PATH);
  const broken = { kind: "reset", at: file.length >> 1, times: 1 };
  server.setFile(file, '"one"');
  server.expect(broken, { kind: "change", file, times: 1 });
  const model = await load(server.url, { ...OPTIONS, sha256: MODEL_DIGEST });
  assert.equal(await model.verified, true);
  assert.ok(server.sentBytes >= file.length, "it was fetched from its start again");
  assert.deepEqual([model.info.storage, model.info.storageProblem.code], ["memory", "STORAGE_REFUSED"]);
  assert.equal(server.requests.filter(({ begin }) => begin === 0).length, 2);
  model.close();
});
