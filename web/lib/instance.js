// instance.js: one instance of the engine's module, its memory, and calls with typed errors.
// Memory is a stack above the module's own data: an object that stays is allocated, scratch lives in a scope.
import { STATUS, STRUCTS } from "./abi.js";
import { SottoError, errorOf } from "./errors.js";

const PAGE_BYTES = 65536;
const MAX_PAGES = 65536; // 4 GiB: all that 32-bit addresses reach
const ALIGNMENT = 16;

const STATUS_NAMES = Object.fromEntries(Object.entries(STATUS).map(([name, value]) => [value, name]));

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export class Instance {
  constructor(module, memory) {
    this.module = module;
    this.memory = memory;
    this.exports = new WebAssembly.Instance(module, { env: { memory } }).exports;
    this.top = align(this.exports.__heap_base.value);
    this.errorStruct = this.allocate(STRUCTS.sotto_error.size);
  }

  static create(module, { shared }) {
    return new Instance(module, makeMemory(shared));
  }

  /** A block at the top of the stack. Memory grows when it must. */
  allocate(nBytes) {
    const block = this.top;
    const end = align(block + nBytes);
    this.#reserve(end);
    this.top = end;
    return block;
  }

  /** Runs `work`; what it allocates is forgotten when it returns. */
  scope(work) {
    const { top } = this;
    try {
      return work();
    } finally {
      this.top = top;
    }
  }

  /** The same for work that waits; others may allocate meanwhile, but only in scopes of their own that do not wait. */
  async asyncScope(work) {
    const { top } = this;
    try {
      return await work();
    } finally {
      this.top = top;
    }
  }

  #reserve(end) {
    const missing = Math.ceil((end - this.memory.buffer.byteLength) / PAGE_BYTES);
    if (missing <= 0) return;
    try {
      this.memory.grow(missing);
    } catch (cause) {
      throw errorOf("OUT_OF_MEMORY", `${Math.ceil(end / 1e6)} MB of memory were refused`, cause);
    }
  }

  // Growth detaches the old buffer, so a view is made for each use.
  get u8() { return new Uint8Array(this.memory.buffer); }
  get view() { return new DataView(this.memory.buffer); }

  u32(at) { return this.view.getUint32(at, true); }
  i32(at) { return this.view.getInt32(at, true); }
  u64(at) { return Number(this.view.getBigUint64(at, true)); }
  f32s(at, count) { return new Float32Array(this.memory.buffer, at, count); }
  i32s(at, count) { return new Int32Array(this.memory.buffer, at, count); }

  /** A copy: neither TextDecoder nor postMessage takes shared memory. */
  bytes(at, nBytes) {
    return this.u8.slice(at, at + nBytes);
  }

  text(at, nBytes) {
    return decoder.decode(this.bytes(at, nBytes));
  }

  /** Allocates a copy of a typed array. */
  place(array) {
    const block = this.allocate(array.byteLength);
    this.u8.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), block);
    return block;
  }

  placeText(text) {
    const bytes = encoder.encode(text);
    return { at: this.place(bytes), nBytes: bytes.length };
  }

  /** Allocates a struct of sotto.h: zero but for `fields` and its own size. */
  placeStruct(name, fields = {}) {
    const { size } = STRUCTS[name];
    const block = this.allocate(size);
    this.u8.fill(0, block, block + size);
    if (STRUCTS[name].fields.sizeof_options) this.writeStruct(name, block, { sizeof_options: size });
    this.writeStruct(name, block, fields);
    return block;
  }

  writeStruct(name, block, fields) {
    const { view } = this;
    for (const [key, value] of Object.entries(fields)) {
      const { offset, type } = STRUCTS[name].fields[key];
      if (value === undefined) throw new TypeError(`${name}.${key} has no value`);
      write(view, block + offset, type, value);
    }
  }

  readStruct(name, block) {
    const { view } = this;
    const fields = Object.entries(STRUCTS[name].fields).filter(([, { type }]) => type in READERS);
    return Object.fromEntries(fields.map(([key, { offset, type }]) => [key, READERS[type](view, block + offset)]));
  }

  /** Calls a function that takes a struct sotto_error last; anything but OK is thrown. */
  try(name, ...args) {
    const status = this.exports[name](...args, this.errorStruct);
    if (status !== STATUS.OK) throw this.lastError(status);
  }

  lastError(status) {
    const { text, text_bytes } = STRUCTS.sotto_error.fields;
    const nBytes = this.u32(this.errorStruct + text_bytes.offset);
    return statusError(status, this.text(this.errorStruct + text.offset, nBytes));
  }

  /** Calls a function without an error struct; anything but OK is thrown. */
  check(name, ...args) {
    const status = this.exports[name](...args);
    if (status !== STATUS.OK) throw statusError(status);
  }
}

const READERS = {
  u32: (view, at) => view.getUint32(at, true),
  ptr: (view, at) => view.getUint32(at, true),
  i32: (view, at) => view.getInt32(at, true),
  f32: (view, at) => view.getFloat32(at, true),
  u64: (view, at) => Number(view.getBigUint64(at, true)),
};

function write(view, at, type, value) {
  if (type === "u64") view.setBigUint64(at, BigInt(value), true);
  else if (type === "f32") view.setFloat32(at, value, true);
  else if (type === "i32") view.setInt32(at, value, true);
  else view.setUint32(at, value, true);
}

/** The typed error of a status; text: what the engine says of it. */
export function statusError(status, text = "") {
  const code = STATUS_NAMES[status];
  return text ? errorOf(code, text) : new SottoError(code);
}

function align(at) {
  return Math.ceil(at / ALIGNMENT) * ALIGNMENT;
}

// Small at first: it grows to the exact need when the header has told it, before the first weight arrives. Shared
// memory must name a maximum, which some phones refuse when it is large.
function makeMemory(shared) {
  const initial = 32;
  if (!shared) return new WebAssembly.Memory({ initial });
  for (let maximum = MAX_PAGES; ; maximum = maximum >> 1) {
    try {
      return new WebAssembly.Memory({ initial, maximum, shared });
    } catch (cause) {
      if (maximum <= initial) throw errorOf("OUT_OF_MEMORY", "shared memory was refused", cause);
    }
  }
}
