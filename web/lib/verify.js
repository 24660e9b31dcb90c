// verify.js: is this the file that was meant? Its SHA-256, while its chunks pass by in any order: hashing follows what is
// there from the file's start on, and what came too early is read again from where the source has it.
import { CHUNK_BYTES } from "./buffers.js";
import { errorOf } from "./errors.js";

/** The engine's SHA-256 (src/sha256.c). */
export class Sha256 {
  #instance;
  #state;
  #portion;

  /** instance: one that has nothing else to do. */
  constructor(instance) {
    this.#instance = instance;
    this.#state = instance.exports.sotto_sha256_open(instance.allocate(instance.exports.sotto_sha256_measure()));
    this.#portion = instance.allocate(CHUNK_BYTES);
  }

  /** At most CHUNK_BYTES. */
  push(bytes) {
    this.#instance.u8.set(bytes, this.#portion);
    this.#instance.exports.sotto_sha256_push(this.#state, this.#portion, bytes.length);
  }

  /** The digest as 64 hexadecimal digits. */
  finish() {
    this.#instance.exports.sotto_sha256_finish(this.#state, this.#portion);
    return toHex(this.#instance.bytes(this.#portion, 32));
  }
}

export function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The chunks of a source as they are; when all are out, verify() says whether they were the file that was meant. */
export class Verifier {
  #source;
  #makeSha;
  #findDigest;
  #sha;
  #portion; // what is read again
  #digest;
  #hashedBytes = 0;
  #totalBytes = 0;

  /**
   * source: of readSource. What came too early is hashed when its reread(offset, bytes) fills them and gives their number;
   * where there is nothing to read again from, the source is not told what is wanted. makeSha(): a promise of a Sha256.
   * findDigest(): a promise of the digest that the file must have, undefined when nobody knows it. Both are called for a
   * file that is not known.
   */
  constructor(source, makeSha, findDigest) {
    this.#source = source;
    this.#makeSha = makeSha;
    this.#findDigest = findDigest;
    source.hold?.();
  }

  want(ranges) {
    if (this.#source.canReread) this.#source.want(ranges);
  }

  async *[Symbol.asyncIterator]() {
    let isWhole = false;
    try {
      for await (const chunk of this.#source) {
        if (!this.#source.isVerified) await this.#follow(chunk);
        yield chunk;
      }
      isWhole = true;
    } finally {
      if (!isWhole) await this.#source.close?.();
    }
  }

  async #follow({ offset, bytes }) {
    this.#digest ??= this.#findDigest();
    this.#sha ??= await this.#makeSha();
    this.#totalBytes += bytes.length;
    if (offset === this.#hashedBytes) this.#hash(bytes);
    else await this.#catchUp();
  }

  #hash(bytes) {
    this.#sha.push(bytes);
    this.#hashedBytes += bytes.length;
  }

  // Returns whether there was something to read again.
  async #catchUp() {
    this.#portion ??= new Uint8Array(CHUNK_BYTES);
    const n = await this.#source.reread?.(this.#hashedBytes, this.#portion);
    if (!n) return false;
    this.#hash(this.#portion.subarray(0, n));
    return true;
  }

  /** False: nobody knows the digest, or storage ran full and has not all of the file. Throws CHECKSUM. */
  async verify() {
    try {
      if (this.#source.isVerified) return true;
      const digest = await this.#digest;
      if (!digest) return false;
      while (this.#hashedBytes < this.#totalBytes) if (!await this.#catchUp()) return false;
      const found = this.#sha.finish();
      await this.#source.settle?.(found === digest ? digest : null);
      if (found !== digest) throw errorOf("CHECKSUM", `the file's SHA-256 is ${found}, not ${digest}`);
      return true;
    } finally {
      await this.#source.close?.();
    }
  }
}
