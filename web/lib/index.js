// index.js: the public API: load() a model, then ask it in the shape of OpenAI's client.
import { BENCH_PLAN } from "./bench.js";
import { Client } from "./client.js";
import { embeddingsShape, rerankShape } from "./embeddings.js";
import { SottoError } from "./errors.js";
import { estimateModel } from "./estimate.js";
import { features } from "./features.js";
import { addressOf, importAs } from "./import.js";
import * as request from "./request.js";
import { ChatShape, CompletionStream, TextShape } from "./shapes.js";
import { partsOf } from "./split.js";
import { forgetKept, listKept, readKept } from "./store.js";

export { SottoError, features };

/** What this site keeps of model files: a list of { url, bytes, totalBytes, verified, lastUsed }. */
export function kept() {
  return listKept();
}

/** Deletes what is kept of a model file. */
export async function forget(url) {
  await Promise.all(partsOf(request.checkAddress(url)).map(forgetKept));
}

/** What a model would take of this device, from its file's header and a short computation. */
export async function estimate(url, options) {
  return estimateModel(partsOf(request.checkAddress(url)), request.checkEstimate(options));
}

/** What is kept of a URL as a File, for export; undefined unless all of it is there. */
export async function keptFile(url) {
  return readKept(request.checkAddress(url));
}

/** Keeps a file as what a URL gives, so that load(url) needs no network. Returns the URL. */
export async function importFile(file, options) {
  if (!(file instanceof Blob)) throw new SottoError("INVALID_ARGUMENT", "file must be a File or Blob");
  const { url = addressOf(file), ...rest } = request.checkImport(options);
  const address = request.checkAddress(url);
  await importAs(file, address, rest);
  return address;
}

/** Loads a GGUF file from a URL, a File or Blob, a ReadableStream or an ArrayBuffer. index.d.ts lists the options. */
export async function load(source, options) {
  const { signal, onProgress, early, ...rest } = request.checkLoad(options);
  const client = new Client(request.checkSource(source, rest), rest);
  const { opened, ready } = client.start({ signal, onProgress });
  const model = new Model(client, publicInfo(await opened, client), ready);
  if (!early) await ready;
  return model;
}

/** Reads a file's header alone and reports what it holds, what it needs, and what of it Sotto does not support. */
export async function inspect(source, options) {
  const { signal, ...rest } = request.checkInspect(options);
  return new Client(request.checkSource(source), { ...rest, keep: false, nThreads: 1 }).report("inspect", signal);
}

class Model {
  #client;

  constructor(client, info, ready) {
    this.#client = client;
    this.info = info;
    this.ready = ready;
    this.verified = ready.then(() => client.verified);
    this.verified.catch(() => {}); // whoever waits for it hears of it
    this.chat = { completions: { create: (given) => this.#createChat(given) } };
    this.completions = { create: (given) => this.#createCompletion(given) };
    this.embeddings = { create: (given) => this.#createEmbeddings(given) };
  }

  async tokenize(text, options) {
    return this.#client.call("tokenize", { text: request.checkText(text), options: request.checkTokenize(options) });
  }

  async detokenize(tokens, options) {
    const params = { tokens: request.checkTokens(tokens), options: request.checkDetokenize(options) };
    return this.#client.call("detokenize", params);
  }

  async logits(tokens, options) {
    const { all = false, signal } = request.checkLogits(options);
    return this.#client.compute("logits", { tokens: request.checkTokens(tokens), all }, { signal });
  }

  async bench(options) {
    const { signal, ...plan } = request.checkBench(options);
    return this.#client.compute("bench", { plan: { ...BENCH_PLAN, ...plan } }, { signal });
  }

  /** Scores documents for a query, by the model's classification head; the best first. */
  async rerank(given) {
    const { query, documents, top_n = documents.length, signal } = request.checkRerank(given);
    const { scores, nTokens } = await this.#client.compute("rerank", { query, documents }, { signal });
    return rerankShape(scores, top_n, nTokens);
  }

  close() {
    this.#client.close();
  }

  async #createEmbeddings(given) {
    const { input, pooling, signal, ...options } = request.checkEmbeddings(given);
    const { rows, nTokens } = await this.#client.compute("embed", { inputs: request.listOfInputs(input), pooling }, { signal });
    return embeddingsShape(rows, nTokens, { model: this.info.name, ...options });
  }

  async #createChat(given) {
    const options = request.checkChat(given);
    return this.#create(options, { conversation: request.conversation(options) }, new ChatShape(options.model ?? this.info.name));
  }

  async #createCompletion(given) {
    const options = request.checkCompletion(given);
    return this.#create(options, { prompt: options.prompt }, new TextShape(options.model ?? this.info.name));
  }

  #create(options, input, shape) {
    const params = { ...input, request: request.engineRequest(options) };
    return options.stream ? this.#stream(params, shape, options.signal) : this.#whole(params, shape, options.signal);
  }

  async #whole(params, shape, signal) {
    const events = [];
    const onEvent = (event) => event.start ?? events.push(event);
    const result = await this.#client.compute("generate", params, { signal, onEvent });
    return { ...shape.whole(events, result), verified: this.#client.isVerified };
  }

  // Resolves when the request's turn has come and its prompt is accepted; what fails before rejects.
  #stream(params, shape, signal) {
    const controller = new AbortController();
    const onAbort = () => controller.abort(signal.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort);
    return new Promise((resolve, reject) => {
      let chunks;
      const start = (queue) => (chunks = queue);
      const stream = new ReadableStream({ start, cancel: () => controller.abort() });
      const emit = (chunk) => {
        if (chunk && !controller.signal.aborted) chunks.enqueue({ ...chunk, verified: this.#client.isVerified });
      };
      const onEvent = (event) => {
        if (!event.start) return emit(shape.part(event));
        emit(shape.first());
        resolve(new CompletionStream(stream, controller));
      };
      this.#client.compute("generate", params, { signal: controller.signal, onEvent }).then((result) => {
        emit(shape.last(result));
        chunks.close();
      }).catch((error) => {
        reject(error); // of no effect once it has resolved
        chunks.error(error);
      }).finally(() => signal?.removeEventListener("abort", onAbort));
    });
  }
}

function publicInfo(info, client) {
  return {
    name: info.name ?? info.architecture,
    architecture: info.architecture,
    level: ["best", "scalar", "simd128", "relaxed", "dot"][info.level],
    nThreads: info.n_threads,
    nParameters: info.n_parameters,
    nCtx: info.n_ctx,
    nCtxTrain: info.n_ctx_train,
    nVocab: info.n_vocab,
    nLayers: info.n_layers,
    nEmbd: info.n_embd,
    bosToken: info.bos_token,
    eosToken: info.eos_token,
    eotToken: info.eot_token,
    canTokenize: info.can_tokenize !== 0,
    hasChatTemplate: info.has_chat_template,
    fileBytes: info.file_bytes,
    weightBytes: info.weight_bytes,
    memoryBytes: info.memory_bytes,
    // The disk may be full before the end.
    get storage() {
      return client.storage;
    },
    get storageProblem() {
      return client.storageProblem;
    },
    get verified() {
      return client.isVerified;
    },
  };
}
