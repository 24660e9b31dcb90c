// compute-worker.js: the thread with the engine: answers the requests of protocol.js. The same file is a helper thread.
import { bench } from "./bench.js";
import { Chat } from "./chat.js";
import { embedAll, rerankAll } from "./embeddings.js";
import { Breath, Engine } from "./engine.js";
import { errorToMessage } from "./errors.js";
import { generate } from "./generate.js";
import { inspect, readHeader } from "./inspect.js";
import { compile, listen, parent } from "./platform.js";
import { receiveChunks } from "./protocol.js";
import { survey } from "./survey.js";
import { runHelper } from "./threads.js";

let engine;
let chat;
const running = new Map(); // request id -> AbortController

const onHelpers = (helpers) => parent.postMessage({ helpers });

const methods = {
  async load({ port, url, ...options }, { onEvent }) {
    const onProgress = (progress) => onEvent({ progress });
    engine = await Engine.open(await compile(url), receiveChunks(port), { ...options, onHelpers, onProgress });
    chat = new Chat(engine);
    onEvent({ opened: describe() });
    await engine.ready;
  },

  // Nothing is computed, so nothing is timed to choose the kernels.
  inspect: async ({ port, url, ...options }) =>
    inspect(await readHeader(await compile(url), receiveChunks(port), { ...options, level: "best" })),

  survey: ({ port, url, ...options }) => survey(url, receiveChunks(port), { ...options, onHelpers }),

  tokenize: ({ text, options }) => engine.tokenize(text, options),

  detokenize: ({ tokens, options }) => engine.detokenize(tokens, options),

  async logits({ tokens, all }, { signal }) {
    const rows = new Float32Array((all ? tokens.length : 1) * engine.nVocab);
    let at = 0;
    await engine.eachLogits(tokens, { all, breath: new Breath(signal) }, (_, row) => {
      rows.set(row, at);
      at += row.length;
    });
    return rows;
  },

  embed: ({ inputs, pooling }, { signal }) => embedAll(engine, inputs, { pooling, signal }),

  rerank: ({ query, documents }, { signal }) => rerankAll(engine, query, documents, { signal }),

  async bench({ plan }, { signal }) {
    const breath = new Breath(signal);
    await engine.whole(breath);
    return bench(engine, plan, () => breath.take());
  },

  async generate({ conversation, prompt, request }, { signal, onEvent }) {
    const transcript = conversation ? chat.prompt(conversation) : { text: "", tokens: promptTokens(prompt) };
    const splitter = conversation && chat.splitter(transcript.text);
    const onToken = splitter ? (event) => onEvent({ ...event, ...splitter.split(event) }) : onEvent;
    const result = await generate(engine, [...transcript.tokens], request, {
      signal, transcript, onStart: (start) => onEvent({ start }), onToken,
    });
    const rest = splitter?.flush();
    if (rest?.thought || rest?.text) onEvent(rest);
    return result;
  },
};

function promptTokens(prompt) {
  return typeof prompt === "string" ? engine.tokenize(prompt, { special: true, bos: true }) : [...prompt];
}

function describe() {
  const { header, info, options } = engine;
  return { ...info, n_ctx: engine.nCtx, n_threads: options.nThreads, memory_bytes: engine.memoryBytes,
    name: header.find("general.name"), architecture: header.find("general.architecture"),
    has_chat_template: header.find("tokenizer.chat_template") !== undefined, file_bytes: header.fileBytes };
}

async function answer({ id, method, params }) {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const onEvent = (event) => parent.postMessage({ id, event });
    const result = await methods[method](params, { signal: controller.signal, onEvent });
    parent.postMessage({ id, result }, result instanceof Float32Array ? [result.buffer] : []);
  } catch (error) {
    parent.postMessage({ id, error: errorToMessage(error) });
  } finally {
    running.delete(id);
  }
}

listen(parent, (message) => {
  if (message.helper) runHelper(message.helper);
  else if (message.abort !== undefined) running.get(message.abort)?.abort();
  else answer(message);
});
