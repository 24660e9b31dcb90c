// opfs.js: kept files in the origin private file system. Of each there are two: "<key>.gguf", its bytes at their
// places, and "<key>.map", its record with the ranges that are there. Bytes are flushed before the map that names them
// is written, into the older of its two slots: a crash at any moment leaves one slot that is whole and tells the truth.
import { errorOf } from "./errors.js";
import { RangeSet } from "./ranges.js";

const FOLDER = "sotto";
const SLOT_BYTES = 1 << 16;
const MAX_RANGES = 1500; // of up to 25 characters: they fit into a slot, beside a URL
const MAX_OPENINGS = 20; // a worker that was ended gives its files back a little later than its locks
const OPENING_MS = 50;

export class OpfsFolder {
  storage = "opfs";
  #directory;

  static async open() {
    const root = await navigator.storage.getDirectory();
    return new OpfsFolder(await root.getDirectoryHandle(FOLDER, { create: true }));
  }

  /** directory: a FileSystemDirectoryHandle. */
  constructor(directory) {
    this.#directory = directory;
  }

  /** Only workers can. */
  get canOpen() {
    return "createSyncAccessHandle" in FileSystemFileHandle.prototype;
  }

  async open(key) {
    const handles = [];
    try {
      for (const name of namesOf(key)) handles.push(await this.#openHandle(name));
      return new OpfsFile(...handles);
    } catch (error) {
      for (const handle of handles) handle.close();
      throw error;
    }
  }

  async #openHandle(name) {
    const file = await this.#directory.getFileHandle(name, { create: true });
    for (let tries = 1; ; tries++) {
      try {
        return await file.createSyncAccessHandle();
      } catch (error) {
        if (error.name !== "NoModificationAllowedError" || tries === MAX_OPENINGS) throw error;
        await new Promise((resolve) => setTimeout(resolve, OPENING_MS));
      }
    }
  }

  async remove(key) {
    for (const name of namesOf(key).reverse()) await this.#directory.removeEntry(name).catch(passOverMissing);
  }

  async list() {
    const records = [];
    for await (const [name, handle] of this.#directory.entries()) {
      if (!name.endsWith(".map")) continue;
      const record = await handle.getFile().then(readMap).catch(() => null); // it may be in the making
      if (record) records.push({ ...record, bytes: new RangeSet(record.ranges).bytes });
    }
    return records;
  }

  async readWhole(key) {
    const [dataName, mapName] = namesOf(key);
    const open = async (name) => (await this.#directory.getFileHandle(name)).getFile();
    const record = await open(mapName).then(readMap).catch(() => null);
    const isWhole = record?.totalBytes !== undefined && new RangeSet(record.ranges).has(0, record.totalBytes);
    return isWhole ? open(dataName) : undefined;
  }
}

const namesOf = (key) => [`${key}.gguf`, `${key}.map`];

function passOverMissing(cause) {
  if (cause.name === "NotFoundError") return;
  throw errorOf("READ_FAILED", `what is kept could not be deleted: ${cause.message}`, cause);
}

async function readMap(file) {
  return newest(new Uint8Array(await file.arrayBuffer()));
}

class OpfsFile {
  #data;
  #map;
  #sequence;

  /** data, map: each a FileSystemSyncAccessHandle. */
  constructor(data, map) {
    const bytes = new Uint8Array(map.getSize());
    map.read(bytes, { at: 0 });
    this.#data = data;
    this.#map = map;
    this.record = newest(bytes);
    this.ranges = new RangeSet(new RangeSet(this.record?.ranges).parts(0, data.getSize()));
    this.#sequence = this.record?.sequence ?? 0;
  }

  read(offset, bytes) {
    return this.#data.read(bytes, { at: offset });
  }

  drop(begin, end) {
    this.ranges = new RangeSet([...this.ranges.parts(0, begin), ...this.ranges.parts(end, Infinity)]);
  }

  write(offset, bytes) {
    const n = this.#data.write(bytes, { at: offset });
    if (n < bytes.length) throw new DOMException(`the disk took ${n} of ${bytes.length} bytes`, "QuotaExceededError");
    this.ranges.add(offset, offset + bytes.length);
  }

  save(given) {
    this.#data.flush();
    const sequence = ++this.#sequence;
    const record = { ...given, ranges: longest(this.ranges.ranges), sequence };
    this.#map.write(new TextEncoder().encode(`${JSON.stringify(record)}\0`), { at: (sequence % 2) * SLOT_BYTES });
    this.#map.flush();
    this.record = record;
  }

  clear() {
    this.ranges = new RangeSet();
    this.record = null;
    this.#map.truncate(0);
    this.#map.flush();
    this.#data.truncate(0);
  }

  close() {
    this.#data.close();
    this.#map.close();
  }
}

// The map may forget a short range, which is fetched again then; the slot has an end.
function longest(ranges) {
  if (ranges.length <= MAX_RANGES) return ranges;
  return [...ranges].sort((a, b) => b[1] - b[0] - (a[1] - a[0])).slice(0, MAX_RANGES);
}

// The newer record of a map's two slots.
function newest(bytes) {
  const records = [0, SLOT_BYTES].map((at) => parseSlot(bytes.subarray(at, at + SLOT_BYTES))).filter(Boolean);
  return records.sort((a, b) => b.sequence - a.sequence)[0] ?? null;
}

function parseSlot(bytes) {
  try {
    return JSON.parse(new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0))));
  } catch {
    return null; // it was never written, or a crash came in between
  }
}
