// faults.mjs: every fault of a server and of storage, at the start, the middle and the end of a file. Each ends in the
// file's bytes or in the right error; and what has arrived is not fetched again, as the server counts it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";

const MIB = 1 << 20;
export const FILE = Uint8Array.from({ length: 2_500_000 }, (_, i) => (i * 2654435761) >>> 13);
export const OTHER = FILE.map((byte) => byte ^ 255);
export const WHERE = { start: 0, middle: 1_234_567, end: FILE.length - 10 };
export const WANTED = [[2_000_000, 2_100_000], [2_400_000, 2_450_000], [700_000, 1_500_000]];
const FATAL = { kind: "status", status: 400, times: 1 };
const STALL_MS = 200; // of a load that waits for a server that is silent

const hashOf = (bytes) => createHash("sha256").update(bytes).digest("hex");
const HASHES = new Map([[FILE, hashOf(FILE)], [OTHER, hashOf(OTHER)]]);

/** One client of the fault server, and what it keeps. */
export class Reader {
  #server;
  #read;

  /**
   * read(storage, url, options): readToEnd of fault-reader.js. lostBytes: what may be lost in the client's own buffers when a
   * connection breaks.
   */
  constructor(server, read, storage, { lostBytes = 0 } = {}) {
    this.#server = server;
    this.#read = read;
    this.storage = storage;
    this.lostBytes = lostBytes;
  }

  read(options = {}) {
    return this.#read(this.storage, this.#server.url, { fileBytes: FILE.length, ...options });
  }

