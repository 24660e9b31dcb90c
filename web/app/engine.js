// The one model that the page has open, and how it changes: none -> loading -> ready | failed, and again.

import { load } from "./sotto/index.js";

/** Fires "change" when `state` does, "progress" while a model is loading, "verified" when its file has been compared. */
export class Engine extends EventTarget {
  state = "none"; // "none" | "loading" | "ready" | "failed"
  choice = undefined; // {title, source, sha256?, ...} of the model that was asked for last
  error = undefined; // why it failed
  progress = { loaded: 0, total: 0 };
  #model;
  #loading; // AbortController of the load under way

  /** Loads a model in place of the present one. Never rejects: what went wrong is in `state` and `error`. */
  async open(choice, options) {
    this.#loading?.abort();
    const loading = this.#loading = new AbortController();
    const before = this.#model;
    this.#model = undefined;
    this.choice = choice;
    this.progress = { loaded: 0, total: choice.bytes ?? 0 };
    this.#become("loading");
    try {
      await before?.close(); // first: two models may not fit
      const model = await load(choice.source, {
        ...options,
        sha256: choice.sha256,
        signal: loading.signal,
        onProgress: (progress) => this.#report(loading, progress),
      });
      if (loading.signal.aborted) return void await model.close();
      this.#model = model;
      this.#become("ready");
      model.verified.then(() => this.dispatchEvent(new Event("verified")), (error) => this.#drop(model, error));
    } catch (error) {
      if (!loading.signal.aborted) this.#become("failed", error);
    }
  }

  /** What the library tells of the model, or undefined. */
  get info() {
    return this.#model?.info;
  }

  /** Gives up the load under way. */
  cancel() {
    this.#loading?.abort();
    this.choice = undefined;
    this.#become("none");
  }

  /** The model as soon as there is one, however many loads it takes; only the signal ends the wait. */
  async whenReady(signal) {
    while (this.state !== "ready") await nextChange(this, signal);
    return this.#model;
  }

  // It is not the file that was meant: nothing that it says is worth anything.
  #drop(model, error) {
    if (this.#model !== model) return;
    model.close();
    this.#model = undefined;
    this.#become("failed", error);
  }

  #report(loading, { loadedBytes, totalBytes }) {
    if (this.#loading !== loading || this.state !== "loading") return;
    this.progress = { loaded: loadedBytes, total: totalBytes || this.progress.total };
    this.dispatchEvent(new Event("progress"));
  }

  #become(state, error) {
    this.state = state;
    this.error = error;
    this.dispatchEvent(new Event("change"));
  }
}

function nextChange(target, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = new AbortController();
    target.addEventListener("change", () => { stop.abort(); resolve(); }, { signal: stop.signal });
    signal?.addEventListener("abort", () => { stop.abort(); reject(signal.reason); }, { signal: stop.signal });
  });
}
