// memory-folder.mjs: a folder for Store in memory, whose disk can be full, and whose crashes lose what is not flushed.

export class MemoryFolder {
  roomBytes = Infinity;
  crashes = 0;
  #countdown = Infinity;
  #share;
  #files = new Map(); // name -> { bytes, flushed, pending: what changed bytes since the last flush }

  async open(name) {
    const none = new Uint8Array(0);
    if (!this.#files.has(name)) this.#files.set(name, { bytes: none, flushed: none, pending: [] });
    return new Handle(this, this.#files.get(name));
  }

  async remove(name) {
    this.#files.delete(name);
  }

  get names() {
    return [...this.#files.keys()];
  }

  async freeBytes() {
    return this.roomBytes;
  }

  /** The power fails after n more changes and flushes: see crash. */
  crashAfter(n, share) {
    this.#countdown = n;
    this.#share = share;
  }

  count() {
    if (this.#countdown-- === 0) this.crash(this.#share);
  }

  /** The power fails: of each write that was not flushed a share is there, 0 to 1, as is asked; handles are dead. */
  crash(share) {
    this.crashes++;
    for (const file of this.#files.values()) {
      file.bytes = file.pending.reduce((bytes, change) => change(bytes, share()), file.flushed);
      Object.assign(file, { flushed: file.bytes, pending: [] });
    }
  }
}

// As FileSystemSyncAccessHandle.
class Handle {
  #folder;
  #file;
  #born;

  constructor(folder, file) {
    this.#folder = folder;
    this.#file = file;
    this.#born = folder.crashes;
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
    if (bytes.length > this.#folder.roomBytes) throw new DOMException("no room", "QuotaExceededError");
    this.#folder.roomBytes -= bytes.length;
    const copy = bytes.slice();
    this.#change((old, share) => {
      const written = copy.subarray(0, Math.floor(copy.length * share));
      const grown = new Uint8Array(Math.max(old.length, at + written.length));
      grown.set(old);
      grown.set(written, at);
      return grown;
    });
    return bytes.length;
  }

  truncate(size) {
    this.#change((old, share) => (share < 1 ? old : old.slice(0, size)));
  }

  #change(change) {
    if (this.#folder.crashes > this.#born) return;
    this.#file.bytes = change(this.#file.bytes, 1);
    this.#file.pending.push(change);
    this.#folder.count();
  }

  flush() {
    this.#folder.count();
    if (this.#folder.crashes === this.#born) Object.assign(this.#file, { flushed: this.#file.bytes, pending: [] });
  }

  close() {}
}
