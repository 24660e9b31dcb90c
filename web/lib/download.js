// download.js: a file over HTTP as chunks { offset, bytes, totalBytes }, each byte once: what is kept comes from
// storage, the rest from the network, and is kept. In the file's order until ranges are wanted; from then on those
// first, over several connections when the server knows ranges.
import { CHUNK_BYTES } from "./buffers.js";
import { errorToMessage, throwIfAborted } from "./errors.js";
import { fetchStretch } from "./http.js";
import { Order, RangeSet, joinNear } from "./ranges.js";

const MAX_CONNECTIONS = 3;
const STRETCH_BYTES = 1 << 24; // of one connection, at most
const STRETCH_MS = 400; // long beside a round trip, but what is wanted next should not wait for what is wanted later
const FIRST_STRETCH_BYTES = 1 << 20; // so short that all connections begin with the first layer
const PORTION_BYTES = 1 << 22; // of the first request: most headers, and little behind them: a browser reads far ahead
const SAVE_BYTES = 3 << 18; // for each connection: with a chunk that is being gathered less than 1 MiB can be lost

const first = (iterator) => iterator.next().value;

export class Download {
  #remote;
  #store;
  #onEvent;
  #kept = null;
  #stock = new RangeSet(); // what was kept when this began
  #order = new Order();
  #sent = new RangeSet();
  #sha256;
  #portionBytes;
  #isHeld = false;
  #connections = new Set();
  #stretchBytes = FIRST_STRETCH_BYTES; // of the next one
  #isMoved = false; // ranges are wanted since the connections were opened

  /**
   * buffers: a Buffers. store: a Store or null. sha256: what is kept must have been verified as this, if as anything.
   * onEvent({ storage, storageProblem }): where the file is kept, and why not; ({ waiting }): how far another tab is.
   * portionBytes: of the first request. While the file comes in its own order each one asks for twice as much as the one
   * before, from STRETCH_BYTES on for all that is left.
   */
  constructor(url, { portionBytes = PORTION_BYTES, ...options }) {
    const { headers, signal, store = null, sha256, buffers, onEvent = () => {}, stallMs = 20_000, retryMs = 250 } = options;
    this.#portionBytes = portionBytes;
    this.#sha256 = sha256;
    this.#remote = { url, headers, signal, buffers, stallMs, retryMs };
    this.#store = store;
    this.#onEvent = onEvent;
  }

  want(ranges) {
    this.#order.want(joinNear(ranges));
    this.#isMoved = true;
  }

