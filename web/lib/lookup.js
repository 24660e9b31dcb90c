// lookup.js: guesses how an answer goes on from what stands in the prompt and the answer already: the tokens that followed
// when the last few stood there before (prompt look-up decoding: Saxena, 2023). A guess is only ever checked, so the
// answer is the same with it and without it; whether guessing pays is measured while it runs.

const N_DRAFT = 3; // with the token before them they fill one tile of the products, which is computed whole anyway
const LONGEST = 4; // tokens of context that must have stood there before: so many, else fewer
const SHORTEST = 2;
const SMOOTHING = 0.8; // of the running means
const PROBE_EVERY = 32; // tokens between two guesses while guessing does not pay

export class Lookup {
  #tokens = [];
  #places = new Map(); // "n tokens" -> where they ended last
  #plainMs = undefined; // of a step without a guess, and of a step with one: running means
  #draftMs = undefined;
  #accepted = N_DRAFT / 2; // guessed tokens that were right in a step with a guess
  #step = undefined; // the one under way: { began, nDrafted, nAccepted }
  #sinceProbe = 0;
  /** Guessed tokens in all, and those of them that were right. */
  nDrafted = 0;
  nAccepted = 0;

  constructor(tokens) {
    for (const token of tokens) this.push(token);
  }

  /** Takes the next token of the text. */
  push(token) {
    this.#tokens.push(token);
    const end = this.#tokens.length;
    for (let n = SHORTEST; n <= LONGEST && n < end; n++) this.#places.set(this.#key(end - 1, n), end - 1);
    this.#sinceProbe++;
  }

  // The n tokens before `end`, as a key.
  #key(end, n) {
    return this.#tokens.slice(end - n, end).join(" ");
  }

  /** The tokens that may come next, to be computed in the step that begins; none when there is no guess, or guessing has
   * not paid. */
  draft() {
    const now = performance.now();
    if (this.#step) this.#learn(this.#step, now - this.#step.began);
    const guess = this.#guess();
    this.nDrafted += guess.length;
    this.#step = { began: now, nDrafted: guess.length, nAccepted: 0 };
    return guess;
  }

  #guess() {
    if (!this.#pays() && this.#sinceProbe < PROBE_EVERY) return [];
    const end = this.#tokens.length;
    for (let n = Math.min(LONGEST, end - 1); n >= SHORTEST; n--) {
      const place = this.#places.get(this.#key(end, n));
      if (place === undefined) continue;
      this.#sinceProbe = 0;
      return this.#tokens.slice(place, place + N_DRAFT);
    }
    return [];
  }

  /** Tells that a guessed token was right. */
  accept() {
    this.nAccepted++;
    this.#step.nAccepted++;
  }

  #learn({ nDrafted, nAccepted }, ms) {
    const mean = (before, value) => (before === undefined ? value : SMOOTHING * before + (1 - SMOOTHING) * value);
    if (nDrafted === 0) {
      this.#plainMs = mean(this.#plainMs, ms);
    } else {
      this.#draftMs = mean(this.#draftMs, ms);
      this.#accepted = mean(this.#accepted, nAccepted);
    }
  }

  // A step with a guess gives 1 + accepted tokens; it must not take longer than they would one by one.
  #pays() {
    if (this.#plainMs === undefined || this.#draftMs === undefined) return true;
    return this.#draftMs < this.#plainMs * (1 + this.#accepted);
  }
}
