// download.test.mjs: a download over every fault of a server and of storage (tests/faults.mjs), and its other promises.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { CHUNK_BYTES } from "../../build/sotto/buffers.js";
import { CacheFolder } from "../../build/sotto/cache.js";
import { OpfsFolder } from "../../build/sotto/opfs.js";
import { readSource } from "../../build/sotto/source.js";
import { Store } from "../../build/sotto/store.js";
import { readToEnd } from "../browser/fault-reader.js";
import { FaultServer } from "../fault-server.mjs";
import { FILE, OTHER, Reader, WANTED, WHERE, networkCases, storageCases } from "../faults.mjs";
import { MemoryCaches, MemoryDirectory } from "./memory-storage.mjs";

const MIB = 1 << 20;

let server;
let disks;
let folders;
before(async () => { server = await new FaultServer(FILE).listen(); });
beforeEach(() => {
  disks = { opfs: new MemoryDirectory(), cache: new MemoryCaches() };
  folders = { opfs: new OpfsFolder(disks.opfs), cache: new CacheFolder(disks.cache) };
  server.setFile(FILE, '"one"');
  server.bytesPerMs = Infinity;
  server.expect();
});
after(() => server.close());

const read = (storage, url, options) => readToEnd({ readSource, Store }, folders[storage], url, options);
const readers = () => ({ opfs: new Reader(server, read, "opfs"), cache: new Reader(server, read, "cache") });
const open = (more) => readSource(server.url, { store: new Store(folders.opfs), stallMs: 5000, retryMs: 1, ...more });
const moment = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

for (const { name, run } of networkCases) test(name, () => run({ server, reader: readers().opfs }));
for (const storage of ["opfs", "cache"]) {
  for (const { name, run } of storageCases) test(`${storage}: ${name}`, () => run({ server, reader: readers()[storage] }));
  test(`${storage}: what is kept is resumed and read again`, () => resume(readers()[storage]));
}

async function resume(reader) {
  await reader.keepPrefix(WHERE.middle);
  server.expect({ kind: "reset", at: WHERE.end, times: 1 });
  await reader.readFile({ wanted: WANTED });
  assert.ok(server.sentBytes <= FILE.length - WHERE.middle + 2 * MIB);
  server.expect();
  await reader.readFile({ wanted: WANTED });
  assert.equal(server.sentBytes, 0);
}

test("there are 200 faults, and no two of a name", () => {
  const names = [...networkCases, ...storageCases].map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.length >= 200, `${names.length}`);
});

test("of a file that is not there nothing stays", async () => {
  server.expect({ kind: "status", status: 404 });
  for (const reader of Object.values(readers())) await reader.fails("NOT_FOUND");
  await moment(10);
  assert.deepEqual(disks.opfs.names, []);
  assert.deepEqual(await disks.cache.keys(), []);
});

test("a file that changes during a download is CHANGED, and nothing of the old one stays", async () => {
  for (const reader of Object.values(readers())) {
    server.setFile(FILE, '"one"');
    server.expect({ kind: "reset", at: WHERE.middle, times: 1 }, { kind: "change", file: OTHER, times: 1 });
    await reader.fails("CHANGED");
    await reader.readFile();
  }
});

test("a file that became shorter is CHANGED", async () => {
  const { opfs: reader } = readers();
  await reader.keepPrefix(WHERE.end);
  server.setFile(FILE.subarray(0, 1000), '"two"');
  await reader.fails("CHANGED");
});

test("an empty file is TRUNCATED", async () => {
  server.setFile(new Uint8Array(0), '"one"');
  await readers().opfs.fails("TRUNCATED");
});

test("what is wanted comes first", async () => {
  server.bytesPerMs = 1 << 15;
  const source = open();
  const offsets = [];
  for await (const { offset, bytes } of source) {
    if (offsets.length === 0) source.want([[2_000_000, 2_100_000]]);
    offsets.push([offset, offset + bytes.length]);
  }
  const place = offsets.findIndex(([begin]) => begin === 2_000_000);
  assert.ok(place <= 4, `as number ${place} of ${JSON.stringify(offsets)}`);
});