  async *[Symbol.asyncIterator]() {
    await this.#openKept();
    try {
      while (!this.#isWhole()) {
        throwIfAborted(this.#remote.signal);
        this.#connect();
        const chunk = this.#takeArrived() ?? await this.#readKept();
        if (chunk) yield* this.#new(chunk);
        else if (!this.#connections.size) continue;
        else await Promise.race([...this.#connections].map(({ waiting }) => waiting));
      }
    } catch (error) {
      if (error.code === "CHANGED") await this.#kept?.clear();
      throw error;
    } finally {
      for (const connection of this.#connections) this.#drop(connection);
      if (this.#isHeld) await this.#kept?.save(this.#remote);
      else await this.close();
    }
  }

  // ---- what is kept, when all chunks are out ----

  /** From now on close() closes what is kept, not the last chunk. */
  hold() {
    this.#isHeld = true;
  }

  get isVerified() {
    return this.#kept?.sha256 !== undefined;
  }

  get canReread() {
    return this.#kept !== null && !this.#kept.problem;
  }

  /** Fills bytes as far as they are there; returns how many. */
  async reread(offset, bytes) {
    const [begin, end] = first(this.#kept?.ranges.parts(offset, offset + bytes.length) ?? [].values()) ?? [];
    return begin === offset ? this.#kept.read(begin, bytes.subarray(0, end - begin)) : 0;
  }

  /** The file is verified as that digest; null: it is wrong, and dropped. */
  async settle(sha256) {
    if (sha256 === null) await this.#kept?.clear();
    else if (this.#kept) this.#kept.sha256 = sha256;
  }

  async close() {
    const kept = this.#kept;
    this.#kept = null;
    await kept?.close(this.#remote);
  }

  get #fileBytes() {
    return this.#remote.totalBytes ?? Infinity;
  }

  #isWhole() {
    return this.#sent.has(0, this.#fileBytes);
  }

  async #openKept() {
    const onWaiting = (waiting) => this.#onEvent({ waiting });
    const onProblem = (error) => this.#onEvent({ storage: "memory", storageProblem: errorToMessage(error) });
    try {
      this.#kept = await this.#store?.open(this.#remote.url, { onWaiting, onProblem }) ?? null;
      this.#onEvent({ storage: this.#kept?.storage ?? "memory" });
    } catch (error) {
      onProblem(error);
    }
    const isOther = this.#sha256 && this.#kept?.sha256 && this.#kept.sha256 !== this.#sha256;
    if (isOther) await this.#kept.clear();
    const { totalBytes, validator } = this.#kept ?? {};
    const cache = this.#kept ? "no-store" : "default"; // the browser need not keep it a second time
    Object.assign(this.#remote, { totalBytes, validator, cache });
    this.#stock = new RangeSet(this.#kept?.ranges.ranges);
  }

  // ---- the network ----

  #connect() {
    if (this.#isMoved && this.#remote.canSeek) this.#move();
    if (this.#remote.canSeek === false) [...this.#connections].slice(1).forEach((other) => this.#drop(other));
    while (this.#connections.size < this.#maxConnections()) {
      const stretch = this.#nextStretch();
      if (!stretch) return;
      this.#open(stretch);
    }
  }

  // A server that may not know ranges is asked for one while the first connection goes on; one that hides the file's length
  // tells it in its next answer.
  #maxConnections() {
    const { canSeek, totalBytes } = this.#remote;
    if (!this.#order.isFree || canSeek === false || (canSeek && totalBytes === undefined)) return 1;
    return canSeek ? MAX_CONNECTIONS : 2;
  }

  #nextStretch() {
    const under = [...this.#connections].map(({ begin, stretch }) => [Math.min(begin, stretch.position), stretch.end]);
    const done = this.#sent.with(this.#stock.ranges).with(under);
    const [begin, end] = first(this.#order.left(done, this.#fileBytes)) ?? [];
    if (begin === undefined) return null;
    if (this.#order.isFree) return { position: begin, end: Math.min(end, begin + this.#stretchBytes) };
    if (!this.#sent.has(0, begin)) return null; // what is kept comes before it
    return { position: begin, end: Math.min(end, begin + this.#portionBytes) };
  }

  #open(stretch) {
    const controller = new AbortController();
    const { signal } = controller;
    this.#remote.signal?.addEventListener("abort", () => controller.abort(), { signal });
    stretch.signal = signal;
    const chunks = fetchStretch(this.#remote, stretch);
    const connection = { begin: stretch.position, beganAt: performance.now(), stretch, controller, chunks };
    this.#connections.add(connection);
    if (!this.#order.isFree) this.#portionBytes = this.#portionBytes < STRETCH_BYTES ? 2 * this.#portionBytes : Infinity;
    this.#pull(connection);
  }

  #pull(connection) {
    connection.arrived = null;
    connection.waiting = connection.chunks.next().then(
      (result) => { connection.arrived = result; },
      (error) => { connection.arrived = { error }; },
    );
  }

  #drop(connection) {
    this.#connections.delete(connection);
    connection.controller.abort();
  }

  // Connections that are not where the next wanted bytes are end; what they have read is not lost.
  #move() {
    this.#isMoved = false;
    const done = this.#sent.with(this.#stock.ranges);
    const next = [];
    while (next.length < MAX_CONNECTIONS && !done.has(0, this.#fileBytes)) {
      const [begin, end] = first(this.#order.left(done, this.#fileBytes));
      next.push([begin, Math.min(end, begin + FIRST_STRETCH_BYTES)]);
      done.add(...next.at(-1));
    }
    for (const { stretch } of this.#connections) {
      if (stretch.end - stretch.position <= FIRST_STRETCH_BYTES) continue; // the rest is on the wire
      const range = next.find(([begin, end]) => begin <= stretch.position && stretch.position < end);
      if (range) stretch.end = Math.min(stretch.end, range[1]);
      else stretch.isStopped = true;
    }
  }

  #takeArrived() {
    for (const connection of this.#connections) {
      const { arrived } = connection;
      if (arrived?.error) throw arrived.error;
      if (arrived?.done) {
        this.#drop(connection);
        this.#adapt(connection);
      }
      if (!arrived?.value) continue;
      this.#pull(connection);
      return arrived.value;
    }
    return null;
  }

  #adapt({ begin, stretch, beganAt }) {
    const isFull = stretch.position - begin === this.#stretchBytes;
    if (isFull && performance.now() - beganAt < STRETCH_MS) this.#stretchBytes = Math.min(STRETCH_BYTES, 2 * this.#stretchBytes);
  }

  // ---- storage ----

  async #readKept() {
    if (!this.#stock.ranges.length) return null;
    for (const [begin, end] of this.#order.left(this.#sent, this.#fileBytes)) {
      const [from, to] = first(this.#stock.parts(begin, end)) ?? [];
      if (from === begin || (this.#order.isFree && from !== undefined)) {
        const bytes = this.#remote.buffers.take(Math.min(to - from, CHUNK_BYTES));
        const n = await this.#kept.read(from, bytes);
        if (n > 0) return { offset: from, bytes: bytes.subarray(0, n) };
        this.#stock = new RangeSet(this.#kept.ranges.ranges); // the network has what storage lost
        return null;
      }
      if (!this.#order.isFree) return null;
    }
    this.#stock = new RangeSet(); // all of it is sent
    return null;
  }

  // A server that begins again sends bytes a second time: they are passed over.
  async *#new({ offset, bytes }) {
    for (const [begin, end] of [...this.#sent.gaps(offset, offset + bytes.length)]) {
      const isWhole = end - begin === bytes.length;
      const part = isWhole ? bytes : this.#remote.buffers.copy(bytes.subarray(begin - offset, end - offset));
      await this.#keep(begin, part);
      this.#sent.add(begin, end);
      yield { offset: begin, bytes: part, totalBytes: this.#remote.totalBytes };
    }
  }

  async #keep(offset, bytes) {
    const kept = this.#kept;
    if (!kept || kept.problem || kept.ranges.has(offset, offset + bytes.length)) return;
    await kept.reserve(this.#fileBytes);
    await kept.write(offset, bytes);
    if (kept.unsavedBytes >= SAVE_BYTES * Math.max(1, this.#connections.size)) await kept.save(this.#remote);
  }
}
