// store.test.mjs: what is kept survives crashes without a lie, in either storage, fits into its map, and holds no secret.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CacheFolder } from "../../build/sotto/cache.js";
import { importFile } from "../../build/sotto/index.js";
import { OpfsFolder } from "../../build/sotto/opfs.js";
import { RangeSet } from "../../build/sotto/ranges.js";
import { Store, publicUrl } from "../../build/sotto/store.js";
import { MemoryCaches, MemoryDirectory } from "./memory-storage.mjs";

const URL = "https://example.org/model.gguf";
const REMOTE = { totalBytes: 1 << 20, validator: '"one"' };

// A small generator of numbers, so that a failure can be repeated.
function randomOf(seed) {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const valueAt = (offset, version) => (offset * 31 + (offset >> 8) + version * 7) & 255;

function bytesAt(offset, length, version) {
  return Uint8Array.from({ length }, (_, i) => valueAt(offset + i, version));
}

const STORAGES = {
  opfs: { makeDisk: () => new MemoryDirectory(), makeFolder: (disk) => new OpfsFolder(disk) },
  cache: { makeDisk: () => new MemoryCaches(), makeFolder: (disk) => new CacheFolder(disk) },
};

async function readAll(kept, begin, end) {
  const bytes = new Uint8Array(end - begin);
  for (let at = begin; at < end; ) {
    const n = await kept.read(at, bytes.subarray(at - begin));
    assert.ok(n > 0, `nothing is at ${at}`);
    at += n;
  }
  return bytes;
}

// Every byte that the map names is the file's, of the version that the map names.
async function assertTrue(folder, url) {
  const kept = await new Store(folder).open(url);
  const version = Number(kept.validator ?? 0);
  for (const [begin, end] of kept.ranges.ranges) {
    const expected = bytesAt(begin, end - begin, version);
    assert.deepEqual(await readAll(kept, begin, end), expected, `${begin} to ${end} of version ${version}`);
  }
  return kept;
}

for (const [storage, { makeDisk, makeFolder }] of Object.entries(STORAGES)) {
  test(`${storage}: 500 crashes at any moment: the map never names a byte that is not there`, async () => {
    let survivors = 0;
    const url = `${URL}?${storage}`;
    for (let seed = 1; seed <= 500; seed++) survivors += await crashOnce(url, makeDisk(), makeFolder, randomOf(seed));
    assert.ok(survivors > 100, `only ${survivors} had anything left`);
  });

  test(`${storage}: a file that was closed is found in the list, whole, and can be deleted`, async () => {
    const folder = makeFolder(makeDisk());
    const [key, half] = await Promise.all(["a", "b"].map((name) => keepSome(folder, name)));
    const sizes = (await folder.list()).map(({ url, bytes, totalBytes }) => [url, bytes, totalBytes]);
    assert.deepEqual(sizes.sort(), [[`${URL}?a`, 3000, 3000], [`${URL}?b`, 1500, 3000]]);
    const file = await folder.readWhole(key);
    assert.deepEqual(new Uint8Array(await file.arrayBuffer()), bytesAt(0, 3000, 1));
    assert.equal(await folder.readWhole(half), undefined);
    await folder.remove(key);
    await folder.remove(key);
    assert.equal(await folder.readWhole(key), undefined);
    assert.deepEqual((await folder.list()).map(({ url }) => url), [`${URL}?b`]);
  });

  test(`${storage}: what cannot be deleted is not read again as another version's`, async () => {
    const disk = makeDisk();
    const folder = makeFolder(disk);
    await keepSome(folder, "a");
    const kept = await new Store(folder).open(`${URL}?a`);
    disk.isReadOnly = true;
    await kept.clear();
    assert.equal(kept.problem.code, "STORAGE_REFUSED");
    assert.equal(kept.ranges.bytes, 0);
    await kept.write(0, bytesAt(0, 100, 2));
    await kept.close({ totalBytes: 3000, validator: "2" });
    const again = await new Store(folder).open(`${URL}?a`);
    assert.deepEqual([again.validator, again.ranges.bytes], ["1", 3000], "as it was");
    await again.close(REMOTE);
  });
}

// Keeps 3000 bytes of `${URL}?${name}`, of b half of them; returns the key, which is the only one that is new.
async function keepSome(folder, name) {
  let key;
  const spy = { storage: folder.storage, open: (given) => folder.open(key = given) };
  const kept = await new Store(spy).open(`${URL}?${name}`);
  for (let at = 0; at < (name === "b" ? 1500 : 3000); at += 500) await kept.write(at, bytesAt(at, 500, 1));
  await kept.close({ totalBytes: 3000, validator: "1" });
  return key;
}

// Writes, saves and clears until the power fails. Returns whether anything was left.
async function crashOnce(url, disk, makeFolder, random) {
  let version = 1;
  const kept = await new Store(makeFolder(disk.forProcess())).open(url);
  disk.crashAfter(random(60), () => random(5) / 4);
  let hasSaved = false; // since the last clear
  for (let steps = random(40); steps > 0; steps--) {
    const offset = random(5000);
    const action = random(10);
    if (action < 6) await kept.write(offset, bytesAt(offset, 1 + random(700), version));
    else if (action < 9) {
      await kept.save({ totalBytes: 10_000, validator: String(version) });
      hasSaved ||= kept.ranges.bytes > 0 && disk.crashes === 0;
    } else if (random(4) === 0) {
      hasSaved &&= disk.crashes > 0;
      await kept.clear();
      version++;
    }
  }
  disk.crash(() => random(5) / 4);
  await kept.close(REMOTE); // gives the lock back; the dead write nothing
  const after = await assertTrue(makeFolder(disk), url);
  assert.ok(after.ranges.bytes > 0 || !hasSaved, "what was saved is found");
  const isLeft = after.ranges.bytes > 0;
  await after.close(REMOTE);
  return isLeft;
}

test("a map of very many ranges forgets the shortest", async () => {
  const folder = new OpfsFolder(new MemoryDirectory());
  const kept = await new Store(folder).open(`${URL}?ranges`);
  for (let i = 0; i < 2000; i++) await kept.write(i * 100, new Uint8Array(i < 10 ? 50 : 3));
  await kept.close(REMOTE);
  const again = await new Store(folder).open(`${URL}?ranges`);
  assert.ok(again.ranges.ranges.length > 1000 && again.ranges.ranges.length < 2000);
  for (let i = 0; i < 10; i++) assert.ok(again.ranges.has(i * 100, i * 100 + 50));
  await again.close(REMOTE);
});

test("a piece that the browser has lost is fetched again, not read", async () => {
  const caches = new MemoryCaches();
  const folder = new CacheFolder(caches);
  await keepSome(folder, "a");
  const cache = await caches.open((await caches.keys())[0]);
  await cache.put((await cache.keys()).find(({ url }) => url.endsWith("/500-1000")).url, new Response("short"));
  const kept = await new Store(folder).open(`${URL}?a`);
  assert.equal(await kept.read(600, new Uint8Array(100)), 0);
  assert.deepEqual(kept.ranges.ranges, [[0, 500], [1000, 3000]]);
  await kept.close(REMOTE);
  assert.equal((await folder.list())[0].bytes, 2500);
});

test("a record that is lost while a newer one is written, as in WebKit, leaves the one before", async () => {
  const caches = new MemoryCaches();
  const folder = new CacheFolder(caches);
  await keepSome(folder, "a");
  for (let i = 0; i < 2; i++) await (await new Store(folder).open(`${URL}?a`)).close(REMOTE);
  const cache = await caches.open((await caches.keys())[0]);
  const records = (await cache.keys()).map(({ url }) => url).filter((url) => /record/.test(url));
  assert.equal(records.length, 2);
  for (const record of records) {
    const response = await cache.match(record);
    await cache.delete(record);
    const [{ totalBytes, bytes }] = await folder.list();
    assert.deepEqual([totalBytes, bytes], [REMOTE.totalBytes, 3000]);
    await cache.put(record, response);
  }
});

const PERSISTENCE = {
  "Chromium, which decides by itself": { userAgentData: {}, state: "prompt", asked: [1, 1] },
  "Firefox, which would ask the person": { state: "prompt", asked: [0, 1] },
  "Firefox, when the person has agreed": { state: "granted", asked: [1, 1] },
  "a browser that does not know the permission": { state: undefined, asked: [1, 1] },
};

for (const [browser, { userAgentData, state, asked }] of Object.entries(PERSISTENCE)) {
  test(`the person is not asked without being told to: ${browser}`, async (context) => {
    let nAsked = 0;
    const query = async () => (state ? { state } : Promise.reject(new TypeError("no such permission")));
    const storage = { persist: async () => void nAsked++ };
    context.mock.getter(globalThis, "navigator", () => ({ userAgentData, storage, permissions: { query } }));
    const { askToPersist } = await import(`../../build/sotto/store.js?${encodeURIComponent(browser)}`);
    for (const mayPrompt of [false, true]) {
      await askToPersist(mayPrompt);
      assert.equal(nAsked, asked[Number(mayPrompt)]);
    }
    await askToPersist(true);
    assert.equal(nAsked, 1, "once");
  });
}

test("an import asks for persistence as a load does", async (context) => {
  let nAsked = 0;
  const storage = { persist: async () => void nAsked++ };
  const permissions = { query: async () => ({ state: "prompt" }) };
  context.mock.getter(globalThis, "navigator", () => ({ storage, permissions }));
  for (const [persist, expected] of [[undefined, 0], [false, 0], [true, 1]]) {
    await assert.rejects(importFile(new Blob(["GGUF"]), { persist }), { code: "STORAGE_REFUSED" }); // Node has none
    assert.equal(nAsked, expected);
  }
});

test("what looks like a secret is not part of a file's name", () => {
  const secret = "token=abc&X-Amz-Signature=1&X-Amz-Date=2&sig=3&Expires=4#part";
  const [, rest] = URL.split("//");
  assert.equal(publicUrl(`https://me:word@${rest}?download=true&${secret}`), `${URL}?download=true`);
  assert.equal(publicUrl(`${URL}?file=a.gguf&design=2`), `${URL}?file=a.gguf&design=2`);
});

test("two files are two", async () => {
  const store = new Store(new OpfsFolder(new MemoryDirectory()));
  const one = await store.open(`${URL}?file=1`);
  await one.write(0, new Uint8Array(10));
  const two = await store.open(`${URL}?file=2`);
  assert.equal(two.ranges.bytes, 0);
  await one.close(REMOTE);
  await two.close(REMOTE);
});

test("storage that fails is STORAGE_REFUSED", async () => {
  const folder = { open: () => Promise.reject(new Error("refused")) };
  await assert.rejects(new Store(folder).open(`${URL}?refused`), { code: "STORAGE_REFUSED", message: /refused.*settings/ });
  await assert.rejects(new Store(folder).open(`${URL}?refused`), { code: "STORAGE_REFUSED" }, "its lock is given back");
  await assert.rejects(new Store(undefined).open(URL), { code: "STORAGE_REFUSED" });
});

test("sets of ranges against a list of bytes", () => {
  const random = randomOf(1);
  for (let round = 0; round < 200; round++) {
    const set = new RangeSet();
    const bytes = new Array(60).fill(false);
    for (let steps = random(12); steps > 0; steps--) {
      const begin = random(60);
      const end = begin + random(60 - begin);
      set.add(begin, end);
      bytes.fill(true, begin, end);
    }
    const list = ([from, to]) => Array.from({ length: to - from }, (_, i) => from + i);
    const listed = (ranges) => [...ranges].flatMap(list);
    const [begin, end] = [random(30), 30 + random(30)];
    const within = bytes.map((has, i) => [has, i]).slice(begin, end);
    assert.deepEqual(listed(set.parts(begin, end)), within.filter(([has]) => has).map(([, i]) => i));
    assert.deepEqual(listed(set.gaps(begin, end)), within.filter(([has]) => !has).map(([, i]) => i));
    assert.equal(set.bytes, bytes.filter(Boolean).length);
    assert.ok(set.ranges.slice(1).every(([from], i) => set.ranges[i][1] < from), "sorted, and apart");
  }
});
