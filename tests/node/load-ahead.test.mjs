// load-ahead.test.mjs: kernels load ahead where the clock says that tokens come faster so.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PACKAGE } from "./support.mjs";

const { LoadAhead } = await import(new URL("load-ahead.js", PACKAGE));

const N_TOKENS = 17; // a token is over when the next one begins: eight in either way
const PROMPT_MS = 20;

// Tokens that take so many milliseconds without and with it, and a prompt now and then. Returns all that the kernels were told.
function decode(milliseconds, { promptEvery = Infinity, nTokens = N_TOKENS } = {}) {
  const told = [];
  const loadAhead = new LoadAhead({ sotto_load_ahead: (isOn) => told.push(Boolean(isOn)) });
  const compute = (n) => {
    loadAhead.next(n);
    const end = performance.now() + (n === 1 ? milliseconds[Number(told.at(-1) ?? false)] : PROMPT_MS);
    while (performance.now() < end);
  };
  for (let i = 0; i < nTokens; i++) {
    if (i % promptEvery === promptEvery - 1) compute(7);
    compute(1);
  }
  return told;
}

test("the faster way is taken, after eight tokens in either", () => {
  assert.equal(decode([2, 1]).at(-1), true);
  assert.equal(decode([1, 2]).at(-1), false);
  assert.equal(decode([2, 1]).length, N_TOKENS);
  assert.equal(decode([2, 1], { nTokens: 2 * N_TOKENS }).length, N_TOKENS, "and then it stays");
});

test("a prompt is not measured, nor what lies before it", () => {
  const told = decode([2, 1], { promptEvery: 3, nTokens: 20 }); // two tokens, then six times three
  assert.equal(told.length, 1 + 6 * 2);
  assert.equal(decode([2, 1], { promptEvery: 3, nTokens: 27 }).at(-1), true);
});