  /** Takes all bytes, each once, and in order where none are wanted; returns the events. */
  async readFile(options = {}) {
    const { error, hash, receivedBytes, isInOrder, events } = await this.read(options);
    assert.equal(error, undefined, error?.message);
    assert.equal(receivedBytes, FILE.length, "each byte comes once");
    assert.ok(isInOrder || options.wanted, "chunks follow one another");
    assert.equal(hash, HASHES.get(this.#server.file), "the bytes are the file's");
    return events;
  }

  /** As the client does it: a file that changed is loaded once more. */
  async readUnchanged(options) {
    const { error } = await this.read(options);
    if (error) assert.equal(error.code, "CHANGED", error.message);
    if (error) await this.readFile(options);
  }

  async fails(code, options) {
    const { error } = await this.read(options);
    assert.equal(error?.name, "SottoError", `${code} was expected`);
    assert.equal(error.code, code, error.message);
    assert.ok(/\(.{20,}\)$/.test(error.message), `there is no way out in ${error.message}`);
  }

  /** Leaves the first `bytes` of the file in storage. */
  async keepPrefix(bytes) {
    if (bytes === 0) return;
    this.#server.expect({ kind: "close", at: bytes, times: 1 }, FATAL);
    await this.fails("SERVER_ERROR");
  }
}

// Faults that a load survives. isWhole: the server cannot continue, so that it sends all again.
const SURVIVED = [
  { kind: "drop", times: 1 }, { kind: "drop", times: 2 },
  { kind: "reset", times: 1 }, { kind: "reset", times: 4 }, { kind: "stall", times: 1 }, { kind: "stall", times: 2 },
  ...[500, 502, 503, 504, 429].map((status) => ({ kind: "status", status, times: 2 })),
  { kind: "status", status: 503, headers: { "retry-after": "0" }, times: 3 },
  { kind: "status", status: 429, headers: { "retry-after": "Thu, 01 Jan 1970 00:00:00 GMT" }, times: 2 },
  { kind: "status", status: 503, headers: { "retry-after": "soon" }, times: 2 },
  ...[301, 302, 303, 307, 308].map((status) => ({ kind: "redirect", status })),
  { kind: "noLength" }, { kind: "shortLength", times: 1 }, { kind: "longLength", times: 1 }, { kind: "empty", times: 2 },
  { kind: "unknownTotal" }, { kind: "hideHeaders" }, { kind: "slow" },
  { kind: "ignoreRange", isWhole: true }, { kind: "gzip", isWhole: true },
  { kind: "wrongTotal", times: 1, isWhole: true }, { kind: "change", file: OTHER, times: 1, isWhole: true },
];
const ESSENTIAL = /^(reset 1|stall 1|status 503 2|shortLength|hideHeaders|ignoreRange|gzip|change|drop)/;

// With the number of requests that are made in vain. isRepeated: browsers ask once more by themselves.
const GIVEN_UP = [
  ...[404, 410].map((status) => [{ kind: "status", status }, "NOT_FOUND", 1]),
  ...[401, 403].map((status) => [{ kind: "status", status }, "FORBIDDEN", 1]),
  ...[201, 204, 300, 304, 400, 402, 405, 406, 409, 418, 422, 451].map((status) => [{ kind: "status", status }, "SERVER_ERROR", 1]),
  ...[500, 503, 429].map((status) => [{ kind: "status", status }, "SERVER_ERROR", 6]),
  [{ kind: "wrongRange" }, "SERVER_ERROR", 1], [{ kind: "empty" }, "NETWORK", 6],
  [{ kind: "reset" }, "NETWORK", 6], [{ kind: "stall" }, "STALLED", 6],
  [{ kind: "silence" }, "STALLED", 2], [{ kind: "drop", isRepeated: true }, "NETWORK", 3], [{ kind: "loop", isRepeated: true }, "NETWORK", 3],
];

// Faults of storage: a load survives each.
const STORAGE = [
  { on: "write", error: "QuotaExceededError", code: "QUOTA" }, { on: "write", error: "UnknownError", code: "STORAGE_REFUSED" },
  { on: "save", error: "QuotaExceededError", code: "QUOTA" }, { on: "save", error: "InvalidStateError", code: "STORAGE_REFUSED" },
  { on: "open", error: "NotAllowedError", code: "STORAGE_REFUSED" },
];

const titleOf = ({ kind, status, times = "all", headers }) =>
  [kind, status, headers && JSON.stringify(headers), times === "all" ? "for ever" : `${times} times`].filter(Boolean).join(" ");
const patience = ({ kind }) => (["stall", "silence"].includes(kind) ? { stallMs: STALL_MS } : {});
const isEssential = (fault, wanted) => ESSENTIAL.test(titleOf(fault)) && !wanted;

/** Cases { name, isEssential, run({ server, reader }) }, for a reader that has nothing kept. */
export const networkCases = [...survived(), ...givenUp()];
export const storageCases = [...storageFails(), ...readingFails(), ...noRoom()];

function* survived() {
  for (const fault of SURVIVED) {
    for (const [where, at] of Object.entries(WHERE)) {
      for (const wanted of [undefined, WANTED]) {
        const name = `${titleOf(fault)} at the ${where}${wanted ? ", with ranges wanted" : ""}`;
        const run = (context) => survive(context, fault, at, wanted);
        yield { name, isEssential: isEssential(fault, wanted), run };
      }
    }
  }
}

async function survive({ server, reader }, fault, at, wanted) {
  if (!["reset", "stall"].includes(fault.kind)) await reader.keepPrefix(at);
  const endsConnections = wanted || fault.kind === "drop";
  if (endsConnections) server.bytesPerMs = Math.min(server.bytesPerMs, 1 << 15); // so that little is under way then
  const keptBytes = server.sentBytes;
  server.expect({ at, ...fault });
  await reader.readUnchanged({ wanted, ...patience(fault) });
  assert.ok(server.requests.length > 0);
  if (!fault.isWhole) assertNotTwice({ server, reader }, FILE.length - keptBytes, wanted);
  await assertOffline({ server, reader });
}

// 1 MiB for each connection that was ended: with ranges wanted that is the first, beside the one that failed.
function assertNotTwice({ server, reader }, neededBytes, wanted) {
  const tooMany = server.sentBytes - neededBytes - reader.lostBytes;
  assert.ok(tooMany <= (wanted ? 2 * MIB : MIB), `${tooMany} bytes too many were sent`);
}

// What is kept is read in the order wanted, without a request.
async function assertOffline({ server, reader }) {
  server.expect({ kind: "status", status: 404 });
  await reader.readFile({ wanted: WANTED });
  assert.equal(server.requests.length, 0, "nothing was asked for");
}

function* givenUp() {
  for (const [fault, code, nRequests] of GIVEN_UP) {
    for (const [where, at] of Object.entries(WHERE)) {
      const name = `${titleOf(fault)} at the ${where} is ${code}; what arrived is kept`;
      const run = (context) => giveUp(context, fault, code, nRequests, at);
      yield { name, isEssential: isEssential(fault), run };
    }
  }
}

async function giveUp({ server, reader }, fault, code, nRequests, at) {
  await reader.keepPrefix(at);
  server.expect({ at, ...fault });
  await reader.fails(code, patience(fault));
  if (fault.isRepeated) assert.ok(server.requests.length >= nRequests);
  else assert.equal(server.requests.length, nRequests);
  if (fault.kind !== "wrongRange") assert.equal(server.sentBytes, 0);
  await assertKept({ server, reader }, at);
}

async function assertKept({ server, reader }, bytes, boundBytes = 0) {
  server.expect();
  await reader.readFile();
  const tooMany = server.sentBytes - (FILE.length - bytes) - reader.lostBytes;
  assert.ok(tooMany <= boundBytes, `${tooMany} bytes that were kept came again`);
}

function* storageFails() {
  for (const { code, ...fault } of STORAGE) {
    for (const [where, at] of Object.entries(WHERE)) {
      const name = `${fault.error} on ${fault.on} at the ${where} is ${code}, and ends the keeping alone`;
      yield { name, isEssential: where === "middle", run: (context) => outlive(context, { ...fault, at }, code) };
    }
  }
}

async function outlive({ server, reader }, storageFault, code) {
  const { on, at } = storageFault;
  if (on === "open") await reader.keepPrefix(at);
  server.expect();
  const events = await reader.readFile({ storageFault });
  assert.deepEqual(events, [...(on === "open" ? [] : [reader.storage]), `memory ${code}`]);
  assert.equal(server.sentBytes, FILE.length, "nothing was fetched twice");
  await assertKept({ server, reader }, at, on === "open" ? 0 : MIB);
  await assertOffline({ server, reader });
}

function* readingFails() {
  for (const [where, at] of Object.entries(WHERE)) {
    for (const wanted of [undefined, WANTED]) {
      const name = `storage that has lost the ${where}${wanted ? ", with ranges wanted" : ""}: that is fetched again, and nothing else`;
      yield { name, isEssential: where === "middle", run: (context) => refetch(context, at, wanted) };
    }
  }
}

async function refetch({ server, reader }, at, wanted) {
  await reader.readFile();
  server.expect();
  await reader.readFile({ wanted, storageFault: { on: "read", at, error: "NotReadableError" } });
  const most = wanted ? 2 * MIB : MIB; // a portion, and what is on the wire of a connection that goes elsewhere
  assert.ok(server.sentBytes > 0 && server.sentBytes <= most, `${server.sentBytes} bytes were sent`);
  await assertKept({ server, reader }, FILE.length, wanted ? MIB : 0); // a lost piece may begin with what was sent already
  await assertOffline({ server, reader });
}

function* noRoom() {
  for (const [where, at] of Object.entries(WHERE)) {
    const name = `too little room for what is behind the ${where} is QUOTA, and what is there stays`;
    yield { name, isEssential: where === "middle", run: (context) => keepNoMore(context, at) };
  }
}

async function keepNoMore({ server, reader }, at) {
  await reader.keepPrefix(at);
  server.expect();
  const events = await reader.readFile({ freeBytes: FILE.length - at - 1 });
  assert.deepEqual(events, [reader.storage, "memory QUOTA"]);
  assert.ok(server.sentBytes <= FILE.length - at + reader.lostBytes);
  await assertKept({ server, reader }, at);
}
