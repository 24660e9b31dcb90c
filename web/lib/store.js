// store.js: files that are kept between visits, whole or in part, in the origin private file system (OPFS).
//
// Of each file there are two: "<key>.gguf", its bytes at their places, and "<key>.map", which says which of them are
// there. Bytes are flushed before the map that names them is written, into the older of its two slots: a crash at any
// moment leaves one slot that is whole and tells the truth.
import { errorOf } from "./errors.js";
import { RangeSet } from "./ranges.js";
import { toHex } from "./verify.js";

const FOLDER = "sotto";
const SLOT_BYTES = 1 << 16;
const MAX_RANGES = 1500; // of up to 25 characters: they fit into a slot, beside a URL
const MAX_OPENINGS = 20; // a worker that was ended gives its files back a little later than its locks
const OPENING_MS = 50;
const SECRET = /token|signature|^sign?$|secret|passw|^auth|credential|^policy$|^expires$|api.?key|^x-(amz|goog|ms)-/i;

/** The store of this origin; null where there is none, or the browser refuses it. */
export async function openStore() {
  try {
    if (!("createSyncAccessHandle" in FileSystemFileHandle.prototype)) return null;
    return new Store(new OpfsFolder(await openFolder()));
  } catch {
    return null;
  }
}

let isAsked = false;

/** Asks the browser once to delete nothing on its own; it may ask the person, so nobody waits for the answer. */
export function askToPersist() {
  if (!isAsked) globalThis.navigator?.storage?.persist?.().catch(() => {}); // a refusal changes nothing
  isAsked = true;
}

/** The files that are kept: { url, bytes, totalBytes, verified, lastUsed }. */
export async function listKept() {
  const folder = await openFolder().catch(() => null);
  const found = [];
  for await (const [name, handle] of folder?.entries() ?? []) {
    if (!name.endsWith(".map")) continue;
    const record = await handle.getFile().then(readRecord).catch(() => null); // it may be in the making
    if (record) found.push(record);
  }
  return found.map(({ url, ranges, totalBytes, sha256, lastUsed }) => ({
    url, bytes: new RangeSet(ranges).bytes, totalBytes, verified: sha256 !== undefined, lastUsed: new Date(lastUsed) }));
}

/** The file that is kept of a URL, to be read from storage bit by bit; undefined unless it is whole. */
export async function readKept(url) {
  const folder = await openFolder().catch(() => null);
  if (!folder) return undefined;
  const key = await keyOf(url);
  const open = async (name) => (await folder.getFileHandle(name)).getFile();
  const record = await open(`${key}.map`).then(readRecord).catch(() => null);
  const isWhole = record?.totalBytes !== undefined && new RangeSet(record.ranges).has(0, record.totalBytes);
  return isWhole ? open(`${key}.gguf`) : undefined;
}

async function readRecord(file) {
  return newest(new Uint8Array(await file.arrayBuffer()));
}

/** Deletes what is kept of a file; waits for a download of it to end. */
export async function forgetKept(url) {
  const folder = await openFolder().catch(() => null);
  if (!folder) return;
  const key = await keyOf(url);
  const release = await lock(key);
  try {
    for (const name of [`${key}.map`, `${key}.gguf`]) await folder.removeEntry(name).catch(passOverMissing);
  } finally {
    release();
  }
}

function passOverMissing(cause) {
  if (cause.name === "NotFoundError") return;
  throw errorOf("READ_FAILED", `what is kept could not be deleted: ${cause.message}`, cause);
}

