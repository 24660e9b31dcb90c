// engine.js: the compute side in one thread: file chunks -> header -> model -> session -> logits. Knows no worker.
// It computes while chunks arrive: what lacks weights waits for the next ones.
import { DEFAULT_WAVE, KV_TYPE, LEVEL, POOLING, STATUS, TOKENIZE } from "./abi.js";
import { CHUNK_BYTES } from "./buffers.js";
import { SottoError, errorOf, orAbort, throwIfAborted } from "./errors.js";
import { Header } from "./header.js";
import { Instance, statusError } from "./instance.js";
import { fastestLevel } from "./level.js";
import { defer, pause } from "./platform.js";
import { Reading } from "./reading.js";
import { describeHelpers } from "./threads.js";

const SCRATCH_BYTES = 1 << 20; // for requests, beside the sampler's: memory does not grow later, as a rule
const DEFAULT_TOKENS = 4096; // of a context, at most: as in sotto.h
const MIN_SHRUNK_TOKENS = 512; // a context that is halved ends below this
const SLICE_MS = 8; // of computing between two looks at the messages
const PROGRESS_MS = 100; // between two reports

export class Engine {
  #arrival = defer(); // of the next weights; once the chunks have failed it rejects for good
  #isFed = false;
  #reading;
  #chunks;

  /**
   * Opens a model as soon as its header has arrived; engine.ready is then the promise that all weights will have.
   * chunks: an async iterable of { offset, bytes, totalBytes }, in any order once the header is complete; its method
   * want(ranges), if it has one, hears which [begin, end] are needed next. options: nThreads, level, nCtx, nBatch, kvType;
   * onHelpers(descriptions): starts the pool's other threads; onProgress({ phase, loadedBytes, totalBytes }).
   */
  static async open(module, chunks, options) {
    const instance = Instance.create(module, { shared: options.nThreads > 1 });
    const engine = new Engine(instance, options, chunks);
    const opened = defer();
    engine.ready = engine.#feed(chunks, opened);
    engine.ready.catch(opened.reject);
    await opened.promise;
    return engine;
  }

  constructor(instance, options, chunks) {
    this.#chunks = chunks;
    this.instance = instance;
    this.exports = instance.exports;
    this.#reading = new Reading(instance.exports);
    this.options = options;
    this.header = new Header(instance);
    this.out = instance.allocate(16); // where calls write their results
    this.model = 0;
    this.openedSession = 0;
  }

  async #feed(chunks, opened) {
    const report = throttle(this.options.onProgress);
    let loadedBytes = 0;
    let totalBytes;
    try {
      for await (const chunk of chunks) {
        loadedBytes += chunk.bytes.length;
        this.#accept(chunk);
        totalBytes = chunk.totalBytes ?? (this.model ? this.header.fileBytes : undefined);
        report({ phase: this.model ? "weights" : "header", loadedBytes, totalBytes });
        if (!this.model) continue;
        opened.resolve();
        this.#announce();
      }
      this.#finish(totalBytes, report);
      this.#announce();
    } catch (error) {
      pause().then(() => this.#arrival.reject(error)); // whoever waits for ready hears of it first
      throw error;
    }
  }

