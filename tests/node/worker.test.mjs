// worker.test.mjs: requests that wait, that are aborted, and workers that die: the caller gets a typed error, and the
// next call works.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { MODEL_PATH, MODEL_URL, PACKAGE, QUESTION, collect } from "./support.mjs";

const { load } = await import(new URL("index.js", PACKAGE));

const OPTIONS = { nCtx: 2048, nThreads: 1 };
const GREEDY = { prompt: "One, two, three,", temperature: 0, max_tokens: 4 };
const LONG = { prompt: Array(2000).fill(905), max_tokens: 4 };
const FAILING = { ...OPTIONS, workerUrl: new URL("fixtures/failing-worker.mjs", import.meta.url) };

let model;
let expected; // the answer to GREEDY
before(async () => {
  model = await load(MODEL_URL, OPTIONS);
  expected = await answer(model);
});
after(() => model.close());

async function answer(which, request = GREEDY) {
  return (await which.completions.create(request)).choices[0].text;
}

const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

test("requests are answered one after the other", async () => {
  const order = [];
  const note = (name) => (text) => {
    order.push(name);
    return text;
  };
  const texts = await Promise.all([
    answer(model, { ...GREEDY, max_tokens: 8 }).then(note("long")),
    answer(model).then(note("short")),
    answer(model, { ...GREEDY, max_tokens: 1 }).then(note("shortest")),
  ]);
  assert.deepEqual(order, ["long", "short", "shortest"]);
  assert.equal(texts[1], expected);
  assert.ok(texts[0].startsWith(expected));
});

test("a request that waits can be aborted, and holds nobody up", async () => {
  const controller = new AbortController();
  const first = answer(model);
  const second = answer(model, { ...GREEDY, signal: controller.signal });
  const third = answer(model);
  controller.abort("enough");
  await assert.rejects(second, { name: "SottoError", code: "ABORTED", cause: "enough" });
  assert.deepEqual(await Promise.all([first, third]), [expected, expected]);
});

test("a signal that is aborted already", async () => {
  await assert.rejects(answer(model, { ...GREEDY, signal: AbortSignal.abort() }), { code: "ABORTED" });
  await assert.rejects(load(MODEL_URL, { signal: AbortSignal.abort() }), { code: "ABORTED" });
  const stream = model.completions.create({ ...GREEDY, signal: AbortSignal.abort(), stream: true });
  await assert.rejects(stream, { code: "ABORTED" });
});

test("an abort works inside prefill", async () => {
  const controller = new AbortController();
  const stream = await model.completions.create({ ...LONG, stream: true, signal: controller.signal });
  controller.abort();
  const seen = [];
  await assert.rejects(async () => { for await (const chunk of stream) seen.push(chunk); }, { code: "ABORTED" });
  assert.deepEqual(seen, []);
  assert.equal(await answer(model), expected);
});

test("an abort works inside an answer, and leaves what was computed", async () => {
  const controller = new AbortController();
  const stream = await model.chat.completions.create({ ...QUESTION, stream: true, signal: controller.signal });
  let text = "";
  await assert.rejects(async () => {
    for await (const { choices: [{ delta }] } of stream) {
      text += delta.content;
      if (text) controller.abort();
    }
  }, { code: "ABORTED" });
  const messages = [...QUESTION.messages, { role: "assistant", content: text }, { role: "user", content: "Go on." }];
  const { usage } = await model.chat.completions.create({ messages, max_tokens: 1 });
  assert.ok(usage.prompt_tokens_details.cached_tokens > 20);
});

test("logits can be aborted", async () => {
  const controller = new AbortController();
  const logits = model.logits(LONG.prompt, { signal: controller.signal });
  setTimeout(() => controller.abort(), 30);
  await assert.rejects(logits, { code: "ABORTED" });
});

test("leaving the loop ends the computation", async () => {
  const stream = await model.completions.create({ ...GREEDY, max_tokens: 1000, stream: true });
  for await (const _ of stream) break;
  assert.equal(await answer(model), expected);
});

