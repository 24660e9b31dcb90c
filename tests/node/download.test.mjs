// download.test.mjs: every fault of a server, at the start, the middle and the end of a file, ends in the file's bytes
// or in the right error; and what has arrived is not fetched again.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { CHUNK_BYTES } from "../../build/sotto/buffers.js";
import { readSource } from "../../build/sotto/source.js";
import { Store } from "../../build/sotto/store.js";
import { FaultServer } from "../fault-server.mjs";
import { MemoryFolder } from "./memory-folder.mjs";

const MIB = 1 << 20;
const FILE = Uint8Array.from({ length: 2_500_000 }, (_, i) => (i * 2654435761) >>> 13);
const OTHER = FILE.map((byte) => byte ^ 255);
const WHERE = { start: 0, middle: 1_234_567, end: FILE.length - 10 };
const WANTED = [[2_000_000, 2_100_000], [2_400_000, 2_450_000], [700_000, 1_500_000]];
const FATAL = { kind: "status", status: 400, times: 1 };

let server;
let folder;
before(async () => { server = await new FaultServer(FILE).listen(); });
beforeEach(() => {
  folder = new MemoryFolder();
  server.setFile(FILE, '"one"');
  server.bytesPerMs = Infinity;
  server.expect();
});
after(() => server.close());

const options = () => ({ store: new Store(folder), stallMs: 5000, retryMs: 1 });
const patience = (fault) => (fault.kind === "stall" ? { stallMs: 200 } : {});

const moment = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Takes all chunks; each byte must come once, and in order where none are wanted.
async function collect({ wanted, ...more } = {}) {
  const source = readSource(server.url, { ...options(), ...more });
  const bytes = new Uint8Array(FILE.length);
  const times = new Uint8Array(FILE.length);
  let received = 0;
  for await (const chunk of source) {
    if (!wanted) assert.equal(chunk.offset, received, "chunks follow one another");
    else if (received === 0) source.want(wanted);
    bytes.set(chunk.bytes, chunk.offset);
    for (let i = 0; i < chunk.bytes.length; i++) times[chunk.offset + i]++;
    received += chunk.bytes.length;
  }
  assert.ok(times.every((n) => n === 1), "each byte comes once");
  return bytes;
}

// As the client does it: a file that changed is loaded once more.
async function collectUnchanged(how) {
  return collect(how).catch((error) => {
    if (error.code !== "CHANGED") throw error;
    return collect(how);
  });
}

function assertBytes(bytes, expected = FILE) {
  assert.ok(Buffer.from(bytes).equals(expected), "the bytes are the file's");
}

// Leaves the first `bytes` of the file in the store.
async function keepPrefix(bytes) {
  if (bytes === 0) return;
  server.expect({ kind: "reset", at: bytes, times: 1 }, FATAL);
  await assert.rejects(collect(), { code: "SERVER_ERROR" });
}

// Faults that a download survives. rereads: the server cannot continue, so that it sends all again.
const SURVIVED = [
  { kind: "reset", times: 1 }, { kind: "reset", times: 4 }, { kind: "stall", times: 1 }, { kind: "stall", times: 2 },
  ...[500, 502, 503, 504, 429].map((status) => ({ kind: "status", status, times: 2 })),
  { kind: "status", status: 503, headers: { "retry-after": "0" }, times: 3 },
  { kind: "redirect" }, { kind: "noLength" }, { kind: "shortLength", times: 1 }, { kind: "longLength", times: 1 },
  { kind: "hideHeaders" }, { kind: "ignoreRange", rereads: true }, { kind: "gzip", rereads: true },
  { kind: "change", file: OTHER, times: 1, rereads: true },
];

for (const fault of SURVIVED) {
  for (const [where, at] of Object.entries(WHERE)) {
    for (const wanted of [undefined, WANTED]) {
      const how = `${fault.times ?? "all"} times at the ${where}${wanted ? ", with ranges wanted" : ""}`;
      test(`${fault.kind} ${fault.status ?? ""} ${how}`, async () => {
        if (!["reset", "stall"].includes(fault.kind)) await keepPrefix(at);
        if (wanted) server.bytesPerMs = 1 << 16; // so that little is under way when a connection is ended
        const keptBytes = server.sentBytes;
        server.expect({ at, ...fault });
        assertBytes(await collectUnchanged({ wanted, ...patience(fault) }), server.file);
        assert.ok(server.requests.length > 0);
        if (!fault.rereads) assertNotTwice(FILE.length - keptBytes, wanted);
        await assertOffline(server.file);
      });
    }
  }
}

// 1 MiB for each connection that was ended: with ranges wanted that is the first, beside the one that failed.
function assertNotTwice(neededBytes, wanted) {
  const tooMany = server.sentBytes - neededBytes;
  assert.ok(tooMany <= (wanted ? 2 * MIB : MIB), `${tooMany} bytes too many were sent`);
}

// What is kept is read in the order wanted, without a request.
async function assertOffline(file) {
  server.expect({ kind: "status", status: 404 });
  assertBytes(await collect({ wanted: WANTED }), file);
  assert.equal(server.requests.length, 0, "nothing was asked for");
}

const GIVEN_UP = [
  [{ kind: "status", status: 404 }, "NOT_FOUND", 1], [{ kind: "status", status: 410 }, "NOT_FOUND", 1],
  [{ kind: "status", status: 401 }, "FORBIDDEN", 1], [{ kind: "status", status: 403 }, "FORBIDDEN", 1],
  [{ kind: "status", status: 400 }, "SERVER_ERROR", 1], [{ kind: "status", status: 503 }, "SERVER_ERROR", 6],
  [{ kind: "status", status: 429 }, "SERVER_ERROR", 6], [{ kind: "wrongRange" }, "SERVER_ERROR", 1],
  [{ kind: "reset" }, "NETWORK", 6], [{ kind: "stall" }, "STALLED", 6],
];

