// api.test.mjs: the public API on a real model: OpenAI's shapes, tokens, logits, sampling, limits, typed errors.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { MODEL_PATH, MODEL_URL, PACKAGE, QUESTION, collect } from "./support.mjs";

const { SottoError, forget, kept, keptFile, load } = await import(new URL("index.js", PACKAGE));

const GREEDY = { ...QUESTION, temperature: 0, max_tokens: 12 };
const COUNT = { prompt: "One, two, three,", temperature: 0 };

let model;
before(async () => { model = await load(MODEL_URL, { nCtx: 1024, nThreads: 1 }); });
after(() => model.close());

const chat = (request) => model.chat.completions.create(request);
const complete = (request) => model.completions.create(request);
const invalid = (pattern) => ({ name: "SottoError", code: "INVALID_ARGUMENT", message: pattern });

test("info tells of the model", () => {
  const { name, architecture, nCtx, nCtxTrain, nVocab, nLayers, nEmbd, fileBytes, memoryBytes, ...rest } = model.info;
  assert.deepEqual([architecture, nCtx, nCtxTrain, nVocab, nLayers, nEmbd], ["llama", 1024, 8192, 49152, 30, 576]);
  assert.equal(fileBytes, 98_362_432);
  assert.ok(memoryBytes > rest.weightBytes && memoryBytes < 2 * fileBytes, `${memoryBytes} bytes of memory`);
  assert.ok(name.length > 0 && rest.canTokenize && rest.hasChatTemplate);
});

test("without storage the model is in memory, and says so; what needs storage is STORAGE_REFUSED", async () => {
  const url = "https://example.org/model.gguf";
  assert.equal(model.info.storage, "memory");
  await assert.rejects(keptFile(url), { name: "SottoError", code: "STORAGE_REFUSED", message: /settings/ });
  assert.deepEqual(await kept(), []);
  await forget(url);
});

test("tokens and text", async () => {
  assert.deepEqual(await model.tokenize("Hello world"), [19556, 905]);
  assert.equal(await model.detokenize([19556, 905]), "Hello world");
  assert.deepEqual(await model.tokenize("<|im_end|>", { special: true }), [2]);
  assert.ok((await model.tokenize("<|im_end|>")).length > 1);
  assert.equal(await model.detokenize([2]), "");
  assert.equal(await model.detokenize([2], { special: true }), "<|im_end|>");
  for (const text of ["", "naïve ☕ 日本語 🙂", "\ufeffa b\r\n\0c"]) {
    assert.equal(await model.detokenize(await model.tokenize(text)), text);
  }
});

test("a chat completion has OpenAI's shape", async () => {
  const { id, created, usage, ...rest } = await chat({ ...GREEDY, model: "any", max_tokens: 4 });
  const [{ message, ...choice }] = rest.choices;
  assert.match(id, /^chatcmpl-/);
  assert.ok(Math.abs(created - Date.now() / 1000) < 60);
  assert.equal(rest.object, "chat.completion");
  assert.equal(rest.model, "any");
  assert.equal(message.role, "assistant");
  assert.ok(message.content.length > 0);
  assert.deepEqual(choice, { index: 0, finish_reason: "length", logprobs: null });
  assert.equal(usage.completion_tokens, 4);
  assert.equal(usage.total_tokens, usage.prompt_tokens + 4);
});

test("a stream has the same text, then the reason and the usage", async () => {
  const whole = await chat(GREEDY);
  const { text, chunks } = await collect(await chat({ ...GREEDY, stream: true }));
  assert.equal(text, whole.choices[0].message.content);
  assert.deepEqual(chunks[0].choices[0].delta, { role: "assistant", content: "" });
  assert.ok(chunks.every(({ object, id }) => object === "chat.completion.chunk" && id === chunks[0].id));
  assert.ok(chunks.slice(0, -1).every(({ choices }) => choices[0].finish_reason === null));
  assert.equal(chunks.at(-1).choices[0].finish_reason, whole.choices[0].finish_reason);
  assert.equal(chunks.at(-1).usage.completion_tokens, whole.usage.completion_tokens);
  assert.ok(chunks.length > whole.usage.completion_tokens, "one chunk a token");
});

