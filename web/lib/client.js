// client.js: the caller's side of the workers: starts them, numbers the requests, lets one computation run at a time,
// and starts anew after a death.
import { SottoError, abortError, asSottoError, errorFromMessage, errorOf, orAbort, throwIfAborted } from "./errors.js";
import { chooseModule } from "./features.js";
import { feed } from "./feed.js";
import { isOnHub } from "./hub.js";
import { Worker, defer, keepAlive, listen, watch } from "./platform.js";
import { isAddress, isRereadable } from "./source.js";
import { askToPersist, forgetKept } from "./store.js";
import { startHelpers } from "./threads.js";

const FATAL = ["TRAPPED", "INTERNAL"]; // after these the engine's state is not to be trusted
const DAMAGED = ["TRUNCATED", "NOT_GGUF", "MALFORMED"]; // files that are better fetched again than kept
const HEADER_PORTION_BYTES = 1 << 20; // asked for at once where the header alone is read: only its bytes tell its length

export class Client {
  #source;
  #options;
  #storage = "memory";
  #storageProblem = null;
  #isVerified = false;
  #verification; // of the load under way: { promise, resolve, reject }
  #checksumError = null; // for good: who loads a wrong file again gets it again
  #compute = null;
  #workers = new Set();
  #requests = new Map(); // id -> { resolve, reject, onEvent }
  #nextId = 0;
  #opened = null; // promise of the model's info, when requests can be taken; null: the next call starts the workers
  #tail = Promise.resolve(); // settles when the last computation in the queue has ended
  #isClosed = false;

  constructor(source, options) {
    this.#source = source;
    this.#options = options;
  }

