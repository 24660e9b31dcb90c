// load-ahead.js: whether kernels load weights ahead of those that they multiply. What processors fetch by themselves
// differs: one reads a tenth faster so, another a tenth slower, and nothing tells but a clock. So the first tokens are
// computed in either way, in turn; the results are the same bits.

const N_SAMPLES = 8; // tokens in each way

export class LoadAhead {
  #set;
  #milliseconds = [[], []]; // off, on
  #isOn = 0;
  #begin; // of a single token's computation

  constructor({ sotto_load_ahead: set }) {
    this.#set = set;
  }

  /** To be told before tokens are computed, how many: the time is taken from one single token to the next. */
  next(nTokens) {
    if (!this.#set) return;
    const before = this.#begin;
    this.#begin = nTokens === 1 ? performance.now() : undefined;
    if (nTokens !== 1 || before === undefined) return;
    this.#milliseconds[this.#isOn].push(this.#begin - before);
    this.#isOn ^= 1;
    this.#set(this.#isOn);
    if (this.#milliseconds[1].length === N_SAMPLES) this.#choose();
  }

  #choose() {
    const [off, on] = this.#milliseconds.map((times) => Math.min(...times)); // what other programs add is never negative
    this.#set(on < off);
    this.#set = null;
  }
}