test("a stream is a ReadableStream, too", async () => {
  const stream = (await chat({ ...GREEDY, max_tokens: 2, stream: true })).toReadableStream();
  const { value } = await stream.getReader().read();
  assert.equal(value.choices[0].delta.role, "assistant");
});

test("the answer ends where the model ends it", async () => {
  const { choices, usage } = await chat({ ...QUESTION, temperature: 0, max_tokens: 200 });
  assert.equal(choices[0].finish_reason, "stop");
  assert.match(choices[0].message.content, /Paris/);
  assert.ok(usage.completion_tokens < 200);
});

test("a stop string ends the answer and is not part of it", async () => {
  const whole = (await complete({ ...COUNT, max_tokens: 24 })).choices[0].text;
  const stop = whole.slice(9, 13);
  const { text, finish_reason } = (await complete({ ...COUNT, max_tokens: 24, stop })).choices[0];
  assert.equal(text, whole.slice(0, whole.indexOf(stop)));
  assert.equal(finish_reason, "stop");
});

test("a stop token ends the answer", async () => {
  const [first, second] = await greedyTokens(COUNT.prompt, 2);
  const { choices, usage } = await complete({ ...COUNT, max_tokens: 9, stop_token_ids: [second] });
  assert.equal(choices[0].text, await model.detokenize([first]));
  assert.equal(choices[0].finish_reason, "stop");
  assert.equal(usage.completion_tokens, 1);
});

// By logits alone, apart from the sampler.
async function greedyTokens(prompt, count) {
  const tokens = await model.tokenize(prompt, { bos: true });
  for (let i = 0; i < count; i++) {
    const logits = await model.logits(tokens);
    tokens.push(logits.indexOf(Math.max(...logits)));
  }
  return tokens.slice(-count);
}

test("temperature 0 takes the most likely token", async () => {
  const tokens = await greedyTokens("The capital of France is", 5);
  const { choices } = await complete({ prompt: "The capital of France is", temperature: 0, max_tokens: 5 });
  assert.equal(choices[0].text, await model.detokenize(tokens));
});

test("the same seed gives the same answer, another one another", async () => {
  const request = { ...QUESTION, temperature: 1.5, max_tokens: 16 };
  const sample = async (seed) => (await chat({ ...request, seed })).choices[0].message.content;
  const first = await sample(1);
  assert.equal(await sample(1), first);
  const others = await Promise.all([2, 3, 4].map(sample));
  assert.ok(others.some((text) => text !== first));
});

test("a logit bias forbids and forces", async () => {
  const [best] = await greedyTokens("The capital of France is", 1);
  const one = { prompt: "The capital of France is", temperature: 0, max_tokens: 1 };
  const forbidden = await complete({ ...one, logit_bias: { [best]: -Infinity } });
  assert.notEqual(forbidden.choices[0].text, await model.detokenize([best]));
  const forced = await complete({ ...one, logit_bias: { 905: 1000 } });
  assert.equal(forced.choices[0].text, " world");
});

test("logprobs of a chat are those of the raw logits", async () => {
  const prompt = "The capital of France is";
  const { choices: [{ logprobs }] } = await complete({ prompt, temperature: 0, max_tokens: 2, logprobs: 3 });
  const logits = await model.logits(await model.tokenize(prompt, { bos: true }));
  const normalizer = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
  assert.ok(Math.abs(logprobs.token_logprobs[0] - (Math.max(...logits) - normalizer)) < 1e-4);
  assert.equal(Object.keys(logprobs.top_logprobs[0]).length, 3);
  assert.equal(Object.keys(logprobs.top_logprobs[0])[0], logprobs.tokens[0]);
  assert.deepEqual(logprobs.text_offset, [0, logprobs.tokens[0].length]);

  const { choices } = await chat({ ...GREEDY, max_tokens: 2, logprobs: true, top_logprobs: 2 });
  const { content } = choices[0].logprobs;
  assert.equal(content.length, 2);
  const [{ token, bytes, logprob, top_logprobs }] = content;
  assert.equal(Buffer.from(bytes).toString(), token);
  assert.equal(top_logprobs.length, 2);
  assert.deepEqual(top_logprobs[0], { token, bytes, logprob });
  assert.ok(top_logprobs[1].logprob < logprob && logprob < 0);
});

