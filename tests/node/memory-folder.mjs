// memory-folder.mjs: a folder for Store in memory, whose disk can be full, and which forgets in a crash what was not flushed.

export class MemoryFolder {
  roomBytes = Infinity;
  crashes = 0;
  #files = new Map(); // name -> { bytes, flushed, pending: what changed bytes since the last flush }

  async open(name) {
    if (!this.#files.has(name)) this.#files.set(name, { bytes: new Uint8Array(0), flushed: new Uint8Array(0), pending: [] });
    return new Handle(this, this.#files.get(name));
  }

  async freeBytes() {
    return this.roomBytes;
  }

  /** The power fails: of the writes that were not flushed, those that survives() accepts are there; handles are dead. */
  crash(survives) {
    this.crashes++;
    for (const file of this.#files.values()) {
      file.bytes = file.pending.filter(survives).reduce((bytes, change) => change(bytes), file.flushed);
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
    this.#change((old) => {
      const grown = new Uint8Array(Math.max(old.length, at + copy.length));
      grown.set(old);
      grown.set(copy, at);
      return grown;
    });
    return bytes.length;
  }

  truncate(size) {
    this.#change((old) => old.slice(0, size));
  }

  #change(change) {
    if (this.#folder.crashes > this.#born) return;
    this.#file.bytes = change(this.#file.bytes);
    this.#file.pending.push(change);
  }

  flush() {
    if (this.#folder.crashes === this.#born) Object.assign(this.#file, { flushed: this.#file.bytes, pending: [] });
  }

  close() {}
}
