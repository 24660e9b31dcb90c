// fetch.test.mjs: models/fetch.mjs against a server and a cache of its own: a download goes on where it stopped, only
// the right bytes are kept, the next source is tried, wheels are joined, and a verified file costs nothing.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, truncateSync,
  utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import { CATALOGUE, fetchModel, findModel } from "../../models/fetch.mjs";
import { locateWheels } from "../../models/pip.mjs";
import { Progress } from "../../models/progress.mjs";
import { appendMember } from "../../models/zip.mjs";
import { loadCatalogue } from "../../build/app/catalogue.js";

const FILE = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * 2654435761) >>> 13));
const CUT = 123_456; // where a broken connection ends
const NO_PORT = "http://127.0.0.1:9/"; // discard: nothing listens there
const REFUSAL = Buffer.alloc(100_000); // no part of a file, and long enough to be noticed at the end of a zip
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

let folder; // of the whole file
let cache; // of the running test
let server;
let base;
let requests; // of the running test: { path, range, sentBytes }
let handler;
let nTests = 0;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "sotto-fetch-"));
  server = createServer((request, response) => {
    const entry = { path: request.url, range: request.headers.range, sentBytes: 0 };
    requests.push(entry);
    handler(request, response, entry);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${server.address().port}`;
});

after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  cache = join(folder, `cache${nTests++}`);
  requests = [];
  handler = (request, response, entry) => send(request, response, entry, FILE);
});

// ---- the server's ways to answer ----

/** The whole file or, as asked, the rest of it; a connection that "breaks" after some bytes. */
function send(request, response, entry, file, { breaksAt = file.length } = {}) {
  const start = Number(/bytes=(\d+)-/.exec(entry.range ?? "bytes=0-")[1]);
  if (start >= file.length) {
    return response.writeHead(416, { "content-range": `bytes */${file.length}` }).end(REFUSAL);
  }
  response.writeHead(start ? 206 : 200, {
    "content-length": file.length - start,
    ...(start && { "content-range": `bytes ${start}-${file.length - 1}/${file.length}` }),
  });
  const part = file.subarray(start, Math.max(start, breaksAt));
  entry.sentBytes = part.length;
  if (breaksAt >= file.length) return response.end(part);
  response.write(part, () => setTimeout(() => response.destroy(), 50)); // the client has read it by then
}

const refuse = (_, response) => response.destroy();
const sentBytes = () => requests.reduce((sum, entry) => sum + entry.sentBytes, 0);
const ranges = () => requests.map(({ range }) => range);

// ---- models, wheels, and what is said ----

function modelOf(sources, file = FILE) {
  const sha256 = createHash("sha256").update(file).digest("hex");
  return { id: "tiny", title: "Tiny", file: "tiny.gguf", bytes: file.length, sha256, sources };
}

const fromUrl = (path = "/tiny.gguf") => ({ url: `${base}${path}` });

/** A zip by hand: a directory of its own extra fields, local ones of another length, and a comment at the end. */
function makeZip(members, { method = 8 } = {}) {
  const locals = [];
  const entries = [];
  let offset = 0;
  for (const [name, bytes] of Object.entries(members)) {
    const packed = method === 8 ? deflateRawSync(bytes) : bytes;
    const common = Buffer.alloc(26); // from "version needed" to the length of the extra field
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.from(name), Buffer.alloc(9), packed]);
    local.writeUInt16LE(9, 28);
    const entry = Buffer.concat([Buffer.from("PK\x01\x02\x14\x00"), common, Buffer.alloc(14), Buffer.from(name),
      Buffer.alloc(5)]);
    entry.writeUInt16LE(5, 30);
    entry.writeUInt32LE(offset, 42);
    locals.push(local);
    entries.push(entry);
    offset += local.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  const comment = Buffer.from("a comment");
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...locals, directory, end, comment]);
}

/** FILE as two wheels, stored and deflated, each with another member before. */
const SCRIPT = Buffer.from("# nothing");
const WHEELS = {
  "/one.whl": makeZip({ "one/__init__.py": SCRIPT, "one/part0": FILE.subarray(0, 200_000) }, { method: 0 }),
  "/two.whl": makeZip({ "two/__init__.py": SCRIPT, "two/part1": FILE.subarray(200_000) }),
};
const PACKAGES = {
  pypi: [{ name: "one", version: "1", member: "one/part0" }, { name: "two", version: "1", member: "two/part1" }],
};
const locate = async (packages) => packages.map(({ name }) => `${base}/${name}.whl`);
const serveWheels = (request, response, entry) => send(request, response, entry, WHEELS[request.url]);

/** Fetches into the test's cache; what was said is in `said`. */
let said;
function get(model, options = {}) {
  said = [];
  const progress = { say: (line) => said.push(line), update() {}, end() {} };
  return fetchModel(model, { cache, progress, locate, ...options });
}

function assertFetched(path) {
  assert.equal(path, join(cache, "tiny.gguf"));
  assert.ok(readFileSync(path).equals(FILE));
  assert.deepEqual(readdirSync(cache).sort(), ["tiny.gguf", "tiny.gguf.verified"]);
}

const FAILED = /Tiny could not be fetched.*goes on with the same command/;

// ---- one file from one address ----

test("a whole download", async () => {
  assertFetched(await get(modelOf([fromUrl()])));
  assert.deepEqual(ranges(), [undefined]);
});

test("a verified file costs nothing; a changed one is looked at again", async () => {
  const model = modelOf([fromUrl()]);
  const path = await get(model);
  const lock = `${path}.lock`;
  symlinkSync(String(process.pid), lock); // nor does it wait for others
  await get(model);
  rmSync(lock);
  assert.equal(requests.length, 1);
  utimesSync(path, 1, 1);
  await get(model);
  assert.equal(requests.length, 1); // read, found right, and not fetched
  assertFetched(path);
  writeFileSync(path, Buffer.alloc(FILE.length));
  await assert.rejects(get({ ...model, sources: [] }), FAILED);
  assert.match(said[0], /is not the catalogue's.*sha256/);
  assert.ok(!existsSync(path));
});

test("a download that broke off goes on in the next run, and no byte comes twice", async () => {
  handler = (request, response, entry) => {
    if (requests.length > 1) return refuse(request, response);
    return send(request, response, entry, FILE, { breaksAt: CUT });
  };
  await assert.rejects(get(modelOf([fromUrl()])), FAILED);
  assert.equal(readFileSync(join(cache, "tiny.gguf.part")).length, CUT);
  assert.equal(sentBytes(), CUT);
  requests = [];
  handler = (request, response, entry) => send(request, response, entry, FILE);
  assertFetched(await get(modelOf([fromUrl()])));
  assert.deepEqual(ranges(), [`bytes=${CUT}-`]);
  assert.equal(sentBytes(), FILE.length - CUT);
});

test("a download that breaks off goes on in the same run, too", async () => {
  handler = (request, response, entry) => {
    send(request, response, entry, FILE, requests.length === 1 ? { breaksAt: CUT } : {});
  };
  assertFetched(await get(modelOf([fromUrl()])));
  assert.deepEqual(ranges(), [undefined, `bytes=${CUT}-`]);
  assert.equal(sentBytes(), FILE.length);
});

test("a server that ignores ranges sends the whole file again", async () => {
  mkdirSync(cache);
  writeFileSync(join(cache, "tiny.gguf.part"), FILE.subarray(0, CUT));
  handler = (_, response) => response.writeHead(200, { "content-length": FILE.length }).end(FILE);
  assertFetched(await get(modelOf([fromUrl()])));
  assert.deepEqual(ranges(), [`bytes=${CUT}-`]);
});

test("a part that is longer than the file is begun anew", async () => {
  mkdirSync(cache);
  writeFileSync(join(cache, "tiny.gguf.part"), Buffer.alloc(FILE.length + 1));
  assertFetched(await get(modelOf([fromUrl()])));
  assert.deepEqual(ranges(), [`bytes=${FILE.length + 1}-`, undefined]);
});

test("wrong bytes: said, and deleted", async () => {
  const other = Buffer.from(FILE);
  other[7] ^= 1;
  const wrong = modelOf([fromUrl()], other);
  await assert.rejects(get(wrong), FAILED);
  assert.match(said.at(-1), new RegExp(`deleted: its sha256 is [0-9a-f]{64}, not ${wrong.sha256}`));
  assert.deepEqual(readdirSync(cache), []);
});

test("a wrong size: refused before the download, or after it where the server does not tell", async () => {
  const longer = modelOf([fromUrl()], Buffer.concat([FILE, FILE]));
  await assert.rejects(get(longer), FAILED);
  assert.match(said.at(-1), /the file there has 300000 bytes, not 600000/);
  assert.deepEqual(readdirSync(cache), []);
  handler = (_, response) => response.writeHead(200).end(FILE); // chunked: no length
  await assert.rejects(get(longer), FAILED);
  assert.match(said.at(-1), /deleted: it has 300000 bytes, not 600000/);
  assert.deepEqual(readdirSync(cache), []);
});

// ---- several sources ----

test("the next source, when one has no such file, cannot be reached, or does not answer", async () => {
  handler = (request, response, entry) => {
    if (request.url === "/none") return response.writeHead(404).end();
    if (request.url !== "/silent") send(request, response, entry, FILE);
  };
  const sources = [fromUrl("/none"), { url: NO_PORT }, fromUrl("/silent"), fromUrl()];
  assertFetched(await get(modelOf(sources), { answerMs: 300 }));
  assert.deepEqual(requests.map(({ path }) => path), ["/none", "/silent", "/tiny.gguf"]);
  const reasons = said.filter((line) => line.startsWith("That did not work"));
  assert.match(reasons[0], /HTTP status 404/);
  assert.equal(reasons.length, 3);
  assert.match(reasons[2], /no answer within 0.3 s/);
});

test("a slow transfer is not a silent server", async () => {
  handler = (_, response) => {
    response.writeHead(200, { "content-length": FILE.length }).write(FILE.subarray(0, CUT));
    setTimeout(() => response.end(FILE.subarray(CUT)), 400);
  };
  assertFetched(await get(modelOf([fromUrl()]), { answerMs: 200 }));
  assert.equal(requests.length, 1);
});

test("wheels: stored and deflated members are joined, and the wheels removed", async () => {
  handler = serveWheels;
  assertFetched(await get(modelOf([{ url: NO_PORT }, PACKAGES])));
  assert.deepEqual(requests.map(({ path }) => path), ["/one.whl", "/two.whl"]);
});

test("wheels: a run that broke off in the second goes on there", async () => {
  const wholeBytes = WHEELS["/one.whl"].length + WHEELS["/two.whl"].length;
  handler = (request, response, entry) => {
    if (requests.length > 2) return refuse(request, response);
    return send(request, response, entry, WHEELS[request.url], request.url === "/two.whl" ? { breaksAt: 1000 } : {});
  };
  await assert.rejects(get(modelOf([PACKAGES])), FAILED);
  const before = sentBytes();
  requests = [];
  handler = serveWheels;
  assertFetched(await get(modelOf([PACKAGES])));
  assert.deepEqual(ranges(), [`bytes=${WHEELS["/one.whl"].length}-`, "bytes=1000-"]);
  assert.equal(before + sentBytes(), wholeBytes);
});

test("wheels: what is no wheel is deleted", async () => {
  handler = (request, response, entry) => send(request, response, entry, FILE);
  await assert.rejects(get(modelOf([PACKAGES])), FAILED);
  assert.match(said.at(-1), /deleted: this is not a zip file/);
  assert.deepEqual(readdirSync(cache), []);
});

test("zip: what can be wrong with one", async () => {
  mkdirSync(cache);
  const zip = join(cache, "a.zip");
  const append = (bytes, name = "a") => {
    writeFileSync(zip, bytes);
    return appendMember(zip, name, join(cache, "out"));
  };
  const whole = makeZip({ a: FILE });
  await assert.rejects(append(whole, "b"), /there is no b in the zip/);
  await assert.rejects(append(whole.subarray(0, -40)), /not a zip file, or its end is missing/);
  await assert.rejects(append(whole.subarray(40)), /no a where the zip's directory says|cut off/);
  await assert.rejects(append(makeZip({ a: FILE }, { method: 12 })), /method \(12\) that is not supported/);
});

// ---- two processes ----

test("two at once: one downloads, the other waits", async () => {
  const model = modelOf([fromUrl()]);
  const [one, two] = await Promise.all([get(model), get(model)]);
  assertFetched(one);
  assert.equal(two, one);
  assert.equal(requests.length, 1);
});

test("the lock of a process that is gone is taken over", async () => {
  mkdirSync(cache);
  symlinkSync(String(spawnSync(process.execPath, ["-e", ""]).pid), join(cache, "tiny.gguf.lock"));
  assertFetched(await get(modelOf([fromUrl()])));
});

// ---- pip ----

/** Runs work with a python3 of ours first on PATH, or with none at all. */
async function withPython(script, work) {
  const bin = mkdtempSync(join(folder, "bin-"));
  if (script) writeFileSync(join(bin, "python3"), `#!/bin/sh\n${script}`, { mode: 0o755 });
  const path = process.env.PATH;
  process.env.PATH = script ? `${bin}:${path}` : bin;
  try {
    return await work();
  } finally {
    process.env.PATH = path;
  }
}

test("pip: the report of a pip that was fetched for it", async () => {
  const answer = (name) => ({ metadata: { name }, download_info: { url: `https://host/${name}` } });
  const report = { install: [answer("two"), answer("one")] };
  const script = `
    case "$*" in
      "-m pip download "*"--dest "*) while [ "$1" != --dest ]; do shift; done; touch "$2/pip-0-py3-none-any.whl" ;;
      *"/pip-0-py3-none-any.whl/pip install "*"--dry-run "*" one==1 two==1") echo '${JSON.stringify(report)}' ;;
      *) echo "ERROR: unexpected $*" >&2; exit 1 ;;
    esac`;
  const urls = await withPython(script, () => locateWheels(PACKAGES.pypi));
  assert.deepEqual(urls, ["https://host/one", "https://host/two"]);
});

test("pip: none, no Python, and what it complains about", async () => {
  const missing = /pip is missing; install it \(Debian: apt-get install python3-pip\)/;
  const locateOne = () => locateWheels(PACKAGES.pypi);
  await assert.rejects(withPython(undefined, locateOne), missing);
  await assert.rejects(withPython("echo '/usr/bin/python3: No module named pip' >&2; exit 1", locateOne), missing);
  const noMatch = "echo 'ERROR: No matching distribution found for one==1' >&2; exit 1";
  await assert.rejects(withPython(noMatch, locateOne), /pip says: No matching distribution found for one==1/);
});

// ---- the catalogue and the command ----

test("the catalogue is complete", () => {
  const ids = CATALOGUE.map(({ id }) => id);
  assert.deepEqual(ids, ["smollm2-135m-instruct-q4_1", "gemma-3-270m-q4_k_m"]);
  assert.deepEqual(CATALOGUE.filter(({ testsOnly }) => testsOnly).map(({ id }) => id), ["gemma-3-270m-q4_k_m"]);
  for (const model of CATALOGUE) {
    const texts = ["name", "title", "licence", "licenceUrl", "architecture"];
    for (const key of texts) assert.equal(typeof model[key], "string", key);
    assert.match(model.file, /^[\w.-]+\.gguf$/);
    assert.match(model.sha256, /^[0-9a-f]{64}$/);
    assert.ok(model.bytes > 0 && model.context > 0 && model.types.length > 0);
    const [{ url }, { pypi }] = model.sources;
    assert.ok(new URL(url).pathname.endsWith(`/${model.file}`));
    for (const part of pypi) assert.deepEqual(Object.keys(part), ["name", "version", "member"]);
  }
});

test("the page offers what is not for tests only, and knows its address", async (context) => {
  const answers = (url, { method = "GET" } = {}) => new Response(readFileSync(join(ROOT, "models/catalog.json")),
    { status: method === "GET" && url.href.endsWith("/app/catalog.json") ? 200 : 404 });
  context.mock.method(globalThis, "fetch", async (...args) => answers(...args));
  const offered = await loadCatalogue();
  assert.deepEqual(offered.map(({ id, url }) => [id, url]), [[CATALOGUE[0].id, CATALOGUE[0].sources[0].url]]);
});

test("a model is found by its id in any case", () => {
  assert.equal(findModel("SmolLM2-135M-Instruct-Q4_1"), CATALOGUE[0]);
  assert.throws(() => findModel("gpt"), /no model gpt .*smollm2-135m-instruct-q4_1, gemma-3-270m-q4_k_m/);
});

test("the command: --help, --list, --path, and what it does not know", () => {
  const home = join(folder, "home"); // a copy, with an empty cache
  mkdirSync(join(home, "models/cache"), { recursive: true });
  mkdirSync(join(home, "web/app"), { recursive: true });
  writeFileSync(join(home, "package.json"), '{"type":"module"}');
  const names = ["fetch.mjs", "download.mjs", "pip.mjs", "progress.mjs", "zip.mjs", "catalog.json"];
  for (const name of [...names.map((name) => `models/${name}`), "web/app/format.js"]) {
    copyFileSync(join(ROOT, name), join(home, name));
  }
  const run = (...args) => {
    const command = [join(home, "models/fetch.mjs"), ...args];
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
    return [status, stdout, stderr];
  };
  const { id, file, bytes } = CATALOGUE[0];
  const path = join(home, "models/cache", file);
  assert.match(run("--help")[1], /usage: .*fetch\.mjs NAME[^]*--path[^]*--list/);
  assert.match(run()[2], /NAME is missing[^]*usage: /);
  assert.match(run("gpt")[2], /^fetch: there is no model gpt/);
  const list = run("--list")[1];
  assert.match(list, /^smollm2-135m-instruct-q4_1 +98 MB, Apache-2.0\ngemma-3-270m-q4_k_m .*for tests only\n$/);
  const [status, stdout, stderr] = run("--path", id);
  assert.deepEqual([status, stdout], [1, ""]);
  assert.match(stderr, /is not in .*make model MODEL=smollm2-135m-instruct-q4_1/);
  writeFileSync(path, "");
  truncateSync(path, bytes);
  assert.deepEqual(run("--path", id.toUpperCase()), [0, `${path}\n`, ""]);
  assert.match(run("--list")[1], /98 MB, Apache-2.0, in models\/cache\n/);
});

test("progress: a bar on a terminal, lines elsewhere", () => {
  const written = [];
  const show = (isTTY) => {
    written.length = 0;
    const progress = new Progress({ isTTY, write: (text) => written.push(text) });
    progress.update("x", 1e6, 4e6);
    progress.update("x", 4e6, 4e6);
    progress.say("done");
    return written.join("");
  };
  assert.equal(show(true), `\r[${"#".repeat(30)}] x: 4 of 4 MB\x1b[K\ndone\n`);
  assert.equal(show(false), "x: 4 of 4 MB\ndone\n");
});
