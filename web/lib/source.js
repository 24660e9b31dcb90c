// source.js: any source of a model file as a row of chunks { offset, bytes, totalBytes }, each byte once, in the file's
// order or, where the source can seek and its want(ranges) is called, those ranges first.
import { Buffers, CHUNK_BYTES, readerOf } from "./buffers.js";
import { SottoError, errorOf, throwIfAborted } from "./errors.js";
import { Download } from "./download.js";
import { openFile } from "./platform.js";
import { Order, RangeSet } from "./ranges.js";

/** True when the source can be read a second time. */
export function isRereadable(source) {
  return !(source instanceof ReadableStream);
}

/**
 * Chunks own their buffers, so they can be transferred. totalBytes is undefined when nobody knows it. Options: signal;
 * buffers, that chunks take theirs from; for URLs of a server those of Download.
 */
export function readSource(source, { buffers = new Buffers(), ...rest } = {}) {
  const options = { buffers, ...rest };
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

/** What this machine holds: open() gives { size, read(offset, bytes) fills them and gives their number, close() }. */
class Local {
  #open;
  #buffers;
  #signal;
  #order = new Order();

  constructor(open, { buffers, signal }) {
    this.#open = open;
    this.#buffers = buffers;
    this.#signal = signal;
  }

  want(ranges) {
    this.#order.want(ranges);
  }

  get canReread() {
    return true;
  }

  async reread(offset, bytes) {
    const file = await this.#open();
    try {
      return await file.read(offset, bytes);
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
        const bytes = this.#buffers.take(Math.min(end - begin, CHUNK_BYTES));
        const n = await file.read(begin, bytes);
        if (n === 0) throw errorOf("READ_FAILED", `the file ends after ${begin} of ${file.size} bytes`);
        sent.add(begin, begin + n);
        yield { offset: begin, bytes: bytes.subarray(0, n), totalBytes: file.size };
      }
    } finally {
      await file.close();
    }
  }
}

function openBuffer(source) {
  const bytes = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength) : new Uint8Array(source);
  const read = (offset, into) => {
    const part = bytes.subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  };
  return { size: bytes.length, read, close() {} };
}

function openBlob(blob) {
  const read = async (offset, bytes) => {
    const part = new Uint8Array(await blob.slice(offset, offset + bytes.length).arrayBuffer().catch(readFailed));
    bytes.set(part);
    return part.length;
  };
  return { size: blob.size, read, close() {} };
}

async function openLocal(url) {
  const file = await openFile(url).catch((cause) => {
    if (cause.code === "ENOENT") throw errorOf("NOT_FOUND", `no file at ${url}`, cause);
    readFailed(cause);
  });
  const read = (offset, bytes) => file.read(offset, bytes).catch(readFailed);
  return { size: file.size, read, close: () => file.close() };
}

async function* readStream(stream, { buffers, signal }) {
  const reader = readerOf(stream);
  signal?.addEventListener("abort", () => reader.cancel()); // also ends a read that waits
  let offset = 0;
  try {
    for (;;) {
      const { value, done } = await reader.read().catch(readFailed);
      throwIfAborted(signal);
      if (done) return;
      for (let at = 0; at < value.length; at += CHUNK_BYTES) {
        yield { offset: offset + at, bytes: buffers.copy(value.subarray(at, at + CHUNK_BYTES)) };
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
