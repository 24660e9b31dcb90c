// reading.test.mjs: kernels read weights in the way in which, by the clock, tokens come fastest.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PACKAGE } from "./support.mjs";

const { Reading } = await import(new URL("reading.js", PACKAGE));

const N_TOKENS = 19; // a token is over when the next one begins: six in each of three ways
const PROMPT_MS = 20;

// Tokens that take so many milliseconds in each way, and a prompt now and then. Returns all that the kernels were told.
function decode(milliseconds, { promptEvery = Infinity, nTokens = N_TOKENS } = {}) {
  const told = [];
  const reading = new Reading({ sotto_set_reading: (way) => told.push(way) });
  const compute = (n) => {
    reading.next(n);
    const end = performance.now() + (n === 1 ? milliseconds[told.at(-1) ?? 0] : PROMPT_MS);
    while (performance.now() < end);
  };
  for (let i = 0; i < nTokens; i++) {
    if (i % promptEvery === promptEvery - 1) compute(7);
    compute(1);
  }
  return told;
}

test("the fastest way is taken, after six tokens in each", () => {
  assert.equal(decode([1, 2, 2]).at(-1), 0);
  assert.equal(decode([2, 1, 2]).at(-1), 1);
  assert.equal(decode([2, 2, 1]).at(-1), 2);
  assert.equal(decode([2, 2, 1]).length, N_TOKENS);
  assert.equal(decode([2, 2, 1], { nTokens: 2 * N_TOKENS }).length, N_TOKENS, "and then it stays");
});

test("a prompt is not measured, nor what lies before it", () => {
  const told = decode([2, 2, 1], { promptEvery: 3, nTokens: 20 }); // two tokens, then six times three
  assert.equal(told.length, 1 + 6 * 2);
  assert.equal(decode([2, 2, 1], { promptEvery: 3, nTokens: 30 }).at(-1), 2);
});
