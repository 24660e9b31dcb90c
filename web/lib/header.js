// header.js: a GGUF file's header, read as its bytes arrive, and its keys and tensors as JavaScript values.
import { STATUS, VALUE_TYPE } from "./abi.js";

const READERS = {
  [VALUE_TYPE.U8]: (view, at) => view.getUint8(at),
  [VALUE_TYPE.I8]: (view, at) => view.getInt8(at),
  [VALUE_TYPE.U16]: (view, at) => view.getUint16(at, true),
  [VALUE_TYPE.I16]: (view, at) => view.getInt16(at, true),
  [VALUE_TYPE.U32]: (view, at) => view.getUint32(at, true),
  [VALUE_TYPE.I32]: (view, at) => view.getInt32(at, true),
  [VALUE_TYPE.F32]: (view, at) => view.getFloat32(at, true),
  [VALUE_TYPE.BOOL]: (view, at) => view.getUint8(at) !== 0,
  [VALUE_TYPE.U64]: (view, at) => Number(view.getBigUint64(at, true)),
  [VALUE_TYPE.I64]: (view, at) => Number(view.getBigInt64(at, true)),
  [VALUE_TYPE.F64]: (view, at) => view.getFloat64(at, true),
};

const TYPE_NAMES = Object.fromEntries(Object.entries(VALUE_TYPE).map(([name, value]) => [value, name.toLowerCase()]));

export class Header {
  constructor(instance) {
    this.instance = instance;
    this.exports = instance.exports;
    this.gguf = this.exports.sotto_gguf_open(instance.allocate(this.exports.sotto_gguf_measure()));
    this.out = instance.allocate(16);
    this.prefix = instance.allocate(0); // on top of the stack until the header is complete, so that it can grow
    this.prefixBytes = 0;
    this.needBytes = 0;
    this.status = STATUS.TRUNCATED;
  }

  /** Takes the file's next bytes. Returns null, or what follows the header when it is complete. */
  accept(bytes) {
    const { instance } = this;
    this.#resize(this.prefixBytes + bytes.length);
    instance.u8.set(bytes, this.prefix + this.prefixBytes - bytes.length);
    if (this.prefixBytes < this.needBytes) return null;
    this.#scan();
    if (this.status === STATUS.TRUNCATED) return null;
    const restBytes = this.prefixBytes - this.needBytes;
    const rest = bytes.subarray(bytes.length - restBytes);
    this.#resize(this.needBytes);
    return rest;
  }

  #resize(nBytes) {
    this.instance.top = this.prefix;
    this.instance.allocate(nBytes);
    this.prefixBytes = nBytes;
  }

  #scan() {
    const { instance, gguf, prefix, prefixBytes, out } = this;
    this.status = this.exports.sotto_gguf_scan(gguf, prefix, prefixBytes, out, instance.errorStruct);
    if (this.status !== STATUS.OK && this.status !== STATUS.TRUNCATED) throw instance.lastError(this.status);
    this.needBytes = instance.u32(out);
  }

  /** The error of a file that ends inside its header. */
  truncated() {
    this.#scan();
    return this.instance.lastError(STATUS.TRUNCATED);
  }

  /** The length that the file must have to hold every tensor. */
  get fileBytes() {
    return Number(this.exports.sotto_gguf_file_bytes(this.gguf));
  }

  /** The value of a key; undefined when the file has none of that name. */
  find(key) {
    return this.#withStruct("sotto_value", (block) => {
      const name = this.instance.placeText(`${key}\0`).at;
      if (this.exports.sotto_gguf_find(this.gguf, name, block) !== STATUS.OK) return undefined;
      return this.#value(block);
    });
  }

  /** All keys: [name, value]. An array is { type, length }: vocabularies are long. */
  keys() {
    const { instance, exports, gguf } = this;
    return Array.from({ length: exports.sotto_gguf_n_keys(gguf) }, (_, index) =>
      this.#withStruct("sotto_value", (block) => {
        instance.check("sotto_gguf_key", gguf, index, block);
        const { key, key_bytes } = instance.readStruct("sotto_value", block);
        return [instance.text(key, key_bytes), this.#value(block)];
      }));
  }

  tensors() {
    const { instance, exports, gguf } = this;
    return Array.from({ length: exports.sotto_gguf_n_tensors(gguf) }, (_, index) =>
      this.#withStruct("sotto_tensor_info", (block) => {
        instance.check("sotto_gguf_tensor", gguf, index, block);
        const { name, name_bytes, type, n_bytes } = instance.readStruct("sotto_tensor_info", block);
        return { name: instance.text(name, name_bytes), type: this.#typeName(type), nBytes: n_bytes };
      }));
  }

  /** The header's bytes up to its last key. */
  bytesOfKeys() {
    const { instance, exports, gguf, prefix } = this;
    const end = this.#withStruct("sotto_value", (block) => {
      instance.check("sotto_gguf_key", gguf, exports.sotto_gguf_n_keys(gguf) - 1, block);
      const { data, data_bytes } = instance.readStruct("sotto_value", block);
      return data + data_bytes;
    });
    return instance.bytes(prefix, end - prefix);
  }

  /** Of each tensor the bytes that describe it, where in the file it is, and where the file's data begins. */
  entries() {
    const { instance, exports, gguf } = this;
    return Array.from({ length: exports.sotto_gguf_n_tensors(gguf) }, (_, index) =>
      this.#withStruct("sotto_tensor_info", (block) => {
        instance.check("sotto_gguf_tensor", gguf, index, block);
        const { name, name_bytes, n_dims, file_offset: fileOffset } = instance.readStruct("sotto_tensor_info", block);
        // A length of 8 bytes and the name; 4 bytes, the dimensions of 8; a type of 4, and an offset of 8.
        const nBytes = 8 + name_bytes + 4 + 8 * n_dims + 4 + 8;
        const bytes = instance.bytes(name - 8, nBytes);
        const offset = instance.u64(name - 8 + nBytes - 8);
        return { bytes, fileOffset, dataBegin: fileOffset - offset };
      }));
  }

  #typeName(type) {
    const at = this.exports.sotto_type_name(type);
    const end = this.instance.u8.indexOf(0, at);
    return this.instance.text(at, end - at);
  }

  #value(block) {
    const { type, item_type, data, n_items, data_bytes } = this.instance.readStruct("sotto_value", block);
    if (type === VALUE_TYPE.STRING) return this.instance.text(data, data_bytes);
    if (type === VALUE_TYPE.ARRAY) return { type: TYPE_NAMES[item_type], length: n_items };
    return READERS[type](this.instance.view, data);
  }

  #withStruct(name, work) {
    return this.instance.scope(() => work(this.instance.placeStruct(name)));
  }
}
