// http.js: one stretch of a file over HTTP: requests by range, and the retries when the server or the network fails.
//
// What all stretches of a download share is `remote`: { url, headers, cache, stallMs, retryMs, buffers } as given, and what
// the responses told: { totalBytes, validator, canSeek, hasAnswered }, each undefined until known. `stretch` is { position,
// end, signal }, its next byte and its end; isStopped asks it to end soon, with what it has read; signal, at once.
import { readerOf } from "./buffers.js";
import { abortError, errorOf } from "./errors.js";

const GATHERED_BYTES = 1 << 18; // of a chunk: what a crash loses
const MAX_RETRIES = 5; // in a row, without a new byte between them
const MAX_FIRST_RETRIES = 2; // of an address that never answered: it is more likely wrong than busy
const MAX_FIRST_STALLS = 1; // and one that is silent takes long to find out
const MAX_WAIT_MS = 60_000; // that a server may ask for

/** Yields { offset, bytes } from the stretch's position on. A server without ranges makes it begin again, at 0. */
export async function* fetchStretch(remote, stretch) {
  let furthest = stretch.position;
  let retries = 0;
  let hasRange = true;
  while (stretch.position < stretch.end && !stretch.isStopped) {
    try {
      yield* attempt(remote, stretch, hasRange);
    } catch (error) {
      if (!error.isTransient || stretch.signal.aborted) throw error;
      if (stretch.position > furthest) retries = 0;
      const most = maxRetries(remote, error);
      if (retries >= most) throw error;
      await delay(error.waitMs ?? backoff(remote, retries), stretch.signal);
      retries++;
      // Chromium, which offers to take a compressed body when no range is asked for, fails on one that it did not offer to.
      hasRange = retries < most || !error.isUnanswered;
    }
    furthest = Math.max(furthest, stretch.position);
  }
}

// Firefox tells of a response when its first byte is there: one that breaks off before looks like none.
function maxRetries({ hasAnswered }, { code }) {
  if (hasAnswered) return MAX_RETRIES;
  return code === "STALLED" ? MAX_FIRST_STALLS : MAX_FIRST_RETRIES;
}

// About 8 s in all; the chance in it keeps the pages that lost a server together from coming back together.
function backoff({ retryMs }, retries) {
  return retryMs * 2 ** retries * (0.5 + Math.random() / 2);
}

async function* attempt(remote, stretch, hasRange) {
  const controller = new AbortController();
  const onAbort = () => controller.abort();
  stretch.signal.addEventListener("abort", onAbort);
  try {
    const response = await request(remote, stretch, hasRange, controller.signal);
    yield* readBody(remote, stretch, readerOf(response.body));
  } finally {
    stretch.signal.removeEventListener("abort", onAbort);
    controller.abort(); // what has not been read is not wanted
  }
}

// The reader's portions are gathered, so that a chunk is worth its message; none is lost when the response breaks off.
async function* readBody(remote, stretch, reader) {
  let gathered = new Gathered(stretch.position, remote.buffers);
  let failure;
  let isAtEnd = false;
  while (!isAtEnd && !failure && stretch.position < stretch.end && !stretch.isStopped) {
    const { value, done } = await inTime(reader.read(), remote).catch((cause) => {
      failure = cause;
      return {};
    });
    isAtEnd = done;
    for (let rest = value?.subarray(0, stretch.end - stretch.position); rest?.length; ) {
      const taken = gathered.take(rest);
      stretch.position += taken;
      rest = rest.subarray(taken);
      if (!gathered.isFull) continue;
      yield gathered.chunk();
      gathered = new Gathered(stretch.position, remote.buffers);
    }
  }
  if (gathered.length) yield gathered.chunk();
  if (failure) throw failure;
  if (isAtEnd) endOfBody(remote, stretch);
}

class Gathered {
  length = 0;
  #buffers;
  #bytes;

  constructor(offset, buffers) {
    this.offset = offset;
    this.#buffers = buffers;
  }

  take(bytes) {
    this.#bytes ??= this.#buffers.take(GATHERED_BYTES);
    const taken = Math.min(bytes.length, GATHERED_BYTES - this.length);
    this.#bytes.set(bytes.subarray(0, taken), this.length);
    this.length += taken;
    return taken;
  }

  get isFull() {
    return this.length === GATHERED_BYTES;
  }

