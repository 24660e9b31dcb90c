// progress.mjs: how far a long step is: a bar that rewrites its line on a terminal, elsewhere a line now and then.
import { Pace, bytesOf, duration } from "../web/app/format.js";

const BAR_WIDTH = 30;
const REDRAW_MS = 100;
const LINE_MS = 5000;

export class Progress {
  #stream;
  #what;
  #pace;
  #shownAt; // when the bar was drawn or the line written

  constructor(stream = process.stderr) {
    this.#stream = stream;
  }

  /** A whole line. */
  say(text) {
    this.end();
    this.#stream.write(`${text}\n`);
  }

  /** A step's next bytes; total may be unknown. */
  update(what, done, total) {
    const now = performance.now();
    if (what !== this.#what) this.#begin(what, now);
    const pace = this.#pace.update(done, total, now);
    if (now - this.#shownAt < (this.#stream.isTTY ? REDRAW_MS : LINE_MS) && done !== total) return;
    this.#shownAt = now;
    const facts = [bytesOf(done, total), pace && `${duration(pace.seconds)} left`].filter(Boolean).join(", ");
    this.#stream.write(this.#stream.isTTY ? `\r${bar(done / total)} ${what}: ${facts}\x1b[K` : `${what}: ${facts}\n`);
  }

  /** The step is over: what comes next begins a line of its own. */
  end() {
    if (this.#what && this.#stream.isTTY) this.#stream.write("\n");
    this.#what = undefined;
  }

  #begin(what, now) {
    this.end();
    this.#what = what;
    this.#pace = new Pace();
    this.#shownAt = now;
  }
}

function bar(fraction) {
  const filled = Math.round(BAR_WIDTH * (fraction || 0));
  return `[${"#".repeat(filled)}${"-".repeat(BAR_WIDTH - filled)}]`;
}