  #announce() {
    this.#arrival.resolve();
    this.#arrival = defer();
  }

  #accept({ offset, bytes, totalBytes }) {
    if (this.model) return this.#push(offset, bytes);
    const rest = this.header.accept(bytes);
    if (!rest) return;
    this.openModel(totalBytes);
    if (this.hasWeights) this.openSession();
    this.#push(offset + bytes.length - rest.length, rest);
  }

  /** Opens the model that the header describes; memory grows by all that its weights need. */
  openModel(totalBytes) {
    this.checkParts();
    const { instance, options, out } = this;
    const modelOptions = instance.placeStruct("sotto_model_options", {
      level: options.level ? LEVEL[options.level.toUpperCase()] : fastestLevel(instance.exports),
      file_bytes: totalBytes ?? 0,
    });
    instance.try("sotto_model_measure", this.header.gguf, modelOptions, out);
    this.modelBytes = instance.u32(out);
    const block = instance.allocate(this.modelBytes);
    instance.try("sotto_model_open", block, this.modelBytes, this.header.gguf, modelOptions, out);
    this.model = instance.u32(out);
    this.info = this.#readInfo();
    if (options.nThreads > 1) this.#openPool(options);
  }

  /** A part of a split model does not hold what its header says that the whole does. */
  checkParts() {
    const wholeTensors = this.header.find("split.tensors.count");
    const nTensors = this.exports.sotto_gguf_n_tensors(this.header.gguf);
    if (wholeTensors === undefined || wholeTensors === nTensors) return;
    const [number, count] = ["split.no", "split.count"].map((key) => this.header.find(key));
    throw errorOf("WRONG_PARTS", `part ${number + 1} of ${count}, with ${nTensors} of ${wholeTensors} tensors`);
  }

  #openPool({ nThreads, onHelpers }) {
    const { instance, out } = this;
    const nBytes = this.exports.sotto_pool_measure(nThreads);
    instance.check("sotto_pool_open", instance.allocate(nBytes), nBytes, nThreads, out);
    this.pool = instance.u32(out);
    onHelpers(describeHelpers(instance, this.pool, nThreads - 1));
  }

  // Where the caller allows it, half the context is tried when memory is refused.
  openSession() {
    const { instance, options } = this;
    const { top } = instance;
    for (let { nCtx } = options;; nCtx = (nCtx ?? this.#defaultContext()) >> 1) {
      try {
        return this.#openSessionOf(nCtx);
      } catch (error) {
        const isLast = nCtx !== undefined && nCtx <= MIN_SHRUNK_TOKENS;
        if (error.code !== "OUT_OF_MEMORY" || !options.shrinkContext || isLast) throw error;
        instance.top = top;
      }
    }
  }

  #defaultContext() {
    return Math.min(this.#readInfo().n_ctx_train, DEFAULT_TOKENS);
  }

  #openSessionOf(nCtx) {
    const { instance, options, out } = this;
    const sessionOptions = instance.placeStruct("sotto_session_options", {
      n_ctx: nCtx ?? 0,
      n_batch: options.nBatch ?? 0,
      kv_type: KV_TYPE[options.kvType?.toUpperCase() ?? "DEFAULT"],
      n_threads: options.nThreads,
    });
    instance.try("sotto_session_measure", this.model, sessionOptions, out);
    this.sessionBytes = instance.u32(out);
    const block = instance.allocate(this.sessionBytes);
    instance.try("sotto_session_open", block, this.sessionBytes, this.model, this.pool ?? 0, sessionOptions, out);
    this.openedSession = instance.u32(out);
    this.staging = instance.allocate(CHUNK_BYTES);
    instance.scope(() => instance.allocate(SCRATCH_BYTES + this.#samplerBytes()));
  }

  #samplerBytes() {
    const { instance } = this;
    return instance.scope(() =>
      this.exports.sotto_sampler_measure(this.info.n_vocab, instance.placeStruct("sotto_sampler_options")));
  }

  #push(offset, bytes) {
    if (!this.hasWeights) return;
    const { instance } = this;
    instance.u8.set(bytes, this.staging);
    instance.try("sotto_model_push", this.model, BigInt(offset), this.staging, bytes.length);
  }

  #finish(totalBytes, report) {
    if (!this.model) throw this.header.truncated();
    this.info = this.#readInfo();
    if (!this.exports.sotto_model_ready(this.model)) {
      const { ready_bytes, total_bytes } = this.info;
      throw errorOf("TRUNCATED", `the file ends after ${ready_bytes} of ${total_bytes} bytes of weights`);
    }
    this.#isFed = true;
    report({ phase: "ready", loadedBytes: totalBytes, totalBytes });
  }

  #readInfo() {
    const { instance } = this;
    return instance.scope(() => {
      const block = instance.placeStruct("sotto_model_info");
      this.exports.sotto_model_get_info(this.model, block);
      return instance.readStruct("sotto_model_info", block);
    });
  }

  /** False: the file is a vocabulary, for text and tokens alone. */
  get hasWeights() { return this.exports.sotto_gguf_n_tensors(this.header.gguf) > 0; }

  get session() {
    if (!this.openedSession) throw errorOf("MISSING_TENSOR", "the file holds a vocabulary without weights");
    return this.openedSession;
  }

  get nCtx() { return this.hasWeights ? this.exports.sotto_session_n_ctx(this.session) : 0; }
  get nTokens() { return this.exports.sotto_session_n_tokens(this.session); }
  get nVocab() { return this.info.n_vocab; }
  get memoryBytes() { return this.instance.memory.buffer.byteLength; }

  /** part: "first" or "second", of a pair of texts. */
  tokenize(text, { special = false, bos = false, part } = {}) {
    const { instance, out } = this;
    return instance.scope(() => {
      const { at, nBytes } = instance.placeText(text);
      const scratchBytes = this.exports.sotto_tokenize_measure(this.model, at, nBytes) >>> 0;
      const scratch = instance.allocate(scratchBytes);
      const flags = (special ? TOKENIZE.SPECIAL : 0) | (bos ? TOKENIZE.BOS_EOS : 0) | (part ? TOKENIZE[part.toUpperCase()] : 0);
      const request = [this.model, at, nBytes, flags, scratch, scratchBytes];
      const attempt = (cap) => {
        const tokens = instance.allocate(cap * 4);
        const status = this.exports.sotto_tokenize(...request, tokens, cap, out);
        if (status === STATUS.NO_SPACE) return null;
        if (status === STATUS.UNSUPPORTED_TOKENIZER) instance.try("sotto_model_problem", this.header.gguf, 0); // says which
        if (status !== STATUS.OK) throw statusError(status);
        return Array.from(instance.i32s(tokens, instance.u32(out)));
      };
      return attempt(nBytes + 3) ?? attempt(instance.u32(out)); // the first fails for odd vocabularies alone
    });
  }

  /** The bytes of one token; control tokens have some only when special is true. */
  tokenBytes(token, special = false) {
    const { instance, out } = this;
    const attempt = (cap) => instance.scope(() => {
      const block = instance.allocate(cap);
      const status = this.exports.sotto_token_bytes(this.model, token, special, block, cap, out);
      if (status === STATUS.NO_SPACE) return null;
      if (status !== STATUS.OK) throw noSuchToken(token);
      return instance.bytes(block, instance.u32(out));
    });
    return attempt(256) ?? attempt(instance.u32(out));
  }

  detokenize(tokens, { special = false } = {}) {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    const parts = tokens.map((token) => decoder.decode(this.tokenBytes(token, special), { stream: true }));
    return parts.join("") + decoder.decode();
  }

  isEnd(token) { return this.exports.sotto_token_is_end(this.model, token) !== 0; }
  isSpecial(token) { return this.exports.sotto_token_is_special(this.model, token) !== 0; }

  /** Makes tokens the timeline; what it shares with the old one stays computed. Returns the number of tokens kept. */
  sync(tokens) {
    this.#checkTokens(tokens, 0);
    return this.#withTokens(tokens, (at) => {
      this.instance.check("sotto_session_sync", this.session, at, tokens.length, this.out);
      return this.instance.u32(this.out);
    });
  }

  append(tokens) {
    this.#reading.next(tokens.length);
    this.#checkTokens(tokens, this.nTokens);
    this.#withTokens(tokens, (at) => this.instance.check("sotto_session_append", this.session, at, tokens.length));
  }

  rewind(nTokens) {
    this.instance.check("sotto_session_rewind", this.session, nTokens);
  }

  #checkTokens(tokens, nBefore) {
    const unknown = tokens.find((token) => token >= this.nVocab);
    if (unknown !== undefined) throw noSuchToken(unknown);
    if (nBefore + tokens.length <= this.exports.sotto_session_n_ctx(this.session)) return;
    throw errorOf("CONTEXT_FULL", `${nBefore + tokens.length} tokens do not fit into a context of ${this.nCtx}`);
  }

  #withTokens(tokens, call) {
    return this.instance.scope(() => call(this.instance.place(Int32Array.from(tokens))));
  }

  /** Computes one unit of what is queued; returns whether there is more. */
  step() {
    this.instance.check("sotto_session_step", this.session, this.out);
    return this.instance.u32(this.out) > 0;
  }

  /** The file's [begin, end] that have not arrived, in the order in which the graph needs them for what is queued. */
  wanted() {
    const { instance, exports, session, out } = this;
    const ranges = [];
    while (exports.sotto_session_wanted(session, ranges.length, out, out + 8) === STATUS.OK) {
      const begin = instance.u64(out);
      ranges.push([begin, begin + instance.u64(out + 8)]);
    }
    return ranges;
  }

  /**
   * Computes all that is queued, at the pace at which weights arrive, and waits until logits can be read. Stops now and
   * then for messages and for the signal of its breath.
   */
  async compute(breath) {
    if (!this.#isFed) this.#chunks.want?.(this.wanted());
    while (await this.#withWeights(() => this.step(), breath)) {
      if (breath.isDue()) await breath.take();
    }
    if (!this.#isFed) await this.#withWeights(() => this.logitsAt(this.nTokens - 1), breath);
    if (breath.isDue()) await breath.take();
  }

  /** Waits for all weights. */
  async whole({ signal }) {
    while (!this.#isFed) await orAbort(this.#arrival.promise, signal);
  }

  // What call() returns, as soon as the weights are there that it needs.
  async #withWeights(call, { signal }) {
    for (;;) {
      try {
        return call();
      } catch (error) {
        if (error.code !== "NOT_READY") throw error;
      }
      await orAbort(this.#arrival.promise, signal);
    }
  }

  /** Where the logits after the token at `position` are: a view's address, until the next call on the session. */
  logitsAt(position) {
    this.instance.check("sotto_session_logits", this.session, position, this.out);
    return this.instance.u32(this.out);
  }

  /** Computes the embedding of tokens, or a classification head's scores. pooling: a name of POOLING; none: the file's. */
  async embed(tokens, { pooling = "default", breath }) {
    if (tokens.length === 0) throw new SottoError("INVALID_ARGUMENT", "an embedding needs one token at least");
    await this.whole(breath);
    this.rewind(0);
    this.sync(tokens);
    await this.compute(breath);
    const { instance, session, out } = this;
    instance.check("sotto_session_embedding", session, POOLING[pooling.toUpperCase()], out, out + 4);
    return instance.f32s(instance.u32(out), instance.u32(out + 4)).slice();
  }

  logitsRow(position) {
    return this.instance.f32s(this.logitsAt(position), this.nVocab);
  }

  /** Calls onRow(position, logits) for all positions of tokens, or the last; a row is valid in the call only. */
  async eachLogits(tokens, { all, breath }, onRow) {
    if (tokens.length === 0) throw new SottoError("INVALID_ARGUMENT", "logits need one token at least");
    if (!all) {
      this.sync(tokens);
      await this.compute(breath);
      return onRow(tokens.length - 1, this.logitsRow(tokens.length - 1));
    }
    this.#checkTokens(tokens, 0);
    this.rewind(0);
    for (let at = 0; at < tokens.length; at += DEFAULT_WAVE) {
      const wave = tokens.slice(at, at + DEFAULT_WAVE);
      this.append(wave);
      await this.compute(breath);
      wave.forEach((_, i) => onRow(at + i, this.logitsRow(at + i)));
    }
  }
}

/** Says when a computation should let the event loop run, and ends it when its signal says so. */
export class Breath {
  #last = performance.now();

  constructor(signal) {
    this.signal = signal;
  }

  isDue() {
    return performance.now() - this.#last > SLICE_MS;
  }

  async take() {
    await pause();
    throwIfAborted(this.signal);
    this.#last = performance.now();
  }
}

function noSuchToken(token) {
  return errorOf("INVALID_ARGUMENT", `there is no token ${token}`);
}

// Lets the first report, the last one and a few per second through.
function throttle(onProgress = () => {}) {
  let last = -Infinity;
  return (progress) => {
    const now = performance.now();
    if (progress.phase !== "ready" && now - last < PROGRESS_MS) return;
    last = now;
    onProgress(progress);
  };
}