test("text can be tokenized while an answer is computed", async () => {
  const stream = await model.completions.create({ ...GREEDY, max_tokens: 40, stream: true });
  const tokens = await model.tokenize("Hello world");
  assert.deepEqual(tokens, [19556, 905]);
  const { chunks } = await collect(stream);
  assert.ok(chunks.length >= 40);
});

test("an abort ends the loading", async () => {
  const controller = new AbortController();
  let reports = 0;
  const loading = load(MODEL_URL, {
    ...OPTIONS, signal: controller.signal,
    onProgress: () => { if (++reports === 2) controller.abort(); },
  });
  await assert.rejects(loading, { code: "ABORTED" });
});

test("an abort of the loading cancels the caller's stream", async () => {
  const controller = new AbortController();
  let isCancelled = false;
  const stream = new ReadableStream({ cancel: () => { isCancelled = true; } }); // never gives a byte
  setTimeout(() => controller.abort(), 50);
  await assert.rejects(load(stream, { ...OPTIONS, signal: controller.signal }), { code: "ABORTED" });
  await delay(50);
  assert.ok(isCancelled);
});

for (const [fault, code] of [["trap", "TRAPPED"], ["die", "WORKER_DIED"]]) {
  test(`after a ${fault} the request fails with ${code}, and the next one works`, async () => {
    const failing = await load(MODEL_URL, FAILING);
    try {
      const waiting = [answer(failing, { ...GREEDY, prompt: `One, two ${fault}` }), answer(failing)];
      await assert.rejects(waiting[0], { name: "SottoError", code });
      assert.equal(await waiting[1], expected, "the request that waited is answered");
      assert.equal(await answer(failing), expected);
      assert.deepEqual(await failing.tokenize("Hello world"), [19556, 905]);
    } finally {
      failing.close();
    }
  });
}

test("a stream cannot be read twice, and the error says so", async () => {
  const failing = await load(new Blob([await readFile(MODEL_PATH)]).stream(), FAILING);
  await assert.rejects(answer(failing, { ...GREEDY, prompt: "die" }), { code: "WORKER_DIED" });
  await assert.rejects(answer(failing), { code: "WORKER_DIED", message: /load the model again/ });
  failing.close();
});

test("workers and modules that are not there", async () => {
  await assert.rejects(load(MODEL_URL, { workerUrl: "file:///nowhere.js" }), { code: "WORKER_DIED" });
  await assert.rejects(load(MODEL_URL, { ioWorkerUrl: "file:///nowhere.js" }), { code: "WORKER_DIED" });
  await assert.rejects(load(MODEL_URL, { wasmUrl: "file:///nowhere/" }), { code: "NOT_FOUND", message: /wasmUrl/ });
});

test("workers and modules elsewhere", async () => {
  const other = await load(MODEL_URL, {
    ...OPTIONS, wasmUrl: PACKAGE,
    workerUrl: new URL("compute-worker.js", PACKAGE), ioWorkerUrl: new URL("io-worker.js", PACKAGE),
  });
  assert.equal(await answer(other), expected);
  other.close();
});

test("two threads give the same answer", async () => {
  const other = await load(MODEL_URL, { ...OPTIONS, nThreads: 2 });
  assert.equal(other.info.nThreads, 2);
  assert.equal(await answer(other), expected);
  other.close();
});

test("close fails what is under way, and everything after", async () => {
  const other = await load(MODEL_URL, OPTIONS);
  const running = answer(other, LONG);
  const waiting = answer(other);
  setTimeout(() => other.close(), 20);
  await assert.rejects(running, { code: "CLOSED" });
  await assert.rejects(waiting, { code: "CLOSED" });
  await assert.rejects(other.tokenize("x"), { code: "CLOSED" });
  other.close();
});

test("an idle model does not keep Node alive, a busy one does", async () => {
  const script = `import { load } from ${JSON.stringify(new URL("index.js", PACKAGE).href)};
    const model = await load(${JSON.stringify(MODEL_URL)}, { nCtx: 256, nThreads: 2 });
    const { choices } = await model.completions.create(${JSON.stringify(GREEDY)});
    process.stdout.write(choices[0].text);`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (data) => { output += data; });
  const code = await new Promise((resolve) => child.on("exit", resolve));
  assert.equal(code, 0);
  assert.equal(output, expected);
});
