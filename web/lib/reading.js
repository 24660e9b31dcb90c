// reading.js: in which way kernels read the weights for a token. What processors fetch by themselves differs: each of the
// ways of sotto.h is a tenth to a half faster than the others on one processor and slower on another, and nothing tells but
// a clock. So the first tokens are computed in all ways, in turn; the results are the same bits.

const N_SAMPLES = 6; // tokens in each way

export class Reading {
  #set;
  #milliseconds = [[], [], []]; // of enum sotto_reading
  #way = 0;
  #begin; // of a single token's computation

  constructor({ sotto_set_reading: set }) {
    this.#set = set;
  }

  /** To be told before tokens are computed, how many: the time is taken from one single token to the next. */
  next(nTokens) {
    if (!this.#set) return;
    const before = this.#begin;
    this.#begin = nTokens === 1 ? performance.now() : undefined;
    if (nTokens !== 1 || before === undefined) return;
    this.#milliseconds[this.#way].push(this.#begin - before);
    this.#way = (this.#way + 1) % this.#milliseconds.length;
    this.#set(this.#way);
    if (this.#milliseconds.at(-1).length === N_SAMPLES) this.#choose();
  }

  #choose() {
    const fastest = this.#milliseconds.map((times) => Math.min(...times)); // what other programs add is never negative
    this.#set(fastest.indexOf(Math.min(...fastest)));
    this.#set = null;
  }
}