async function openFolder() {
  return (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
}

class OpfsFolder {
  #folder;

  constructor(folder) {
    this.#folder = folder;
  }

  async open(name) {
    const file = await this.#folder.getFileHandle(name, { create: true });
    for (let tries = 1; ; tries++) {
      try {
        return await file.createSyncAccessHandle();
      } catch (error) {
        if (error.name !== "NoModificationAllowedError" || tries === MAX_OPENINGS) throw error;
        await new Promise((resolve) => setTimeout(resolve, OPENING_MS));
      }
    }
  }

  remove(name) {
    return this.#folder.removeEntry(name);
  }

  async freeBytes() {
    const { quota, usage } = await navigator.storage.estimate();
    return quota - usage;
  }
}

/** Files in a folder: { open(name) -> as FileSystemSyncAccessHandle, remove(name), freeBytes() }. */
export class Store {
  #folder;

  constructor(folder) {
    this.#folder = folder;
  }

  /**
   * Opens what is kept of a URL, for this thread alone; null when the browser refuses. onWaiting({ loadedBytes,
   * totalBytes }) tells how far another tab is that has it.
   */
  async open(url, onWaiting) {
    const key = await keyOf(url);
    const release = await lock(key, onWaiting);
    const names = [`${key}.gguf`, `${key}.map`];
    const files = [];
    const onClose = async (isUnused) => {
      if (isUnused) for (const name of names) await this.#folder.remove(name).catch(() => {}); // they are empty
      release();
    };
    try {
      for (const name of names) files.push(await this.#folder.open(name));
      return new KeptFile(publicUrl(url), this.#folder, ...files, new BroadcastChannel(channelName(key)), onClose);
    } catch {
      for (const file of files) file.close();
      release();
      return null;
    }
  }
}

class KeptFile {
  isFull = false;
  unsavedBytes = 0;
  #url;
  #folder;
  #data;
  #map;
  #channel;
  #onClose;
  #sequence;
  #isReserved = false;

  /** onClose(isUnused): the files are closed; whether nothing was ever kept in them. */
  constructor(url, folder, data, map, channel, onClose) {
    const bytes = new Uint8Array(map.getSize());
    map.read(bytes, { at: 0 });
    const record = newest(bytes);
    this.#url = url;
    this.#folder = folder;
    this.#data = data;
    this.#map = map;
    this.#channel = channel;
    this.#onClose = onClose;
    this.#sequence = record?.sequence ?? 0;
    this.totalBytes = record?.totalBytes;
    this.validator = record?.validator;
    this.sha256 = record?.sha256; // of a file that was verified
    this.ranges = new RangeSet(new RangeSet(record?.ranges).parts(0, data.getSize()));
  }

  /** Fills bytes. */
  read(offset, bytes) {
    const n = this.#data.read(bytes, { at: offset });
    if (n < bytes.length) throw errorOf("READ_FAILED", `storage gave ${n} of ${bytes.length} bytes`);
  }

  /** Asks once whether the rest of a file of `fileBytes` has room, as far as its length is known. */
  async reserve(fileBytes) {
    if (this.#isReserved) return;
    this.#isReserved = true;
    const freeBytes = await this.#folder.freeBytes().catch(() => Infinity);
    if (Number.isFinite(fileBytes)) this.isFull = fileBytes - this.ranges.bytes > freeBytes;
  }

  /** A full disk ends the keeping, not the loading. */
  write(offset, bytes) {
    if (this.isFull) return;
    this.#orFull(() => {
      if (this.#data.write(bytes, { at: offset }) < bytes.length) throw new Error("the disk is full");
      this.ranges.add(offset, offset + bytes.length);
      this.unsavedBytes += bytes.length;
    });
  }

  /** Makes sure that all that was written is found again. */
  save({ totalBytes, validator }) {
    this.#orFull(() => {
      this.#data.flush();
      const ranges = longest(this.ranges.ranges);
      const sequence = ++this.#sequence;
      const { sha256 } = this;
      const record = { url: this.#url, totalBytes, validator, sha256, ranges, lastUsed: Date.now(), sequence };
      const slot = new TextEncoder().encode(`${JSON.stringify(record)}\0`);
      this.#map.write(slot, { at: (sequence % 2) * SLOT_BYTES });
      this.#map.flush();
      this.unsavedBytes = 0;
    });
    this.#channel.postMessage({ loadedBytes: this.ranges.bytes, totalBytes });
  }

  #orFull(work) {
    try {
      work();
    } catch {
      this.isFull = true;
    }
  }

  /** Forgets what is kept, before anything of another version is written. */
  clear() {
    this.#map.truncate(0);
    this.#map.flush();
    this.#data.truncate(0);
    this.ranges = new RangeSet();
    this.totalBytes = this.validator = this.sha256 = undefined;
  }

  close(remote) {
    if (this.ranges.bytes) this.save(remote);
    this.#data.close();
    this.#map.close();
    this.#channel.close();
    this.#onClose(this.#sequence === 0);
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

/** A URL without what may be secret in it: name and password, and parameters that look like a signature or token. */
export function publicUrl(url) {
  const address = new URL(url);
  address.hash = address.username = address.password = "";
  for (const name of [...address.searchParams.keys()]) if (SECRET.test(name)) address.searchParams.delete(name);
  return address.href;
}

async function keyOf(url) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(publicUrl(url)));
  return toHex(new Uint8Array(digest));
}

const channelName = (key) => `sotto:${key}`;

// Takes the lock of a key, and resolves to the function that gives it back. The one who has it tells how far it is.
async function lock(key, onWaiting) {
  const channel = new BroadcastChannel(channelName(key));
  channel.onmessage = ({ data }) => onWaiting?.(data);
  try {
    return await new Promise((resolve, reject) => {
      const hold = () => new Promise((release) => resolve(release));
      navigator.locks.request(channelName(key), hold).catch(reject);
    });
  } finally {
    channel.close();
  }
}
