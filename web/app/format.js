// Numbers as a person reads them: bytes, time left, speed.

const MEGABYTE = 1e6;
const GIGABYTE = 1e9;

/** "98 MB", "1.2 GB" */
export function bytes(n) {
  return n < GIGABYTE ? `${Math.round(n / MEGABYTE)} MB` : `${(n / GIGABYTE).toFixed(1)} GB`;
}

/** "45 of 98 MB": one unit for both, so that the eye compares numbers. */
export function bytesOf(done, total) {
  if (!total) return bytes(done);
  const [unit, name, digits] = total < GIGABYTE ? [MEGABYTE, "MB", 0] : [GIGABYTE, "GB", 1];
  return `${(done / unit).toFixed(digits)} of ${(total / unit).toFixed(digits)} ${name}`;
}

/** "8 s", "3 min", "1.2 h" */
export function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** Two digits: 63, 430, 1.8 */
export function rough(n) {
  return Number(n.toPrecision(2));
}

const DAY_MS = 86_400_000;

/** "today", "yesterday", "12 days ago" */
export function dayOf(date, now = new Date()) {
  const startOfDay = (time) => new Date(time).setHours(0, 0, 0, 0);
  const days = Math.round((startOfDay(now) - startOfDay(date)) / DAY_MS);
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(-days, "day");
}

/** "64 tokens · 41.3 tokens/s"; the speed is left out until there is one. */
export function speed(nTokens, seconds) {
  const count = `${nTokens} ${nTokens === 1 ? "token" : "tokens"}`;
  return nTokens > 1 && seconds > 0 ? `${count} · ${((nTokens - 1) / seconds).toFixed(1)} tokens/s` : count;
}

/** A transfer's speed, and when it ends, from the bytes of the last few seconds: older ones tell of another network. */
export class Pace {
  static #WINDOW_MS = 5000;
  static #SETTLE_MS = 700; // earlier guesses jump about, and a short load needs none
  #samples = [];

  /** { bytesPerSecond, seconds } that are left; undefined while it is too early to tell. */
  update(done, total, now = performance.now()) {
    this.#samples.push({ done, now });
    while (now - this.#samples[0].now > Pace.#WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0];
    const elapsed = now - first.now;
    if (!total || elapsed < Pace.#SETTLE_MS || done <= first.done) return undefined;
    const bytesPerSecond = (done - first.done) / elapsed * 1000;
    return { bytesPerSecond, seconds: (total - done) / bytesPerSecond };
  }
}