  /**
   * Starts the workers and loads the model. Returns two promises: opened, of its info, when it takes requests; ready,
   * when all weights are there.
   */
  start(how = {}) {
    const first = this.#start(how);
    let second;
    // A file that changes on the server half-way is loaded once more, from its start.
    const again = (error) => {
      if (error.code !== "CHANGED" || this.#isClosed) throw error;
      return (second ??= this.#start(how));
    };
    const opened = first.opened.catch((error) => again(error).opened);
    const ready = first.ready.catch((error) => again(error).ready);
    for (const promise of [opened, ready]) promise.catch(() => {}); // whoever waits for it hears of it
    return { opened, ready };
  }

  /** Reads the source's header alone: the report of "inspect" (inspect.js) or "survey" (survey.js). Closes the client. */
  async report(method, signal) {
    try {
      return await this.#withSource(method, { signal });
    } finally {
      this.close();
    }
  }

  /** Where the source is kept: "opfs", "cache", or "memory" alone. */
  get storage() {
    return this.#storage;
  }

  /** Why it is not, or of a split model a part: a SottoError; null when nothing is wrong. */
  get storageProblem() {
    return this.#storageProblem;
  }

  /** Whether the file's SHA-256 has been compared with the one that it must have. */
  get isVerified() {
    return this.#isVerified;
  }

  /** A promise of the same, of the last load; rejects with CHECKSUM. */
  get verified() {
    return this.#verification.promise;
  }

  #start({ signal, onProgress }) {
    let ready;
    this.#isVerified = false;
    this.#storageProblem = null;
    this.#verification = defer();
    const opened = new Promise((resolve, reject) => {
      ready = this.#load(signal, resolve, onProgress);
      ready.catch((error) => {
        if (this.#opened === opened) this.#fail(error); // else a later call has started anew
        if (this.#isKept() && DAMAGED.includes(error.code)) this.#forget();
        reject(error);
      });
    });
    opened.catch(() => {}); // of no effect once it has resolved; before, whoever waits for it hears of it
    this.#opened = opened;
    return { opened, ready };
  }

  /** A request that is answered at once, between the steps of a computation. */
  async call(method, params) {
    await this.#ready();
    return this.#request(method, params, {});
  }

  /** A computation: waits its turn; signal ends it there, too. */
  async compute(method, params, { signal, onEvent } = {}) {
    const before = this.#tail;
    let leave;
    this.#tail = new Promise((resolve) => (leave = resolve));
    try {
      await orAbort(before, signal);
      await orAbort(this.#ready(), signal);
      return await this.#request(method, params, { signal, onEvent });
    } finally {
      before.then(leave); // one that gave up waiting does not let the next one pass those before it
    }
  }

  close() {
    this.#isClosed = true;
    this.#fail(new SottoError("CLOSED"));
  }

  #ready() {
    if (this.#isClosed) throw new SottoError("CLOSED");
    if (this.#checksumError) throw this.#checksumError;
    if (this.#opened) return this.#opened;
    if (isRereadable(this.#source)) return this.start().opened;
    throw new SottoError("WORKER_DIED", "the worker died, and its stream cannot be read again: load the model again");
  }

  async #load(signal, onOpened, onProgress) {
    const onEvent = ({ opened, progress }) => (opened ? onOpened(opened) : onProgress?.(progress));
    await this.#withSource("load", { signal, onEvent, onProgress });
  }

  // A request of a new compute worker, which the source's bytes are sent to.
  async #withSource(method, { signal, onEvent, onProgress }) {
    throwIfAborted(signal);
    const { nCtx, shrinkContext, nBatch, kvType, level } = this.#options;
    const { url, nThreads } = chooseModule(this.#options);
    const portionBytes = method === "load" ? undefined : HEADER_PORTION_BYTES;
    this.#compute = this.#newComputeWorker();
    listen(this.#compute, (message) => this.#receive(message));
    const { port1, port2 } = new MessageChannel();
    const stopFeeding = this.#feed({ port: port2, engine: { url, shared: nThreads > 1 }, portionBytes }, onProgress);
    const onAbort = () => this.#fail(abortError(signal)); // nothing of half a model is worth keeping
    signal?.addEventListener("abort", onAbort);
    try {
      const params = { port: port1, url, nThreads, nCtx, shrinkContext, nBatch, kvType, level };
      const result = await this.#request(method, params, { onEvent, transfer: [port1] });
      if (method !== "load") stopFeeding(); // after a load the file may still be hashed
      return result;
    } catch (error) {
      stopFeeding();
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  get #addresses() {
    return [this.#source].flat().filter(isAddress);
  }

  // What the file is to be compared with; undefined when nobody knows anything of it.
  #check() {
    const { sha256 } = this.#options;
    return sha256 || this.#addresses.some(isOnHub) ? { sha256: sha256?.toLowerCase() } : undefined;
  }

  // A stream is sent from here, and so is a buffer that need not be hashed; the rest is read by a worker of its own.
  // Returns a function that ends it.
  #feed({ port, engine, portionBytes }, onProgress) {
    const source = this.#source;
    const { headers } = this.#options;
    const check = this.#check();
    const isBuffer = source instanceof ArrayBuffer || ArrayBuffer.isView(source);
    if (source instanceof ReadableStream || (isBuffer && !check)) {
      const controller = new AbortController();
      const { signal } = controller;
      feed({ port, source, check, engine, signal }, (event) => signal.aborted || this.#hear(event, onProgress));
      return () => controller.abort();
    }
    const keep = this.#isKept();
    if (keep) askToPersist(this.#options.persist);
    const worker = this.#adopt("io-worker.js", newIoWorker(this.#options.ioWorkerUrl));
    listen(worker, (event) => {
      if (event.verified !== undefined) this.#stop(worker);
      this.#hear(event, onProgress);
    });
    const file = isBuffer ? new Blob([source]) : source;
    worker.postMessage({ port, source: file, headers, keep, check, engine, portionBytes }, [port]);
    return () => this.#stop(worker);
  }

  #hear({ storage, storageProblem, waiting, verified, error }, onProgress) {
    if (storage && !this.#storageProblem) this.#storage = storage;
    if (storageProblem) this.#storageProblem ??= errorFromMessage(storageProblem);
    if (waiting) onProgress?.({ phase: "waiting", ...waiting });
    if (verified !== undefined) this.#verification?.resolve(this.#isVerified = verified);
    if (error) this.#fail(this.#checksumError = errorFromMessage(error));
  }

  #forget() {
    for (const address of this.#addresses) forgetKept(address).catch(() => {}); // an error has been told
  }

  #isKept() {
    return this.#addresses.length > 0 && (this.#options.keep ?? true);
  }

  // Bundlers look for exactly this, here and below: new Worker(new URL("./...", import.meta.url), ...).
  #newComputeWorker() {
    const { workerUrl } = this.#options;
    return this.#adopt("compute-worker.js", workerUrl ? new Worker(absolute(workerUrl), { type: "module" })
      : new Worker(new URL("./compute-worker.js", import.meta.url), { type: "module" }));
  }

  #adopt(name, worker) {
    this.#workers.add(worker);
    watch(worker, (cause) => {
      if (this.#workers.has(worker)) this.#fail(errorOf("WORKER_DIED", `${name}: ${cause.message}`, cause));
    });
    return worker;
  }

  #stop(worker) {
    this.#workers.delete(worker);
    worker.terminate();
  }

  async #request(method, params, { signal, onEvent, transfer }) {
    throwIfAborted(signal);
    const compute = this.#compute;
    if (!compute) throw new SottoError(this.#isClosed ? "CLOSED" : "WORKER_DIED");
    const id = this.#nextId++;
    const onAbort = () => compute.postMessage({ abort: id });
    signal?.addEventListener("abort", onAbort);
    try {
      return await new Promise((resolve, reject) => {
        this.#requests.set(id, { resolve, reject, onEvent });
        compute.postMessage({ id, method, params }, transfer);
        keepAlive(compute, true);
      });
    } catch (error) {
      if (FATAL.includes(error.code)) this.#fail(error);
      throw error.code === "ABORTED" && signal ? abortError(signal) : error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#requests.delete(id);
      keepAlive(compute, this.#requests.size > 0);
    }
  }

  #receive({ id, event, result, error, helpers }) {
    if (helpers) return startHelpers(helpers, () => this.#newComputeWorker());
    const request = this.#requests.get(id);
    if (event !== undefined) request?.onEvent?.(event);
    else if (error) request?.reject(errorFromMessage(error));
    else request?.resolve(result);
  }

  // Ends the workers and every request under way. The next call starts new ones, unless the model is closed.
  #fail(error) {
    this.#opened = null;
    this.#compute = null;
    this.#verification?.reject(error);
    for (const worker of this.#workers) this.#stop(worker);
    for (const { reject } of this.#requests.values()) reject(asSottoError(error));
  }
}

export function newIoWorker(url) {
  return url ? new Worker(absolute(url), { type: "module" })
    : new Worker(new URL("./io-worker.js", import.meta.url), { type: "module" });
}

function absolute(url) {
  return new URL(url, globalThis.location?.href);
}
