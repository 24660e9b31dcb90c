// ranges.js: sets of byte ranges [begin, end), and the order in which the bytes of a file go out.

// A request takes a round trip, of which three go on at once: a gap that takes no longer is fetched along.
const NEAR_BYTES = 1 << 17;
const BATCH_BYTES = 1 << 22; // about a layer of a small model: inside of one the order is free

export class RangeSet {
  /** Sorted, apart from one another. */
  ranges = [];

  constructor(ranges = []) {
    for (const [begin, end] of ranges) this.add(begin, end);
  }

  add(begin, end) {
    if (begin >= end) return;
    const { ranges } = this;
    let first = 0;
    while (first < ranges.length && ranges[first][1] < begin) first++;
    let last = first;
    while (last < ranges.length && ranges[last][0] <= end) last++;
    const touched = ranges.slice(first, last);
    const whole = [Math.min(begin, touched[0]?.[0] ?? begin), Math.max(end, touched.at(-1)?.[1] ?? end)];
    ranges.splice(first, last - first, whole);
  }

  /** What of [begin, end) is in the set. */
  *parts(begin, end) {
    for (const [from, to] of this.ranges) {
      if (from >= end) return;
      if (to > begin) yield [Math.max(from, begin), Math.min(to, end)];
    }
  }

  /** What of [begin, end) is not. */
  *gaps(begin, end) {
    let at = begin;
    for (const [from, to] of this.parts(begin, end)) {
      if (from > at) yield [at, from];
      at = to;
    }
    if (at < end) yield [at, end];
  }

  has(begin, end) {
    return this.gaps(begin, end).next().done;
  }

  /** A set of all that is in this one or another. */
  with(others) {
    const union = new RangeSet();
    union.ranges = this.ranges.map((range) => [...range]);
    for (const [begin, end] of others) union.add(begin, end);
    return union;
  }

  get bytes() {
    return this.ranges.reduce((sum, [begin, end]) => sum + end - begin, 0);
  }
}

/**
 * The wanted ranges as fewer and longer ones: rows of an embedding lie scattered, a layer's tensors side by side, but not
 * in the order in which they are used. A range is joined to what was wanted at most BATCH_BYTES before it, across gaps of
 * NEAR_BYTES at most.
 */
export function joinNear(ranges) {
  let joined = [];
  let at = 0; // bytes wanted before
  for (const [begin, end] of ranges) {
    const one = { begin, end, at };
    const isNear = (other) =>
      at - other.at <= BATCH_BYTES && begin - other.end <= NEAR_BYTES && other.begin - end <= NEAR_BYTES;
    const near = [...joined.filter(isNear), one];
    const [first, ...others] = near;
    first.begin = Math.min(...near.map((other) => other.begin));
    first.end = Math.max(...near.map((other) => other.end));
    joined = joined.filter((other) => !others.includes(other));
    if (first === one) joined.push(one);
    at += end - begin;
  }
  return joined.map((one) => [one.begin, one.end]);
}

/** From the file's start on, until ranges are wanted: then those first, and the rest behind them. */
export class Order {
  isFree = false;
  #wanted = [];

  want(ranges) {
    this.isFree = true;
    this.#wanted = [];
    for (const [begin, end] of ranges) {
      const last = this.#wanted.at(-1);
      if (last?.[1] === begin) last[1] = end;
      else this.#wanted.push([begin, end]);
    }
  }

  /** What is left of a file of `nBytes` without the ranges that are done; may name a range twice. */
  *left(done, nBytes) {
    for (const [begin, end] of this.#wanted) yield* done.gaps(begin, Math.min(end, nBytes));
    yield* done.gaps(0, nBytes);
  }
}