test("a second turn computes only what is new", async () => {
  const messages = [{ role: "user", content: "Name a colour." }];
  const { choices: [{ message }], usage } = await chat({ ...GREEDY, messages });
  messages.push(message, { role: "user", content: "And another." });
  const next = await chat({ ...GREEDY, messages });
  const cached = next.usage.prompt_tokens_details.cached_tokens;
  assert.ok(cached >= usage.total_tokens - 1, `${cached} of ${usage.total_tokens} tokens were kept`);
});

test("reuse does not change the answer", async () => {
  const turn = [{ role: "user", content: "Name a colour." }, { role: "assistant", content: "Red." }];
  const messages = [...turn, ...QUESTION.messages];
  const warm = await chat({ ...GREEDY, messages });
  await complete({ prompt: "Something else", max_tokens: 1 });
  const cold = await chat({ ...GREEDY, messages });
  assert.equal(cold.choices[0].message.content, warm.choices[0].message.content);
});

test("logits of all positions are those of each prefix, bit by bit", async () => {
  const tokens = await model.tokenize("The quick brown fox jumps over the lazy dog.");
  const rows = await model.logits(tokens, { all: true });
  const { nVocab } = model.info;
  assert.equal(rows.length, tokens.length * nVocab);
  for (const n of [1, 4, tokens.length]) {
    const last = await model.logits(tokens.slice(0, n));
    assert.deepEqual(Buffer.from(last.buffer), Buffer.from(rows.slice((n - 1) * nVocab, n * nVocab).buffer));
  }
});

test("level and batch do not change a bit", async () => {
  const tokens = await model.tokenize("The quick brown fox jumps over the lazy dog. ".repeat(3));
  const expected = await model.logits(tokens);
  for (const options of [{ level: "scalar", nBatch: 7 }, { level: "simd128", nBatch: 1 }, { level: "dot" }, { level: "relaxed", nThreads: 2 }]) {
    const other = await load(MODEL_URL, { nCtx: 256, nThreads: 1, ...options });
    const logits = await other.logits(tokens);
    assert.equal(other.info.level, options.level);
    assert.equal(other.info.nThreads, options.nThreads ?? 1);
    other.close();
    assert.deepEqual(Buffer.from(logits.buffer), Buffer.from(expected.buffer), JSON.stringify(options));
  }
});

test("a prompt longer than the context says so in numbers, before it is computed", async () => {
  const prompt = Array(1025).fill(905);
  await assert.rejects(complete({ prompt }), { code: "CONTEXT_FULL", message: /1025 tokens .* context of 1024/ });
  await assert.rejects(complete({ prompt, stream: true }), { code: "CONTEXT_FULL" });
  await assert.rejects(model.logits(prompt, { all: true }), { code: "CONTEXT_FULL" });
});

test("an answer that fills the context ends with length", async () => {
  const { choices, usage } = await complete({ prompt: Array(1020).fill(905), logit_bias: { 905: 1000 } });
  assert.equal(choices[0].finish_reason, "length");
  assert.equal(usage.total_tokens, 1025, "the last token needs no place: nothing follows it");
});

test("an empty prompt is refused", async () => {
  await assert.rejects(complete({ prompt: "" }), invalid(/empty/));
  await assert.rejects(complete({ prompt: [] }), invalid(/empty/));
});

