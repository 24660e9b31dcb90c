// store.js: files that are kept between visits, whole or in part: in the origin private file system (opfs.js) or, where
// the browser has or gives none, in the Cache API (cache.js).
//
// Each is a folder { storage: its name, canOpen, open(key), readWhole(key), list(), remove(key) } of files { record,
// ranges, read(offset, bytes), write(offset, bytes), drop(begin, end), save(record), clear(), close() }. The record is
// { url, totalBytes, validator, sha256, lastUsed } as it was saved last, or null; ranges says which bytes are there:
// after a crash at any moment perhaps fewer than were written, never others.
import { CacheFolder } from "./cache.js";
import { errorOf } from "./errors.js";
import { OpfsFolder } from "./opfs.js";
import { RangeSet } from "./ranges.js";
import { toHex } from "./verify.js";

const SECRET = /token|signature|^sign?$|secret|passw|^auth|credential|^policy$|^expires$|api.?key|^x-(amz|goog|ms)-/i;

/** The store of this origin, for a worker. Where the browser gives none, what it opens is STORAGE_REFUSED. */
export async function openStore() {
  return new Store((await openFolders()).find(({ canOpen }) => canOpen));
}

// Those that the browser gives, the better one first.
async function openFolders() {
  const folders = await Promise.all([OpfsFolder, CacheFolder].map((Folder) => Folder.open().catch(() => null)));
  return folders.filter(Boolean);
}

let isAsked = false;

/**
 * Asks the browser once to delete nothing on its own. Where it would ask the person (Firefox), only with mayPrompt;
 * nobody waits for the answer, and a refusal changes nothing.
 */
export async function askToPersist(mayPrompt) {
  const { storage, permissions, userAgentData } = globalThis.navigator ?? {};
  if (isAsked || !storage?.persist) return;
  // Chromium says "prompt" and decides by itself; a browser that does not know the permission has nothing to ask for.
  const query = async () => userAgentData ? "granted" : (await permissions.query({ name: "persistent-storage" })).state;
  if (!mayPrompt && await query().catch(() => "granted") === "prompt") return;
  isAsked = true;
  await storage.persist().catch(() => {});
}

/** The files that are kept: { url, bytes, totalBytes, verified, lastUsed }. */
export async function listKept() {
  const lists = await Promise.all((await openFolders()).map((folder) => folder.list()));
  return lists.flat().map(({ url, bytes, totalBytes, sha256, lastUsed }) =>
    ({ url, bytes, totalBytes, verified: sha256 !== undefined, lastUsed: new Date(lastUsed) }));
}

/** The file that is kept of a URL; undefined unless it is whole. */
export async function readKept(url) {
  const folders = await openFolders();
  if (!folders.length) throw refused();
  const key = await keyOf(url);
  for (const folder of folders) {
    const file = await folder.readWhole(key);
    if (file) return file;
  }
  return undefined;
}

/** Deletes what is kept of a file; waits for a download of it to end. */
export async function forgetKept(url) {
  const folders = await openFolders();
  if (!folders.length) return;
  const key = await keyOf(url);
  const release = await lock(key);
  try {
    for (const folder of folders) await folder.remove(key);
  } finally {
    release();
  }
}

/** The estimated room that the browser gives this site beside what it has. */
async function estimateFree() {
  const { quota, usage } = await navigator.storage.estimate();
  return quota - usage;
}

export class Store {
  #folder;
  #estimateFree;

  /** folder: undefined where there is none. estimate(): a promise of the bytes that there is room for. */
  constructor(folder, estimate = estimateFree) {
    this.#folder = folder;
    this.#estimateFree = estimate;
  }

  /**
   * Opens what is kept of a URL, for this thread alone. onWaiting({ loadedBytes, totalBytes }) tells how far another tab
   * is that has it; onProblem(error), that no more is kept, and why: QUOTA or STORAGE_REFUSED. The latter is thrown, too.
   */
  async open(url, { onWaiting, onProblem } = {}) {
    const folder = this.#folder;
    if (!folder) throw refused();
    const key = await keyOf(url);
    const release = await lock(key, onWaiting).catch((cause) => { throw refused(cause); });
    const onClose = async (isEmpty) => {
      if (isEmpty) await folder.remove(key).catch(() => {});
      release();
    };
    try {
      const file = await folder.open(key);
      const { storage } = folder;
      const channel = new BroadcastChannel(channelName(key));
      const how = { storage, estimateFree: this.#estimateFree, channel, onProblem, onClose };
      return new KeptFile(publicUrl(url), file, how);
    } catch (cause) {
      release();
      throw refused(cause);
    }
  }
}

function refused(cause) {
  return errorOf("STORAGE_REFUSED", cause?.message ?? "no storage that a page can write to", cause);
}

class KeptFile {
  problem = null; // why no more is kept
  unsavedBytes = 0;
  #url;
  #file;
  #how;
  #isReserved = false;

  constructor(url, file, how) {
    this.#url = url;
    this.#file = file;
    this.#how = how;
    this.totalBytes = file.record?.totalBytes;
    this.validator = file.record?.validator;
    this.sha256 = file.record?.sha256; // of a file that was verified
  }

  get storage() {
    return this.#how.storage;
  }

  get ranges() {
    return this.#file.ranges;
  }

  /** Fills bytes, or some of them; returns how many. 0: storage does not give them back, and they are forgotten. */
  async read(offset, bytes) {
    try {
      const n = await this.#file.read(offset, bytes);
      if (n > 0) return n;
    } catch {
      // The browser deletes as it likes.
    }
    await this.#orStop(() => this.#file.drop(offset, offset + bytes.length));
    return 0;
  }

  /** Asks once whether the rest of a file of `fileBytes` has room, as far as its length is known. */
  async reserve(fileBytes) {
    if (this.#isReserved) return;
    this.#isReserved = true;
    const freeBytes = await this.#how.estimateFree().catch(() => Infinity);
    const neededBytes = fileBytes - this.ranges.bytes;
    if (Number.isFinite(fileBytes) && neededBytes > freeBytes) {
      this.#stop(errorOf("QUOTA", `${neededBytes} bytes are needed, and ${freeBytes} free`));
    }
  }

  /** What storage does not take ends the keeping, not the loading. */
  async write(offset, bytes) {
    if (this.problem) return;
    await this.#orStop(async () => {
      await this.#file.write(offset, bytes);
      this.unsavedBytes += bytes.length;
    });
  }

  /** Makes sure that all that was written is found again. */
  async save({ totalBytes, validator }) {
    const { sha256 } = this;
    const record = { url: this.#url, totalBytes, validator, sha256, lastUsed: Date.now() };
    await this.#orStop(async () => {
      await this.#file.save(record);
      this.unsavedBytes = 0;
    });
    this.#how.channel.postMessage({ loadedBytes: this.ranges.bytes, totalBytes });
  }

  async #orStop(work) {
    try {
      await work();
    } catch (cause) {
      this.#stop(cause.name === "QuotaExceededError" ? errorOf("QUOTA", cause.message, cause) : refused(cause));
    }
  }

  #stop(problem) {
    if (!this.problem) this.#how.onProblem?.(problem);
    this.problem ??= problem;
  }

  /** Forgets what is kept, before anything of another version is written. */
  async clear() {
    this.totalBytes = this.validator = this.sha256 = undefined;
    this.unsavedBytes = 0;
    await this.#orStop(() => this.#file.clear());
  }

  async close(remote) {
    if (this.unsavedBytes || this.#file.record) await this.save(remote);
    await this.#file.close();
    this.#how.channel.close();
    await this.#how.onClose(!this.#file.record);
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