  chunk() {
    return { offset: this.offset, bytes: this.#bytes.subarray(0, this.length) };
  }
}

// Its end is all that a response without a length says of the file's.
function endOfBody(remote, stretch) {
  remote.totalBytes ??= stretch.position;
  stretch.end = Math.min(stretch.end, remote.totalBytes);
  if (stretch.position < stretch.end) throw transient(new Error("the connection ended early"), remote);
}

async function request(remote, stretch, hasRange, signal) {
  const begin = remote.canSeek === false ? 0 : stretch.position;
  const headers = new Headers(remote.headers);
  // From the first request on: browsers then ask for the bytes as they are, not compressed. Where CORS hides of how many
  // bytes a range is one, the length of an answer without an end tells.
  const isTold = remote.totalBytes !== undefined || remote.canSeek === undefined;
  const isBounded = Number.isFinite(stretch.end) && remote.canSeek !== false && isTold;
  if (hasRange) headers.set("range", `bytes=${begin}-${isBounded ? stretch.end - 1 : ""}`);
  const response = await inTime(fetch(remote.url, { headers, signal, cache: remote.cache }), remote).catch((error) => {
    throw Object.assign(error, { isUnanswered: true });
  });
  remote.hasAnswered = true;
  checkStatus(remote, response, begin);
  const canContinue = begin > 0 || remote.canSeek;
  if (!hasRange && canContinue && !response.headers.has("content-encoding")) { // it was not for a range that it failed
    response.body.cancel().catch(() => {});
    return request(remote, stretch, true, signal);
  }
  const seen = describe(response, begin, { hasRange, isBounded });
  checkSame(remote, seen);
  if (remote.canSeek !== false) remote.canSeek = seen.canSeek ?? remote.canSeek;
  remote.totalBytes ??= seen.totalBytes;
  remote.validator ??= seen.validator;
  if (response.status === 200) stretch.end = Infinity;
  stretch.position = response.status === 200 ? 0 : begin;
  stretch.end = Math.min(stretch.end, remote.totalBytes ?? Infinity);
  return response;
}

function checkStatus(remote, response, begin) {
  const { status } = response;
  const detail = `${remote.url} answered ${status}`;
  if (status === 200 || (status === 206 && isRangeFrom(response, begin))) return;
  if (status === 206) throw errorOf("SERVER_ERROR", `${detail}, but not with the range that it was asked for`);
  if (status === 416) throw begin ? changed(remote) : errorOf("TRUNCATED", `${remote.url} is empty`);
  if (status === 404 || status === 410) throw errorOf("NOT_FOUND", detail);
  if (status === 401 || status === 403) throw errorOf("FORBIDDEN", detail);
  const error = errorOf("SERVER_ERROR", detail);
  error.isTransient = status >= 500 || status === 429;
  error.waitMs = waitOf(response);
  throw error;
}

// CORS may hide the header.
function isRangeFrom(response, begin) {
  const range = response.headers.get("content-range");
  return !response.headers.has("content-encoding") && (range === null || range.startsWith(`bytes ${begin}-`));
}

// Retry-After is a number of seconds or a date; CORS may hide it.
function waitOf(response) {
  const value = response.headers.get("retry-after");
  const ms = /^\d+$/.test(value) ? value * 1000 : Date.parse(value) - Date.now();
  return ms >= 0 ? Math.min(ms, MAX_WAIT_MS) : undefined;
}

// What a response tells of the file. The length of a compressed one is not the file's, and CORS may hide that it is one.
function describe({ status, headers }, begin, { hasRange, isBounded }) {
  const isEncoded = headers.has("content-encoding");
  const length = isEncoded || !hasRange ? null : headers.get("content-length");
  const ofRange = /\/(\d+)$/.exec(headers.get("content-range"))?.[1];
  const skipped = status === 206 ? begin : 0;
  const toTheEnd = length === null || (status === 206 && isBounded) ? undefined : skipped + Number(length);
  return {
    totalBytes: ofRange ? Number(ofRange) : toTheEnd,
    validator: (headers.get("etag") ?? headers.get("last-modified"))?.replace(/^W\//, ""),
    canSeek: status === 206 ? true : canSeek(headers, begin || isEncoded),
  };
}

// Of a server that sent all: a range from 0 on may be answered so by one that knows ranges.
function canSeek(headers, hasRefused) {
  if (hasRefused || headers.get("accept-ranges") === "none") return false;
  return headers.get("accept-ranges") === "bytes" ? true : undefined;
}

function checkSame(remote, seen) {
  for (const name of ["totalBytes", "validator"]) {
    if (remote[name] !== undefined && seen[name] !== undefined && remote[name] !== seen[name]) throw changed(remote);
  }
}

function changed({ url }) {
  return errorOf("CHANGED", `${url} changed during the download`);
}

function transient(cause, { url }) {
  const offline = globalThis.navigator?.onLine === false;
  const error = errorOf(offline ? "OFFLINE" : "NETWORK", `${url}: ${cause.message}`, cause);
  return Object.assign(error, { isTransient: true });
}

// What the promise gives; a transient error when it fails or takes too long.
function inTime(promise, remote) {
  let timer;
  const late = new Promise((_, reject) => {
    const seconds = remote.stallMs / 1000;
    const error = errorOf("STALLED", `${remote.url} sent nothing for ${seconds} s`);
    timer = setTimeout(() => reject(Object.assign(error, { isTransient: true })), remote.stallMs);
  });
  const failed = (cause) => { throw transient(cause, remote); };
  return Promise.race([promise.catch(failed), late]).finally(() => clearTimeout(timer));
}

function delay(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(abortError(signal));
    }, { once: true });
  });
}
