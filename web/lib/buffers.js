// buffers.js: the memory that bytes pass through on their way to the engine. The buffers of chunks go round: the engine
// gives back what it has read. Left to the garbage collectors of two workers they pile up to more than the model.

export const CHUNK_BYTES = 1 << 20; // at most: a message costs as much as some 100 KB
const READ_BYTES = 1 << 18;

export class Buffers {
  #free = [];

  /** An array of at most CHUNK_BYTES, for a chunk, which owns its buffer; what is in it is left from another. */
  take(nBytes) {
    return new Uint8Array(this.#free.pop() ?? new ArrayBuffer(CHUNK_BYTES), 0, nBytes);
  }

  /** The same with a copy of bytes in it. */
  copy(bytes) {
    const copy = this.take(bytes.length);
    copy.set(bytes);
    return copy;
  }

  /** The buffer of a chunk that nobody needs any more. */
  give(buffer) {
    this.#free.push(buffer);
  }
}

/**
 * A reader of a stream, whose values are good until the next read: where the stream can read into a buffer they are all
 * in the same.
 */
export function readerOf(stream) {
  const reader = byobReader(stream);
  if (!reader) return stream.getReader();
  let buffer = new ArrayBuffer(READ_BYTES);
  return {
    async read() {
      const result = await reader.read(new Uint8Array(buffer));
      buffer = result.value?.buffer;
      return result;
    },
    cancel: () => reader.cancel(),
  };
}

function byobReader(stream) {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    return null; // it is no stream of bytes (WebKit's are none)
  }
}
