// memory-storage.mjs: the browser's storage in memory, whose disk can be full, and whose crashes lose what is not flushed.

class Disk {
  roomBytes = Infinity;
  isReadOnly = false;
  crashes = 0;
  #countdown = Infinity;
  #share;

  checkWritable() {
    if (this.isReadOnly) throw new DOMException("the disk is read-only", "InvalidStateError");
  }

  take(nBytes) {
    this.checkWritable();
    if (nBytes > this.roomBytes) throw new DOMException("no room", "QuotaExceededError");
    this.roomBytes -= nBytes;
  }

  /** The same for a process that dies in the next crash: from then on it has another disk. */
  forProcess() {
    const born = this.crashes;
    const none = new this.constructor();
    const disk = () => (this.crashes > born ? none : this);
    return new Proxy(this, { get: (_, name) => (...given) => disk()[name](...given) });
  }

  /** The power fails after n more changes and flushes: see crash. */
  crashAfter(n, share) {
    this.#countdown = n;
    this.#share = share;
  }

  count() {
    if (this.#countdown-- === 0) this.crash(this.#share);
  }

  /** The power fails: of each write that was not flushed a share is there, 0 to 1, as is asked; what is open is dead. */
  crash() {
    this.crashes++;
  }
}

/** As FileSystemDirectoryHandle. */
export class MemoryDirectory extends Disk {
  #files = new Map(); // name -> MemoryFile

  async getFileHandle(name, { create = false } = {}) {
    if (create && !this.#files.has(name)) this.#files.set(name, new MemoryFile());
    const file = this.#files.get(name);
    if (!file) throw new DOMException(`no ${name}`, "NotFoundError");
    return {
      createSyncAccessHandle: async () => new Handle(this, file),
      getFile: async () => new File([file.bytes], name),
    };
  }

  async removeEntry(name) {
    this.checkWritable();
    if (!this.#files.delete(name)) throw new DOMException(`no ${name}`, "NotFoundError");
  }

  async *entries() {
    for (const name of this.#files.keys()) yield [name, await this.getFileHandle(name)];
  }

  get names() {
    return [...this.#files.keys()];
  }

  crash(share) {
    super.crash();
    for (const file of this.#files.values()) file.crash(share);
  }
}

class MemoryFile {
  bytes = new Uint8Array(0);
  #flushed = new Uint8Array(0);
  #pending = []; // changes since then: function(bytes, share) -> bytes

  change(change) {
    this.bytes = change(this.bytes, 1);
    this.#pending.push(change);
  }

  flush() {
    this.#flushed = this.bytes.slice();
    this.#pending = [];
  }

  crash(share) {
    this.bytes = this.#pending.reduce((bytes, change) => change(bytes, share()), this.#flushed);
    this.flush();
  }
}

// As FileSystemSyncAccessHandle.
class Handle {
  #directory;
  #file;
  #born;

  constructor(directory, file) {
    this.#directory = directory;
    this.#file = file;
    this.#born = directory.crashes;
  }

  getSize() {
    return this.#file.bytes.length;
  }

  read(into, { at }) {
    const bytes = this.#file.bytes.subarray(at, at + into.length);
    into.set(bytes);
    return bytes.length;
  }

  write(bytes, { at }) {
    this.#directory.take(bytes.length);
    const copy = bytes.slice();
    this.#change((old, share) => {
      const written = copy.subarray(0, Math.floor(copy.length * share));
      const end = at + written.length;
      const grown = end <= old.length ? old : new Uint8Array(old.buffer.transfer(end));
      grown.set(written, at);
      return grown;
    });
    return bytes.length;
  }

  truncate(size) {
    this.#change((old, share) => (share < 1 ? old : old.slice(0, size)));
  }

  #change(change) {
    this.#directory.checkWritable();
    if (this.#directory.crashes > this.#born) return;
    this.#file.change(change);
    this.#directory.count();
  }

  flush() {
    this.#directory.count();
    if (this.#directory.crashes === this.#born) this.#file.flush();
  }

  close() {}
}

/** As CacheStorage. A response is there wholly or not at all. */
export class MemoryCaches extends Disk {
  #caches = new Map(); // name -> Map of URLs and bytes

  async open(name) {
    if (!this.#caches.has(name)) this.#caches.set(name, new Map());
    return new MemoryCache(this, this.#caches.get(name));
  }

  async has(name) {
    return this.#caches.has(name);
  }

  async delete(name) {
    this.checkWritable();
    const { crashes } = this;
    this.count();
    return this.crashes === crashes && this.#caches.delete(name);
  }

  async keys() {
    return [...this.#caches.keys()];
  }
}

class MemoryCache {
  #caches;
  #responses;
  #born;

  constructor(caches, responses) {
    this.#caches = caches;
    this.#responses = responses;
    this.#born = caches.crashes;
  }

  async put(url, response) {
    const bytes = new Uint8Array(await response.arrayBuffer());
    this.#caches.take(bytes.length);
    this.#caches.count();
    if (this.#caches.crashes === this.#born) this.#responses.set(url, bytes);
  }

  async delete(url) {
    this.#caches.count();
    return this.#caches.crashes === this.#born && this.#responses.delete(url);
  }

  async match(url) {
    const bytes = this.#responses.get(url);
    return bytes && new Response(bytes);
  }

  async keys() {
    return [...this.#responses.keys()].map((url) => ({ url }));
  }
}
