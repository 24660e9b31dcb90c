// source.js: any source of a model file as one row of chunks { offset, bytes, totalBytes }, in the file's order.
// A download that breaks off goes on where it stopped.
import { SottoError, abortError, errorOf, throwIfAborted } from "./errors.js";
import { openFile } from "./platform.js";

const CHUNK_BYTES = 1 << 20;
const MAX_RETRIES = 5; // in a row, without a byte between them
const FIRST_DELAY_MS = 250; // doubled each time: about 8 s in all

/** True when the source can be read a second time. */
export function isRereadable(source) {
  return !(source instanceof ReadableStream);
}

/** Chunks own their buffers, so they can be transferred. totalBytes is undefined when nobody knows it. */
export async function* readSource(source, { headers, signal } = {}) {
  const parts = isAddress(source) ? readAddress(String(source), headers, signal) : readObject(source, signal);
  for await (const { offset, bytes, totalBytes } of parts) {
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      throwIfAborted(signal);
      yield { offset: offset + at, bytes: bytes.slice(at, at + CHUNK_BYTES), totalBytes };
    }
  }
}

export function isAddress(source) {
  return typeof source === "string" || source instanceof URL;
}

function readAddress(address, headers, signal) {
  return address.startsWith("file:") ? readFile(address) : download(address, headers, signal);
}

function readObject(source, signal) {
  if (source instanceof Blob) return readBlob(source);
  if (source instanceof ReadableStream) return readStream(source, signal);
  return readBuffer(source);
}

async function* readBuffer(source) {
  const bytes = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength) : new Uint8Array(source);
  yield { offset: 0, bytes, totalBytes: bytes.length };
}

async function* readBlob(blob) {
  for (let offset = 0; offset < blob.size; offset += CHUNK_BYTES) {
    const part = blob.slice(offset, offset + CHUNK_BYTES);
    const bytes = new Uint8Array(await part.arrayBuffer().catch(readFailed));
    yield { offset, bytes, totalBytes: blob.size };
  }
}

async function* readFile(url) {
  const file = await openFile(url).catch((cause) => {
    if (cause.code === "ENOENT") throw errorOf("NOT_FOUND", `no file at ${url}`, cause);
    readFailed(cause);
  });
  try {
    for (let offset = 0; offset < file.size; offset += CHUNK_BYTES) {
      yield { offset, bytes: await file.read(offset, CHUNK_BYTES).catch(readFailed), totalBytes: file.size };
    }
  } finally {
    await file.close();
  }
}

async function* readStream(stream, signal) {
  const reader = stream.getReader();
  signal?.addEventListener("abort", () => reader.cancel()); // also ends a read that waits
  let offset = 0;
  try {
    for (;;) {
      const { value, done } = await reader.read().catch(readFailed);
      if (done) return;
      yield { offset, bytes: value };
      offset += value.length;
    }
  } finally {
    reader.cancel().catch(() => {}); // a stream that is at its end or broken has nothing left to cancel
  }
}

function readFailed(cause) {
  if (cause instanceof SottoError) throw cause;
  throw errorOf("READ_FAILED", cause.message, cause);
}

async function* download(url, headers, signal) {
  const state = { url, headers, signal, received: 0, totalBytes: undefined, etag: null };
  let retries = 0;
  while (state.totalBytes === undefined || state.received < state.totalBytes) {
    const before = state.received;
    try {
      yield* readResponse(state, await request(state));
      if (state.totalBytes === undefined) return; // its end is all that such a response says of its length
    } catch (error) {
      if (signal?.aborted) throw abortError(signal);
      if (!error.isTransient) throw error;
      if (state.received > before) retries = 0;
      if (retries === MAX_RETRIES) throw error;
      await delay(FIRST_DELAY_MS << retries++, signal);
    }
  }
}

// Yields what is new, and throws a transient error when the response breaks off.
async function* readResponse(state, response) {
  let offset = response.status === 206 ? state.received : 0; // a server without ranges starts again
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read().catch((cause) => { throw transient(cause, state); });
      if (done) break;
      const skipped = Math.min(value.length, Math.max(0, state.received - offset));
      offset += value.length;
      if (skipped === value.length) continue;
      state.received = offset;
      yield { offset: offset - value.length + skipped, bytes: value.subarray(skipped), totalBytes: state.totalBytes };
    }
  } finally {
    reader.cancel().catch(() => {}); // of a broken connection
  }
  if (offset < (state.totalBytes ?? 0)) throw transient(new Error("the connection ended early"), state);
}

async function request(state) {
  const headers = new Headers(state.headers);
  // Ranges count the bytes that are sent: those of a compressed response, whose length is unknown, are not the file's.
  if (state.received && state.totalBytes !== undefined) headers.set("range", `bytes=${state.received}-`);
  const response = await fetch(state.url, { headers, signal: state.signal }).catch((cause) => {
    const error = transient(cause, state);
    error.isTransient = state.received > 0; // an address that never answered is more likely wrong than busy
    throw error;
  });
  checkStatus(response, state);
  const etag = response.headers.get("etag");
  const totalBytes = response.status === 200 ? lengthOf(response) : state.totalBytes;
  if (state.received && (etag !== state.etag || totalBytes !== state.totalBytes)) {
    await response.body.cancel();
    throw new SottoError("READ_FAILED", `${state.url} changed during the download: load it again`);
  }
  Object.assign(state, { etag, totalBytes });
  return response;
}

function checkStatus(response, { url, received }) {
  if (response.status === 200 || (response.status === 206 && startsAt(response, received))) return;
  const detail = `${url} answered ${response.status}`;
  if (response.status === 404 || response.status === 410) throw errorOf("NOT_FOUND", detail);
  if (response.status === 401 || response.status === 403) throw errorOf("FORBIDDEN", detail);
  const error = errorOf("SERVER_ERROR", detail);
  error.isTransient = response.status >= 500 || response.status === 429;
  throw error;
}

function startsAt(response, offset) {
  return response.headers.get("content-range")?.startsWith(`bytes ${offset}-`) ?? true; // CORS may hide the header
}

// The length of a compressed response is not that of the file.
function lengthOf(response) {
  const length = response.headers.get("content-length");
  return length === null || response.headers.has("content-encoding") ? undefined : Number(length);
}

function transient(cause, { url }) {
  const offline = globalThis.navigator?.onLine === false;
  const error = errorOf(offline ? "OFFLINE" : "NETWORK", `${url}: ${cause.message}`, cause);
  error.isTransient = true;
  return error;
}

function delay(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(abortError(signal));
    }, { once: true });
  });
}
