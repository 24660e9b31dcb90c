// errors.js: SottoError, the package's one error type, and its passage between threads.
import { STATUS_TEXT } from "./abi.js";

// What JavaScript adds to the engine's status list (src/sotto.h): the code and what to do.
const JS_TEXT = {
  ABORTED: "the request was aborted by its signal",
  CHECKSUM: "this is not the file that was meant, and it is dropped: load it again, or from another source",
  CHANGED: "what had arrived of the old file is dropped: load it again",
  CLOSED: "the model is closed: load it again",
  FORBIDDEN: "the server refuses this file: pass the headers that it asks for, or choose another source",
  INTERNAL: "Sotto failed: please report this, with the message",
  NETWORK: "the server could not be reached: check the address and the server's CORS headers, then load again",
  NOT_FOUND: "there is no such file: check the address",
  OFFLINE: "this device is offline: connect it, then load again",
  QUOTA: "the browser gives this site no room to keep the file, which loads all the same: free some, here or on the disk",
  READ_FAILED: "the source could not be read: load it again",
  SERVER_ERROR: "the server failed: load again later",
  STALLED: "the connection is up but silent: load again, what has arrived is kept where the browser can",
  STORAGE_REFUSED: "the browser keeps nothing for this page, and what loads is fetched anew each time: " +
    "allow it in the browser's settings, or leave the private window",
  TEMPLATE_ERROR: "the chat template failed on these messages: change them, or use completions.create()",
  TRAPPED: "the engine stopped in the middle of a computation: call again; if it repeats, please report it",
  UNSUPPORTED_BROWSER: "this browser lacks WebAssembly SIMD: use a newer one",
  WRONG_PARTS: "pass all parts of one model in their order, or the address of one of them, which ends as it did when made",
  WORKER_DIED: "the worker could not be started or has died: check that its file is served, then call again",
};

/** An error with a stable code, a message that says what to do, and the error that caused it, if any. */
export class SottoError extends Error {
  constructor(code, message, cause) {
    super(message ?? textOf(code), cause === undefined ? undefined : { cause });
    this.name = "SottoError";
    this.code = code;
  }
}

function textOf(code) {
  return STATUS_TEXT[code] ?? JS_TEXT[code];
}

/** A SottoError whose message is `detail` and then the code's own way out. */
export function errorOf(code, detail, cause) {
  return new SottoError(code, `${detail} (${textOf(code)})`, cause);
}

export function abortError(signal) {
  return new SottoError("ABORTED", undefined, signal?.reason);
}

export function throwIfAborted(signal) {
  if (signal?.aborted) throw abortError(signal);
}

/** What the promise gives, unless the signal comes first. */
export function orAbort(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(abortError(signal));
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort);
    Promise.resolve(promise).then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** Any error as a SottoError: a trap of the engine becomes TRAPPED, what nobody expected INTERNAL. */
export function asSottoError(error) {
  if (error instanceof SottoError) return error;
  if (error instanceof WebAssembly.RuntimeError) return errorOf("TRAPPED", error.message, error);
  return errorOf("INTERNAL", String(error?.message ?? error), error);
}

/** A plain object that every postMessage can clone; a cause keeps its name and message. */
export function errorToMessage(error) {
  const { code, message, cause } = asSottoError(error);
  return { code, message, cause: cause === undefined ? undefined : String(cause?.stack ?? cause) };
}

export function errorFromMessage({ code, message, cause }) {
  return new SottoError(code, message, cause);
}
