// What the package must do in every engine. The same module runs in a page (page.js) and in Node (in-node.mjs);
// each case throws where it finds something wrong, and what it returns is compared between engines by run.mjs.

const N_CTX = 2048;
const MESSAGES = [{ role: "user", content: "Write one sentence about the sea." }];
const SAMPLED = { messages: MESSAGES, temperature: 0.8, seed: 7, max_tokens: 24 };
const SHORT = { messages: MESSAGES, temperature: 0, max_tokens: 6 };
const STRINGS = ["", "Hello, world!", " two  spaces\n\ttab", "naïve café ☕ 日本語 🙂", "don't 123 456789 x^2"];

/** @typedef {{load: Function, modelUrl: string, model?: object}} Context model: what "load by URL" has opened */

export const cases = {
  "load by URL": async (context) => {
    const progress = [];
    const { load, modelUrl } = context;
    context.model = await load(modelUrl, { nCtx: N_CTX, onProgress: (event) => progress.push(event) });
    const { loadedBytes, totalBytes } = progress.at(-1);
    check(loadedBytes === totalBytes && totalBytes > 0, `the last progress report is ${loadedBytes} of ${totalBytes}`);
    const { nCtx, canTokenize, level, nThreads } = context.model.info;
    check(nCtx === N_CTX && canTokenize, `info tells nCtx ${nCtx}, canTokenize ${canTokenize}`);
    return { level, nThreads, isolated: globalThis.crossOriginIsolated ?? true };
  },

  "sampled text": async ({ model }) => {
    const stream = await model.chat.completions.create({ ...SAMPLED, stream: true });
    let text = "";
    let usage;
    for await (const chunk of stream) {
      text += chunk.choices[0].delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    check(text.length > 0, "the answer is empty");
    check(usage.completion_tokens > 0 && usage.prompt_tokens > 0, `usage is ${JSON.stringify(usage)}`);
    return text;
  },

  "whole text is the streamed text": async ({ model }) => {
    const { choices } = await model.chat.completions.create(SAMPLED);
    return choices[0].message.content;
  },

  "tokenise round trip": async ({ model }) => {
    const ids = [];
    for (const text of STRINGS) {
      const tokens = Array.from(await model.tokenize(text));
      const back = await model.detokenize(tokens);
      check(back === text, `${JSON.stringify(text)} came back as ${JSON.stringify(back)}`);
      ids.push(tokens);
    }
    return ids;
  },

  "abort inside prefill": async ({ model }) => {
    const before = await greedy(model);
    const controller = new AbortController();
    const content = "The tide comes in and the tide goes out. ".repeat(150);
    const stream = await model.chat.completions.create({
      messages: [{ role: "user", content }], max_tokens: 4, stream: true, signal: controller.signal,
    });
    let seen = "";
    await rejects("ABORTED", async () => {
      for await (const chunk of stream) {
        controller.abort(); // the first chunk names the role: the prompt has been accepted, not computed
        seen += chunk.choices[0].delta.content ?? "";
      }
    });
    check(seen === "", `the prompt was computed to its end: ${JSON.stringify(seen)}`);
    const after = await greedy(model);
    check(after === before, `after the abort ${JSON.stringify(before)} became ${JSON.stringify(after)}`);
  },

  "two requests at once": async ({ model }) => {
    const alone = await greedy(model);
    const controller = new AbortController();
    const first = greedy(model);
    const refused = rejects("ABORTED", () => greedy(model, controller.signal));
    const second = greedy(model);
    controller.abort();
    await refused;
    const both = await Promise.all([first, second]);
    check(both[0] === alone && both[1] === alone, `${JSON.stringify(alone)} became ${JSON.stringify(both)}`);
    return alone;
  },

  "prompt longer than the context": async ({ model }) => {
    const messages = [{ role: "user", content: "word ".repeat(N_CTX + 100) }];
    await rejects("CONTEXT_FULL", () => model.chat.completions.create({ messages, max_tokens: 4 }));
    return greedy(model);
  },

  "close": async ({ model }) => {
    model.close();
    await rejects("CLOSED", () => greedy(model));
  },

  // Where memory cannot be shared the model has one thread all the same, and the text is the same.
  "two threads": async ({ load, modelUrl }) => {
    const model = await load(modelUrl, { nCtx: N_CTX, nThreads: 2 });
    const expected = (globalThis.crossOriginIsolated ?? true) && typeof SharedArrayBuffer === "function" ? 2 : 1;
    check(model.info.nThreads === expected, `${model.info.nThreads} threads instead of ${expected}`);
    try {
      const { choices } = await model.chat.completions.create(SAMPLED);
      return choices[0].message.content;
    } finally {
      model.close();
    }
  },

  "load by File": async ({ load, modelUrl }) => {
    const bytes = await (await fetch(modelUrl)).blob();
    const model = await load(new File([bytes], "model.gguf"), { nCtx: N_CTX });
    try {
      return await greedy(model);
    } finally {
      model.close();
    }
  },

  "what is no model, then one that is": async ({ load, modelUrl }) => {
    const pdf = new File(["%PDF-1.7\n%âãÏÓ\n1 0 obj\n<< /Type /Catalog >>\n", new Uint8Array(5000)], "holiday.gguf");
    await rejects("NOT_GGUF", () => load(pdf));
    await rejects("NOT_FOUND", () => load(`${modelUrl}.missing`));
    const start = (await (await fetch(modelUrl)).blob()).slice(0, 4_000_000);
    await rejects("TRUNCATED", () => load(new File([start], "half.gguf")));
    await rejects("OUT_OF_MEMORY", () => load(modelUrl, { nCtx: 2_000_000 }));
    const model = await load(modelUrl, { nCtx: N_CTX });
    try {
      return await greedy(model);
    } finally {
      model.close();
    }
  },
};

/** One case's outcome as plain JSON: { value } or { error }. */
export async function runCase(context, name, given) {
  try {
    return { value: (await cases[name](context, given)) ?? null };
  } catch (error) {
    return { error: `${error.code ?? error.name}: ${error.message}\n${error.stack ?? ""}` };
  }
}

async function greedy(model, signal) {
  const { choices } = await model.chat.completions.create({ ...SHORT, signal });
  return choices[0].message.content;
}

async function rejects(code, run) {
  let error;
  try {
    await run();
  } catch (thrown) {
    error = thrown;
  }
  check(error !== undefined, `${code} was expected, but it worked`);
  check(error.code === code, `${code} was expected, not ${error.code}: ${error.message}`);
  check(error.message.length > 20, `${code} says too little: ${error.message}`);
}

function check(isRight, message) {
  if (!isRight) throw new Error(message);
}
