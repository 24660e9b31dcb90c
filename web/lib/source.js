// source.js: any source of a model file as a row of chunks { offset, bytes, totalBytes }, each byte once, in the file's
// order or, where the source can seek and its want(ranges) is called, those ranges first.
import { SottoError, errorOf, throwIfAborted } from "./errors.js";
import { Download } from "./download.js";
import { openFile } from "./platform.js";
import { Order, RangeSet } from "./ranges.js";

const CHUNK_BYTES = 1 << 20;

/** True when the source can be read a second time. */
export function isRereadable(source) {
  return !(source instanceof ReadableStream);
}

/**
 * Chunks own their buffers, so they can be transferred. totalBytes is undefined when nobody knows it. Options: signal;
 * for URLs of a server those of Download.
 */
export function readSource(source, options = {}) {
  if (isAddress(source)) {
    const address = String(source);
    return address.startsWith("file:") ? new Local(() => openLocal(address), options) : new Download(address, options);
  }
  if (source instanceof ReadableStream) return readStream(source, options);
  return new Local(source instanceof Blob ? () => openBlob(source) : () => openBuffer(source), options);
}

export function isAddress(source) {
  return typeof source === "string" || source instanceof URL;
}

/** What this machine holds: open() gives { size, read(offset, length), close() }. */
class Local {
  #open;
  #signal;
  #order = new Order();

  constructor(open, { signal }) {
    this.#open = open;
    this.#signal = signal;
  }

  want(ranges) {
    this.#order.want(ranges);
  }

  get canReread() {
    return true;
  }

  async reread(offset, length) {
    const file = await this.#open();
    try {
      return await file.read(offset, Math.min(length, file.size - offset));
    } finally {
      await file.close();
    }
  }

  async *[Symbol.asyncIterator]() {
    const file = await this.#open();
    const sent = new RangeSet();
    try {
      for (;;) {
        throwIfAborted(this.#signal);
        const [begin, end] = this.#order.left(sent, file.size).next().value ?? [];
        if (begin === undefined) return;
        const bytes = await file.read(begin, Math.min(end - begin, CHUNK_BYTES));
        if (bytes.length === 0) throw errorOf("READ_FAILED", `the file ends after ${begin} of ${file.size} bytes`);
        sent.add(begin, begin + bytes.length);
        yield { offset: begin, bytes, totalBytes: file.size };
      }
    } finally {
      await file.close();
    }
  }
}

function openBuffer(source) {
  const bytes = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength) : new Uint8Array(source);
  return { size: bytes.length, read: (offset, length) => bytes.slice(offset, offset + length), close() {} };
}

function openBlob(blob) {
  const read = async (offset, length) =>
    new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer().catch(readFailed));
  return { size: blob.size, read, close() {} };
}

async function openLocal(url) {
  const file = await openFile(url).catch((cause) => {
    if (cause.code === "ENOENT") throw errorOf("NOT_FOUND", `no file at ${url}`, cause);
    readFailed(cause);
  });
  // slice: a chunk owns its buffer, which is longer where the file was cut short meanwhile
  const read = async (offset, length) => (await file.read(offset, length).catch(readFailed)).slice();
  return { size: file.size, read, close: () => file.close() };
}

async function* readStream(stream, { signal }) {
  const reader = stream.getReader();
  signal?.addEventListener("abort", () => reader.cancel()); // also ends a read that waits
  let offset = 0;
  try {
    for (;;) {
      const { value, done } = await reader.read().catch(readFailed);
      throwIfAborted(signal);
      if (done) return;
      for (let at = 0; at < value.length; at += CHUNK_BYTES) {
        yield { offset: offset + at, bytes: value.slice(at, at + CHUNK_BYTES) };
      }
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