for (const [fault, code, nRequests] of GIVEN_UP) {
  for (const [where, at] of Object.entries(WHERE)) {
    test(`${fault.kind} ${fault.status ?? ""} for ever at the ${where} is ${code}; what arrived is kept`, async () => {
      await keepPrefix(at);
      server.expect({ at, ...fault });
      await assert.rejects(collect(patience(fault)), { name: "SottoError", code });
      assert.equal(server.requests.length, nRequests);
      if (fault.kind !== "wrongRange") assert.equal(server.sentBytes, 0);
      server.expect();
      assertBytes(await collect());
      assert.equal(server.sentBytes, FILE.length - at);
    });
  }
}

test("of a file that is not there nothing stays", async () => {
  server.expect({ kind: "status", status: 404 });
  await assert.rejects(collect(), { code: "NOT_FOUND" });
  await moment(10);
  assert.deepEqual(folder.names, []);
  server.expect();
  await collect();
  assert.equal(folder.names.length, 2);
});

test("a file that changes during a download is CHANGED, and nothing of the old one stays", async () => {
  server.expect({ kind: "reset", at: WHERE.middle, times: 1 }, { kind: "change", file: OTHER, times: 1 });
  await assert.rejects(collect(), { code: "CHANGED", message: /load it again/ });
  assertBytes(await collect(), OTHER);
});

test("a file that became shorter is CHANGED", async () => {
  await keepPrefix(WHERE.end);
  server.setFile(FILE.subarray(0, 1000), '"two"');
  await assert.rejects(collect(), { code: "CHANGED" });
});

test("what is wanted comes first", async () => {
  server.bytesPerMs = 1 << 15;
  const source = readSource(server.url, options());
  const offsets = [];
  for await (const { offset, bytes } of source) {
    if (offsets.length === 0) source.want([[2_000_000, 2_100_000]]);
    offsets.push([offset, offset + bytes.length]);
  }
  const place = offsets.findIndex(([begin]) => begin === 2_000_000);
  assert.ok(place <= 4, `as number ${place} of ${JSON.stringify(offsets)}`);
});

test("a later want replaces the earlier", async () => {
  await collect();
  const source = readSource(server.url, options());
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
  await collect({ wanted: [[1_200_000, 2_400_000]] });
  const begins = server.requests.map(({ begin }) => begin);
  assert.ok(begins.includes(1_200_000) && begins.includes(1_200_000 + MIB), `requests at ${begins}`);
});

test("never more than three connections, and one until ranges are wanted", async () => {
  server.bytesPerMs = 1 << 13;
  let most = 0;
  const source = readSource(server.url, options());
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

test("a full disk ends the keeping, not the loading, and what was kept stays", async () => {
  folder.freeBytes = async () => Infinity; // the estimate was wrong
  folder.roomBytes = 1_500_000;
  const events = [];
  assertBytes(await collect({ onEvent: (event) => events.push(event) }));
  assert.deepEqual(events, [{ storage: "opfs" }, { storage: "none" }]);
  server.expect();
  assertBytes(await collect());
  assert.ok(server.sentBytes <= FILE.length - MIB, `${server.sentBytes} bytes were sent again`);
});

test("without room for the whole file nothing is kept", async () => {
  folder.roomBytes = FILE.length - 1;
  const events = [];
  assertBytes(await collect({ onEvent: (event) => events.push(event) }));
  assert.deepEqual(events, [{ storage: "opfs" }, { storage: "none" }]);
  assert.equal(folder.roomBytes, FILE.length - 1);
});

test("without a store all the same", async () => {
  const events = [];
  assertBytes(await collect({ store: null, wanted: WANTED, onEvent: (event) => events.push(event) }));
  assert.deepEqual(events, [{ storage: "none" }]);
});

test("a second reader of the same file waits, sees the first one's progress, and fetches nothing", async () => {
  server.bytesPerMs = 1 << 13;
  const events = [];
  const first = collect();
  const second = collect({ onEvent: (event) => events.push(event) });
  assertBytes(await first);
  assertBytes(await second);
  assert.equal(server.sentBytes, FILE.length);
  const isTold = ({ waiting }) => waiting?.totalBytes === FILE.length && waiting.loadedBytes > 0;
  assert.ok(events.some(isTold), "it was told");
});

test("an abort ends a download, and what arrived is kept", async () => {
  server.expect({ kind: "stall", at: MIB });
  const controller = new AbortController();
  const aborted = assert.rejects(collect({ signal: controller.signal }), { code: "ABORTED", cause: "enough" });
  while (server.requests[0]?.end !== MIB) await moment(10);
  await moment(300); // for the bytes to arrive
  controller.abort("enough");
  await aborted;
  await moment(50);
  assert.equal(server.requests.length, 1, "nothing is asked for afterwards");
  server.expect();
  assertBytes(await collect());
  assert.equal(server.sentBytes, FILE.length - MIB);
});

test("a server that says when to come back is not asked before", async () => {
  server.expect({ kind: "status", status: 429, headers: { "retry-after": "1" }, times: 1 });
  const began = Date.now();
  assertBytes(await collect());
  assert.ok(Date.now() - began >= 990, `asked again after ${Date.now() - began} ms`);
});
