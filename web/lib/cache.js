// cache.js: kept files in the Cache API, for browsers that have or give no OPFS. Each file is a cache of its own; each
// piece of it, as it arrived, a made-up response whose address says which bytes it holds. A response is there wholly or
// not at all, so the list of the addresses is the map of what is there.
import { errorOf } from "./errors.js";
import { RangeSet } from "./ranges.js";

const PREFIX = "sotto:"; // of the caches' names
const PLACE = "https://kept.invalid/"; // addresses that no page can ask for
const MAX_PUTS = 12; // at once: what three connections bring between two records
// Written in turn: WebKit takes the old response away before the new one is there, and a worker may end between the two.
const RECORDS = [`${PLACE}record`, `${PLACE}record-2`];

export class CacheFolder {
  storage = "cache";
  canOpen = true;
  #caches;

  static async open() {
    await caches.keys(); // fails where it is refused
    return new CacheFolder(caches);
  }

  /** caches: a CacheStorage. */
  constructor(caches) {
    this.#caches = caches;
  }

  async open(key) {
    const file = new CacheFile(this.#caches, PREFIX + key);
    await file.open();
    return file;
  }

  async remove(key) {
    await this.#caches.delete(PREFIX + key);
  }

  async list() {
    const names = (await this.#caches.keys()).filter((name) => name.startsWith(PREFIX));
    const records = await Promise.all(names.map(async (name) => {
      const cache = await this.#caches.open(name);
      const { record } = await readRecord(cache);
      return record && { ...record, bytes: new RangeSet(await piecesOf(cache)).bytes };
    }));
    return records.filter(Boolean);
  }

  async readWhole(key) {
    if (!await this.#caches.has(PREFIX + key)) return undefined;
    const cache = await this.#caches.open(PREFIX + key);
    const totalBytes = (await readRecord(cache)).record?.totalBytes;
    const pieces = await piecesOf(cache);
    if (totalBytes === undefined || !new RangeSet(pieces).has(0, totalBytes)) return undefined;
    const parts = [];
    for (let at = 0; at < totalBytes; ) {
      const [begin, end] = pieceAt(pieces, at);
      const blob = await (await cache.match(addressOf(begin, end)))?.blob();
      if (blob?.size !== end - begin) throw errorOf("READ_FAILED", `storage has lost the bytes from ${begin} on`);
      parts.push(blob.slice(at - begin));
      at = end;
    }
    return new File(parts, `${key}.gguf`);
  }
}

class CacheFile {
  #caches;
  #name;
  #cache;
  #pieces; // [begin, end)
  #turn; // of the record that holds
  #puts = []; // under way

  constructor(caches, name) {
    this.#caches = caches;
    this.#name = name;
  }

  async open() {
    await this.#caches.has(this.#name); // WebKit may show a cache empty that is opened while another worker that has it ends
    this.#cache = await this.#caches.open(this.#name);
    const { record, turn } = await readRecord(this.#cache);
    this.record = record;
    this.#turn = turn;
    this.#pieces = await piecesOf(this.#cache);
    this.ranges = new RangeSet(this.#pieces);
    if (!this.record && this.#pieces.length) await this.clear(); // of which version they are, nobody knows
  }

  async read(offset, bytes) {
    const [begin, end] = pieceAt(this.#pieces, offset);
    const buffer = await (await this.#cache.match(addressOf(begin, end))).arrayBuffer();
    const part = new Uint8Array(buffer).subarray(offset - begin, offset - begin + bytes.length);
    bytes.set(part);
    return part.length;
  }

  async drop(begin, end) {
    const isOutside = ([from, to]) => to <= begin || from >= end;
    const dropped = this.#pieces.filter((piece) => !isOutside(piece));
    this.#pieces = this.#pieces.filter(isOutside);
    this.ranges = new RangeSet(this.#pieces);
    for (const piece of dropped) await this.#cache.delete(addressOf(...piece));
  }

  // The response has a copy of the bytes at once; save waits until it is stored, and a writer who is too fast.
  async write(begin, bytes) {
    if (this.#puts.length >= MAX_PUTS) await Promise.all(this.#puts.splice(0));
    const end = begin + bytes.length;
    const response = new Response(bytes, { headers: { "content-length": String(bytes.length) } });
    const put = this.#cache.put(addressOf(begin, end), response).then(() => {
      this.#pieces.push([begin, end]);
      this.ranges.add(begin, end);
    });
    put.catch(() => {}); // save tells
    this.#puts.push(put);
  }

  async save(record) {
    await Promise.all(this.#puts.splice(0));
    const turn = this.#turn + 1;
    await this.#cache.put(RECORDS[turn % 2], new Response(JSON.stringify({ record, turn })));
    this.#turn = turn;
    this.record = record;
  }

  async clear() {
    await Promise.allSettled(this.#puts.splice(0));
    this.#pieces = [];
    this.ranges = new RangeSet();
    this.record = null;
    await this.#caches.delete(this.#name);
    this.#cache = await this.#caches.open(this.#name);
  }

  async close() {
    await Promise.allSettled(this.#puts);
  }
}

const addressOf = (begin, end) => `${PLACE}${begin}-${end}`;
const pieceAt = (pieces, offset) => pieces.find(([begin, end]) => begin <= offset && offset < end);

async function piecesOf(cache) {
  const addresses = (await cache.keys()).map(({ url }) => url).filter((url) => !RECORDS.includes(url));
  return addresses.map((url) => url.slice(PLACE.length).split("-").map(Number));
}

// { record, turn }: the newer of both; record is null where there is none.
async function readRecord(cache) {
  const [first, second] = await Promise.all(RECORDS.map((address) => readJson(cache, address)));
  return first.turn > second.turn ? first : second;
}

async function readJson(cache, address) {
  try {
    return await (await cache.match(address)).json();
  } catch {
    return { record: null, turn: 0 }; // it was never written, or is damaged
  }
}
