// split.js: one model from several files, as llama.cpp's gguf-split makes them: of their headers one is made, with the
// first one's keys and everybody's tensors, and behind it lies each part's data. The engine never sees that there are parts.
import { Buffers, CHUNK_BYTES } from "./buffers.js";
import { errorOf } from "./errors.js";
import { Order, RangeSet } from "./ranges.js";

const N_TENSORS_AT = 8; // behind magic and version
const ALIGNMENT = 32; // when the file names none
const NAME = /-(\d{5})-of-(\d{5})\.gguf$/;

/** The addresses of all parts, when this is one of them; else the address alone. */
export function partsOf(url) {
  const address = new URL(url);
  const [ending, , count] = NAME.exec(address.pathname) ?? [];
  if (!ending) return [url];
  return Array.from({ length: Number(count) }, (_, i) => {
    const part = new URL(address);
    part.pathname = address.pathname.replace(NAME, `-${String(i + 1).padStart(5, "0")}-of-${count}.gguf`);
    return part.href;
  });
}

/** Chunks of the one file that the sources, one for each part, stand for. makeHeader(): a promise of a Header. */
export class Split {
  #sources;
  #makeHeader;
  #buffers;
  #parts = [];
  #order = new Order();

  constructor(sources, makeHeader, buffers = new Buffers()) {
    this.#sources = sources;
    this.#makeHeader = makeHeader;
    this.#buffers = buffers;
  }

  want(ranges) {
    this.#order.want(ranges);
    for (const part of this.#parts) part.want(ranges);
  }

  async *[Symbol.asyncIterator]() {
    const parts = this.#sources.map((source) => new Part(source));
    try {
      await Promise.all(parts.map(async (part) => part.readHeader(await this.#makeHeader())));
      parts.forEach((part, i) => part.check(i, parts.length));
      const header = mergeHeaders(parts);
      this.#parts = parts;
      yield* this.#send(header);
    } finally {
      for (const part of parts) part.close(); // nobody waits for a part that is silent
    }
  }

  // The part whose turn it is has the first missing byte of what is wanted.
  async *#send(header) {
    const parts = this.#parts;
    const totalBytes = parts.at(-1).end;
    const sent = new RangeSet([[0, header.length]]);
    for (let at = 0; at < header.length; at += CHUNK_BYTES) {
      yield { offset: at, bytes: this.#buffers.copy(header.subarray(at, at + CHUNK_BYTES)), totalBytes };
    }
    parts.forEach(({ end }, i) => sent.add(end, parts[i + 1]?.begin ?? end)); // nothing is between them
    for (;;) {
      const [next] = this.#order.left(sent, totalBytes).next().value ?? [];
      if (next === undefined) break;
      const { offset, bytes } = await parts.findLast(({ begin }) => begin <= next).take();
      if (bytes.length === 0) continue;
      sent.add(offset, offset + bytes.length);
      yield { offset, bytes, totalBytes };
    }
    for (const part of parts) await part.drain();
  }
}

/** One file, and the place [begin, end) of its data in the whole. */
class Part {
  #source;
  #chunks;
  #rest; // the chunk in which the header ends

  constructor(source) {
    this.#source = source;
    this.#chunks = source[Symbol.asyncIterator]();
  }

  async readHeader(header) {
    this.header = header;
    while (!this.#rest) {
      const { value: chunk, done } = await this.#chunks.next();
      if (done) throw header.truncated();
      const rest = header.accept(chunk.bytes);
      if (rest) this.#rest = { offset: chunk.offset + chunk.bytes.length - rest.length, bytes: rest };
    }
    this.entries = header.entries();
    this.dataBegin = this.entries[0]?.dataBegin ?? header.fileBytes;
  }

  check(index, nParts) {
    const [number, count] = ["split.no", "split.count"].map((key) => this.header.find(key));
    if (number === index && count === nParts) return;
    const found = count === undefined ? "no part of anything" : `part ${number + 1} of ${count}`;
    throw errorOf("WRONG_PARTS", `file ${index + 1} of ${nParts} is ${found}`);
  }

  place(begin) {
    this.begin = begin;
    this.end = begin + this.header.fileBytes - this.dataBegin;
  }

  want(ranges) {
    const inside = ranges.filter(([begin, end]) => begin < this.end && end > this.begin);
    const toFile = (at) => Math.min(Math.max(at, this.begin), this.end) - this.begin + this.dataBegin;
    this.#source.want?.(inside.map((range) => range.map(toFile)));
  }

  /** The part's next bytes { offset, bytes }, at their place in the whole; none of a chunk that holds no data. */
  async take() {
    const { offset, bytes } = this.#rest ?? (await this.#chunks.next()).value ?? {};
    this.#rest = null;
    if (!bytes) throw errorOf("TRUNCATED", `part ${this.header.find("split.no") + 1} ends inside of its tensors`);
    const data = bytes.subarray(Math.max(0, this.dataBegin - offset), Math.max(0, this.header.fileBytes - offset));
    return { offset: Math.max(offset, this.dataBegin) - this.dataBegin + this.begin, bytes: data };
  }

  /** Takes what is behind the tensors, so that the source has been read to its end. */
  async drain() {
    while (!(await this.#chunks.next()).done) continue;
  }

  close() {
    this.#chunks.return().catch(() => {}); // what failed has been told
  }
}

// The header of the whole; gives the parts their places.
function mergeHeaders(parts) {
  const { header } = parts[0];
  const entries = parts.flatMap((part) => part.entries);
  const alignment = header.find("general.alignment") ?? ALIGNMENT;
  const align = (at) => Math.ceil(at / alignment) * alignment;
  const pieces = [header.bytesOfKeys(), ...entries.map(({ bytes }) => bytes)];
  const merged = new Uint8Array(align(pieces.reduce((sum, { length }) => sum + length, 0)));
  let at = merged.length;
  for (const part of parts) {
    part.place(at);
    at = align(part.end);
  }
  const view = new DataView(merged.buffer);
  at = 0;
  for (const piece of pieces) {
    merged.set(piece, at);
    at += piece.length;
  }
  view.setBigUint64(N_TENSORS_AT, BigInt(entries.length), true);
  at = pieces[0].length;
  for (const { begin, entries: own, dataBegin } of parts) {
    for (const { bytes, fileOffset } of own) {
      at += bytes.length;
      view.setBigUint64(at - 8, BigInt(begin - merged.length + fileOffset - dataBegin), true); // an entry ends with it
    }
  }
  return merged;
}
