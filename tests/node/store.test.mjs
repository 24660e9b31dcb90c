// store.test.mjs: what is kept survives crashes without a lie, fits into its map, and holds no secret.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RangeSet } from "../../build/sotto/ranges.js";
import { Store, publicUrl } from "../../build/sotto/store.js";
import { MemoryFolder } from "./memory-folder.mjs";

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

// Every byte that the map names is the file's, of the version that the map names.
async function assertTrue(folder) {
  const kept = await new Store(folder).open(URL, () => {});
  const version = Number(kept.validator ?? 0);
  for (const [begin, end] of kept.ranges.ranges) {
    const bytes = new Uint8Array(end - begin);
    kept.read(begin, bytes);
    assert.deepEqual(bytes, bytesAt(begin, end - begin, version), `${begin} to ${end} of version ${version}`);
  }
  return kept;
}

test("500 crashes at any moment: the map never names a byte that is not there", async () => {
  let survivors = 0;
  for (let seed = 1; seed <= 500; seed++) {
    const random = randomOf(seed);
    const folder = new MemoryFolder();
    let version = 1;
    const kept = await new Store(folder).open(URL, () => {});
    folder.crashAfter(random(60), () => random(5) / 4);
    let hasSaved = false; // since the last clear
    for (let steps = random(40); steps > 0; steps--) {
      const offset = random(5000);
      const action = random(10);
      if (action < 6) kept.write(offset, bytesAt(offset, 1 + random(700), version));
      else if (action < 9) {
        kept.save({ totalBytes: 10_000, validator: String(version) });
        hasSaved ||= kept.ranges.bytes > 0 && folder.crashes === 0;
      } else if (random(4) === 0) {
        hasSaved &&= folder.crashes > 0;
        kept.clear();
        version++;
      }
    }
    folder.crash(() => random(5) / 4);
    kept.close(REMOTE); // gives the lock back; the dead write nothing
    const after = await assertTrue(folder);
    assert.ok(after.ranges.bytes > 0 || !hasSaved, "what was saved is found");
    survivors += after.ranges.bytes > 0;
    after.close(REMOTE);
  }
  assert.ok(survivors > 100, `only ${survivors} had anything left`);
});

test("a map of very many ranges forgets the shortest", async () => {
  const folder = new MemoryFolder();
  const kept = await new Store(folder).open(`${URL}?ranges`, () => {});
  for (let i = 0; i < 2000; i++) kept.write(i * 100, new Uint8Array(i < 10 ? 50 : 3));
  kept.close(REMOTE);
  const again = await new Store(folder).open(`${URL}?ranges`, () => {});
  assert.ok(again.ranges.ranges.length > 1000 && again.ranges.ranges.length < 2000);
  for (let i = 0; i < 10; i++) assert.ok(again.ranges.has(i * 100, i * 100 + 50));
  again.close(REMOTE);
});

test("what looks like a secret is not part of a file's name", () => {
  const secret = "token=abc&X-Amz-Signature=1&X-Amz-Date=2&sig=3&Expires=4#part";
  const [, rest] = URL.split("//");
  assert.equal(publicUrl(`https://me:word@${rest}?download=true&${secret}`), `${URL}?download=true`);
  assert.equal(publicUrl(`${URL}?file=a.gguf&design=2`), `${URL}?file=a.gguf&design=2`);
});

test("two files are two", async () => {
  const store = new Store(new MemoryFolder());
  const one = await store.open(`${URL}?file=1`, () => {});
  one.write(0, new Uint8Array(10));
  const two = await store.open(`${URL}?file=2`, () => {});
  assert.equal(two.ranges.bytes, 0);
  one.close(REMOTE);
  two.close(REMOTE);
});

test("where storage fails, there is no store", async () => {
  const folder = { open: () => Promise.reject(new Error("refused")) };
  assert.equal(await new Store(folder).open(`${URL}?refused`, () => {}), null);
  assert.equal(await new Store(folder).open(`${URL}?refused`, () => {}), null, "its lock is given back");
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
