// split.test.mjs: a model in parts, as llama.cpp's gguf-split writes them, says the same as the one file; parts that are
// missing, in the wrong order or cut off are told.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chooseModule } from "../../build/sotto/features.js";
import { Header } from "../../build/sotto/header.js";
import { Instance } from "../../build/sotto/instance.js";
import { compile } from "../../build/sotto/platform.js";
import { partsOf } from "../../build/sotto/split.js";
import { MODEL_PATH, PACKAGE, run } from "./support.mjs";

const { estimate, inspect, load } = await import(new URL("index.js", PACKAGE));

const N_PARTS = 3;
const ALIGNMENT = 32;
const OPTIONS = { nCtx: 256, nThreads: 1 };
const TOKENS = [1, 400, 900, 77];

const file = await readFile(MODEL_PATH);
const parts = split(await headerOf(file));

async function headerOf(bytes) {
  const module = await compile(chooseModule({ nThreads: 1 }).url);
  const header = new Header(Instance.create(module, { shared: false }));
  header.accept(bytes.subarray(0, 4 << 20));
  return header;
}

// ---- gguf-split, by its description: the first part has all keys, each has three of its own ----

function u32(value) {
  return Buffer.from(Uint32Array.of(value).buffer);
}

function u64(value) {
  return Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
}

function key(name, type, value) {
  return Buffer.concat([u64(name.length), Buffer.from(name), u32(type), value]);
}

function padded(bytes) {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & (ALIGNMENT - 1))]);
}

function split(header) {
  const entries = header.entries().map(({ bytes, fileOffset }, i) => ({ bytes, fileOffset, ...header.tensors()[i] }));
  const keys = Buffer.from(header.bytesOfKeys());
  const nKeys = Number(keys.readBigUInt64LE(16));
  const perPart = Math.ceil(entries.length / N_PARTS);
  return Array.from({ length: N_PARTS }, (_, part) => {
    const own = entries.slice(part * perPart, (part + 1) * perPart);
    let at = 0;
    const infos = own.map(({ bytes, nBytes }) => {
      const info = Buffer.concat([bytes.subarray(0, -8), u64(at)]);
      at += nBytes + (-nBytes & (ALIGNMENT - 1));
      return info;
    });
    const u16s = (value) => Buffer.from(Uint16Array.of(value).buffer);
    const marks = [key("split.no", 2, u16s(part)), key("split.count", 2, u16s(N_PARTS)),
      key("split.tensors.count", 5, u32(entries.length))];
    const counts = [u64(own.length), u64(part ? marks.length : nKeys + marks.length)];
    const head = [keys.subarray(0, 8), ...counts, part ? Buffer.alloc(0) : keys.subarray(24), ...marks, ...infos];
    const data = own.map(({ fileOffset, nBytes }) => padded(file.subarray(fileOffset, fileOffset + nBytes)));
    return Buffer.concat([padded(Buffer.concat(head)), ...data]);
  });
}

// ---- a server with the parts ----