test("bench measures, and can be aborted", async () => {
  const { prefill, decode } = await model.bench({ prompt: 16, new: 4, runs: 2 });
  for (const { min, median, max } of [prefill, decode]) assert.ok(min > 0 && min <= median && median <= max);
  await assert.rejects(model.bench({ prompt: 5000 }), { code: "CONTEXT_FULL" });
  const controller = new AbortController();
  const aborted = assert.rejects(model.bench({ signal: controller.signal }), { code: "ABORTED" });
  controller.abort();
  await aborted;
});

test("options that are unknown or wrong are named", async () => {
  await assert.rejects(chat({ ...QUESTION, tempreature: 1 }), invalid(/unknown option tempreature/));
  await assert.rejects(chat({ ...QUESTION, temperature: "hot" }), invalid(/temperature must be a number/));
  await assert.rejects(chat({ ...QUESTION, max_tokens: 0 }), invalid(/max_tokens must be a whole number from 1/));
  await assert.rejects(chat({}), invalid(/messages must be/));
  const picture = { role: "user", content: [{ type: "image_url" }] };
  await assert.rejects(chat({ messages: [picture] }), invalid(/content is text/));
  await assert.rejects(complete({ prompt: [1.5] }), invalid(/prompt must be/));
  await assert.rejects(complete({ prompt: [5, 49152] }), invalid(/49152/));
  await assert.rejects(model.tokenize(5), invalid(/text must be a string/));
  await assert.rejects(model.detokenize([49152]), invalid(/49152/));
  await assert.rejects(load(MODEL_URL, { nctx: 5 }), invalid(/unknown option nctx/));
  await assert.rejects(load("model.gguf"), invalid(/pathToFileURL/));
  await assert.rejects(load(42), invalid(/source must be/));
  await assert.doesNotReject(chat({ ...GREEDY, max_tokens: 1, stop: null, seed: undefined }));
});

test("every kind of source gives the same model", async () => {
  const bytes = await readFile(MODEL_PATH);
  const expected = (await chat({ ...GREEDY, max_tokens: 4 })).choices[0].message.content;
  for (const source of [bytes, new Blob([bytes]), new Blob([bytes]).stream(), new URL(MODEL_URL)]) {
    const other = await load(source, { nCtx: 256, nThreads: 1 });
    const { choices } = await other.chat.completions.create({ ...GREEDY, max_tokens: 4 });
    other.close();
    assert.equal(choices[0].message.content, expected);
  }
});

test("what is no model is told by its code", async () => {
  const bytes = await readFile(MODEL_PATH);
  const cases = [
    [Buffer.from("%PDF-1.7\n".padEnd(5000, "x")), "NOT_GGUF"],
    [bytes.subarray(0, 100), "TRUNCATED"],
    [bytes.subarray(0, 1_500_000), "TRUNCATED"],
    [bytes.subarray(0, bytes.length - 1), "TRUNCATED"],
    [new Blob([bytes.subarray(0, 40_000_000)]).stream(), "TRUNCATED"],
    [new Uint8Array(), "TRUNCATED"],
    ["file:///nowhere.gguf", "NOT_FOUND"],
  ];
  for (const [source, code] of cases) {
    const error = await load(source).then(() => assert.fail(`${code} was expected`), (thrown) => thrown);
    assert.ok(error instanceof SottoError);
    assert.equal(error.code, code, error.message);
    assert.ok(error.message.length > 40, error.message);
  }
});

test("memory that cannot be had is OUT_OF_MEMORY", async () => {
  await assert.rejects(load(MODEL_URL, { nCtx: 2_000_000 }), { code: "OUT_OF_MEMORY" });
});

test("progress never goes back, and ends with everything", async () => {
  const reports = [];
  const other = await load(MODEL_URL, { nCtx: 64, onProgress: (progress) => reports.push(progress) });
  other.close();
  assert.ok(reports.length > 1); // a fast machine is done before the second is due
  assert.deepEqual(reports.at(-1), { phase: "ready", loadedBytes: 98_362_432, totalBytes: 98_362_432 });
  reports.reduce((before, { loadedBytes, totalBytes }) => {
    assert.ok(loadedBytes >= before && totalBytes === 98_362_432);
    return loadedBytes;
  }, 0);
});
