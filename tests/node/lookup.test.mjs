// lookup.test.mjs: guessed tokens: what is guessed, that they change no answer, and that they are used.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { MODEL_URL, PACKAGE } from "./support.mjs";

const { load } = await import(new URL("index.js", PACKAGE));
const { Lookup } = await import(new URL("lookup.js", PACKAGE));

test("what followed the last tokens before is guessed, after the longest run of them", () => {
  const lookup = new Lookup([1, 2, 3, 4, 5, 9, 2, 3, 7, 8, 6, 1, 2, 3]);
  assert.deepEqual(lookup.draft(), [4, 5, 9]); // 1 2 3 stood there before; 2 3 did later, too
  lookup.push(7);
  assert.deepEqual(lookup.draft(), [8, 6, 1]);
});

test("what never stood there before is not guessed", () => {
  const lookup = new Lookup([1, 2, 3, 4]);
  assert.deepEqual(lookup.draft(), []);
  assert.deepEqual(new Lookup([5]).draft(), []);
});

test("the latest place counts, and a guess ends with the text", () => {
  assert.deepEqual(new Lookup([1, 2, 3, 1, 2, 4, 1, 2]).draft(), [4, 1, 2]);
  assert.deepEqual(new Lookup([7, 7, 7]).draft(), [7]);
});

let model;
before(async () => { model = await load(MODEL_URL, { nCtx: 1024 }); });
after(() => model.close());

const TEXT = "Anna proposed to move the library to the old station. Ben worried about the cost of the roof. ".repeat(3);
const QUESTIONS = [`Repeat this text word by word:\n${TEXT}`, "Write a short story about a fox."];

async function answer(content, options) {
  const request = { messages: [{ role: "user", content }], max_tokens: 60, logprobs: true, ...options };
  const { choices: [choice], usage } = await model.chat.completions.create(request);
  return { text: choice.message.content, reason: choice.finish_reason, logprobs: choice.logprobs, usage };
}

for (const sampling of [{ temperature: 0 }, { temperature: 0.8, seed: 5, repeat_penalty: 1.1 }]) {
  test(`the same answer to the bit, ${JSON.stringify(sampling)}`, async () => {
    for (const question of QUESTIONS) {
      const plain = await answer(question, { ...sampling, lookup: false });
      const guessed = await answer(question, { ...sampling, lookup: true });
      assert.deepEqual({ ...guessed, usage: 0 }, { ...plain, usage: 0 });
      assert.deepEqual(plain.usage.completion_tokens_details, { accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 });
      assert.equal(guessed.usage.completion_tokens, plain.usage.completion_tokens);
    }
  });
}

test("an answer that quotes is guessed in part", async () => {
  const { usage } = await answer(QUESTIONS[0], { temperature: 0 });
  assert.ok(usage.completion_tokens_details.accepted_prediction_tokens > 5, JSON.stringify(usage));
});

test("guesses stop at the context's end", async () => {
  const prompt = "one two three four ".repeat(400);
  const tokens = (await model.tokenize(prompt)).slice(0, 1000);
  const [plain, guessed] = await Promise.all([false, true].map((lookup) =>
    model.completions.create({ prompt: tokens, temperature: 0, max_tokens: 100, lookup })));
  assert.equal(plain.choices[0].finish_reason, "length");
  assert.equal(guessed.choices[0].text, plain.choices[0].text);
  assert.equal(guessed.usage.completion_tokens, plain.usage.completion_tokens);
});