let server;
let base;
let asked; // paths
let served;
before(async () => {
  server = createServer((request, response) => {
    asked.push(request.url);
    const part = served[Number(/(\d{5})-of/.exec(request.url)?.[1]) - 1];
    if (!part) return response.writeHead(404).end();
    const [, first, last] = /bytes=(\d+)-(\d*)/.exec(request.headers.range);
    const end = last ? Math.min(Number(last) + 1, part.length) : part.length;
    response.writeHead(206, { "content-range": `bytes ${first}-${end - 1}/${part.length}`, "content-length": end - first });
    response.end(part.subarray(Number(first), end));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${server.address().port}/smol`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

const nameOf = (number) => `${base}-0000${number}-of-00003.gguf?download=true`;

function serve(...files) {
  served = files;
  asked = [];
}

async function logitsOf(source, options) {
  const model = await load(source, { ...OPTIONS, ...options });
  const logits = await model.logits(TOKENS);
  assert.equal(await model.verified, false);
  model.close();
  return Buffer.from(logits.buffer);
}

let expected;
before(async () => { expected = await logitsOf(file); });

test("the names of the parts", () => {
  const url = "https://example.org/a/b-00002-of-00003.gguf?x=1";
  assert.deepEqual(partsOf(url), [1, 2, 3].map((n) => `https://example.org/a/b-0000${n}-of-00003.gguf?x=1`));
  assert.deepEqual(partsOf("https://example.org/b.gguf"), ["https://example.org/b.gguf"]);
});

for (const early of [false, true]) {
  test(`parts from a server, by the address of any, say the same to the bit; early: ${early}`, { timeout: 60_000 }, async () => {
    serve(...parts);
    assert.deepEqual(await logitsOf(nameOf(2), { early }), expected);
    assert.equal(new Set(asked).size, N_PARTS);
  });
}

test("parts from Blobs say the same to the bit", { timeout: 60_000 }, async () => {
  assert.deepEqual(await logitsOf(parts.map((part) => new Blob([part])), { early: true }), expected);
});

test("a report of parts is that of the whole, from their headers", { timeout: 60_000 }, async () => {
  serve(...parts);
  const { fileBytes: wholeBytes, ...whole } = await inspect(file);
  const { fileBytes, ...report } = await inspect(nameOf(1));
  assert.deepEqual(report, whole);
  assert.ok(Math.abs(fileBytes - wholeBytes) < 1000);
  const { unsupported } = await inspect(parts[1]); // alone
  assert.deepEqual(unsupported.map(({ code }) => code), ["WRONG_PARTS"]);
});

test("sotto info takes the parts together, too", { timeout: 60_000 }, async () => {
  serve(...parts);
  const sotto = fileURLToPath(new URL("bin/sotto.mjs", PACKAGE));
  const [whole, split] = await Promise.all([MODEL_PATH, nameOf(3)].map((model) => run([process.execPath, sotto, "info", model])));
  const summary = ({ stdout }) => stdout.split("\n").slice(1, 6);
  assert.equal(split.stderr, "");
  assert.deepEqual(summary(split), summary(whole));
  assert.match(split.stdout, /^split\.tensors\.count +272$/m);
});

test("an estimate is the one file's", { timeout: 60_000 }, async () => {
  serve(...parts);
  const { memoryBytes, fileBytes, fetchBytes, problems, tokensPerSecond } = await estimate(nameOf(1), OPTIONS);
  const model = await load(file, OPTIONS);
  assert.deepEqual([memoryBytes, fetchBytes, problems], [model.info.memoryBytes, fileBytes, []]);
  assert.ok(Math.abs(fileBytes - file.length) < 1e5, `${fileBytes} bytes`);
  assert.ok(tokensPerSecond.prefill > 0 && tokensPerSecond.decode > 0);
  model.close();
  serve(parts[0], undefined, parts[2]);
  await assert.rejects(estimate(nameOf(1), OPTIONS), { code: "NOT_FOUND", message: /00002-of-00003/ });
});

test("a part that is missing on the server is NOT_FOUND, with its name", { timeout: 60_000 }, async () => {
  serve(parts[0], undefined, parts[2]);
  await assert.rejects(load(nameOf(1), OPTIONS), { code: "NOT_FOUND", message: /00002-of-00003/ });
});

test("wrong parts are told", { timeout: 60_000 }, async () => {
  const blobs = parts.map((part) => new Blob([part]));
  const refused = (source, message) => assert.rejects(load(source, OPTIONS), { code: "WRONG_PARTS", message });
  await refused([blobs[1], blobs[0], blobs[2]], /file 1 of 3 is part 2 of 3/);
  await refused(blobs.slice(0, 2), /file 1 of 2 is part 1 of 3/);
  await refused([blobs[0], new Blob([file]), blobs[2]], /file 2 of 3 is no part of anything/);
  await refused(blobs[0], /part 1 of 3, with \d+ of \d+ tensors/);
});

test("parts that are cut off or no GGUF are told", { timeout: 60_000 }, async () => {
  const withSecond = (bytes) => [parts[0], bytes, parts[2]].map((part) => new Blob([part]));
  for (const length of [10, 1000, parts[1].length - 1]) {
    await assert.rejects(load(withSecond(parts[1].subarray(0, length)), OPTIONS), { code: "TRUNCATED" }, `${length}`);
  }
  await assert.rejects(load(withSecond(Buffer.from("<html>, not a file")), OPTIONS), { code: "NOT_GGUF" });
});

test("what cannot be parts is refused", async () => {
  for (const source of [[], [file, file], [null, "https://example.org"]]) {
    await assert.rejects(load(source, OPTIONS), { code: "INVALID_ARGUMENT" });
  }
  await assert.rejects(load(nameOf(1), { sha256: "0".repeat(64) }), { code: "INVALID_ARGUMENT" });
});
