// level.test.mjs: the level that is taken is the one whose kernels the clock calls faster.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PACKAGE } from "./support.mjs";

const { fastestLevel } = await import(new URL("level.js", PACKAGE));
const { LEVEL } = await import(new URL("abi.js", PACKAGE));

// An engine whose levels take so many milliseconds for 512 products.
const engine = (times) => ({
  sotto_level_try(level, nTimes) {
    if (!(level in times)) return 0;
    const end = performance.now() + times[level] * nTimes / 512;
    while (performance.now() < end);
    return 1;
  },
});

test("the faster dot is taken", () => {
  assert.equal(fastestLevel(engine({ [LEVEL.RELAXED]: 2, [LEVEL.DOT]: 1 })), LEVEL.DOT);
  assert.equal(fastestLevel(engine({ [LEVEL.RELAXED]: 1, [LEVEL.DOT]: 2 })), LEVEL.BEST);
});

test("where one of them is missing or fails its test, nothing is timed", () => {
  assert.equal(fastestLevel(engine({ [LEVEL.RELAXED]: 1 })), LEVEL.BEST);
  assert.equal(fastestLevel(engine({ [LEVEL.DOT]: 1 })), LEVEL.BEST);
});