test("a later want replaces the earlier", async () => {
  await readers().opfs.readFile();
  const source = open();
  const offsets = [];
  for await (const { offset } of source) {
    if (offsets.length === 0) source.want([[2_000_000, 2_100_000]]);
    if (offsets.length === 1) source.want([[1_600_000, 1_700_000], [1_400_000, 1_410_000]]);
    offsets.push(offset);
  }
  assert.deepEqual(offsets.slice(0, 5), [0, 2_000_000, 1_600_000, 1_400_000, CHUNK_BYTES]);
});

test("the first bytes that are wanted come over several connections", async () => {
  server.bytesPerMs = 1 << 12;
  await readers().opfs.readFile({ wanted: [[1_200_000, 2_400_000]] });
  const begins = server.requests.map(({ begin }) => begin);
  assert.ok(begins.includes(1_200_000) && begins.includes(1_200_000 + MIB), `requests at ${begins}`);
});

test("never more than three connections, and one until ranges are wanted", async () => {
  server.bytesPerMs = 1 << 13;
  let most = 0;
  const source = open();
  let isWanted = false;
  for await (const _ of source) {
    const isOpen = ({ begin, end, range }) => begin !== undefined && !range.endsWith(`-${end - 1}`);
    const nOpen = server.requests.filter(isOpen).length;
    if (!isWanted) assert.equal(nOpen, 1);
    most = Math.max(most, nOpen);
    if (!isWanted) source.want([2_000_000, 1_600_000, 1_000_000, 700_000].map((begin) => [begin, begin + 200_000]));
    isWanted = true;
  }
  assert.ok(most > 1 && most <= 4, `${most} open`); // the first, open-ended one is counted until the end
});

test("a disk that is full before the browser said so ends the keeping, not the loading, and what was kept stays", async () => {
  for (const [storage, reader] of Object.entries(readers())) {
    server.expect();
    disks[storage].roomBytes = 1_500_000;
    assert.deepEqual(await reader.readFile(), [storage, "memory QUOTA"]);
    server.expect();
    disks[storage].roomBytes = Infinity;
    await reader.readFile();
    assert.ok(server.sentBytes <= FILE.length - MIB, `${server.sentBytes} bytes were sent again`);
  }
});

test("without a store all the same", async () => {
  const events = [];
  const source = open({ store: null, onEvent: (event) => events.push(event) });
  let nBytes = 0;
  for await (const { bytes } of source) nBytes += bytes.length;
  assert.equal(nBytes, FILE.length);
  assert.deepEqual(events, [{ storage: "memory" }]);
});

test("a store of a browser that gives none is STORAGE_REFUSED, and the file comes all the same", async () => {
  folders.opfs = undefined;
  assert.deepEqual(await readers().opfs.readFile(), ["memory STORAGE_REFUSED"]);
});

test("a second reader of the same file waits, sees the first one's progress, and fetches nothing", async () => {
  for (const [storage, reader] of Object.entries(readers())) {
    server.expect();
    server.bytesPerMs = 1 << 13;
    const events = [];
    const first = reader.readFile();
    while (!server.requests.length) await moment(1); // it has the lock
    const second = open({ store: new Store(folders[storage]), onEvent: (event) => events.push(event) });
    for await (const _ of second) continue;
    await first;
    assert.equal(server.sentBytes, FILE.length);
    const isTold = ({ waiting }) => waiting?.totalBytes === FILE.length && waiting.loadedBytes > 0;
    assert.ok(events.some(isTold), "it was told");
  }
});

test("an abort ends a download, and what arrived is kept", async () => {
  const { opfs: reader } = readers();
  server.expect({ kind: "stall", at: MIB });
  const controller = new AbortController();
  const aborted = reader.read({ signal: controller.signal });
  while (server.requests[0]?.end !== MIB) await moment(10);
  await moment(300); // for the bytes to arrive
  controller.abort("enough");
  assert.equal((await aborted).error.code, "ABORTED");
  await moment(50);
  assert.equal(server.requests.length, 1, "nothing is asked for afterwards");
  server.expect();
  await reader.readFile();
  assert.equal(server.sentBytes, FILE.length - MIB);
});

test("a server that says when to come back is not asked before", async () => {
  server.expect({ kind: "status", status: 429, headers: { "retry-after": "1" }, times: 1 });
  const began = Date.now();
  await readers().opfs.readFile();
  assert.ok(Date.now() - began >= 990, `asked again after ${Date.now() - began} ms`);
});
