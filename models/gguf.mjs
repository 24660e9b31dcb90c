// gguf.mjs: GGUF files as JavaScript objects, for makers of test files: { keys, tensors }, both Maps by name.
//   keys     name -> the value's type and bytes, as the functions of `value` make them
//   tensors  name -> { dims, type, data }; dims[0] is the row length, type GGUF's number
// Format: the GGUF specification, github.com/ggml-org/ggml/blob/master/docs/gguf.md.

const ALIGNMENT = 32;
const SIZES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8]; // bytes of each value type; 0: its length is in the file
const U32 = 4, I32 = 5, F32 = 6, BOOL = 7, STRING = 8, ARRAY = 9;

const u32 = (number) => { const bytes = Buffer.alloc(4); bytes.writeUInt32LE(number); return bytes; };
const i32 = (number) => { const bytes = Buffer.alloc(4); bytes.writeInt32LE(number); return bytes; };
const f32 = (number) => { const bytes = Buffer.alloc(4); bytes.writeFloatLE(number); return bytes; };
const u64 = (number) => { const bytes = Buffer.alloc(8); bytes.writeBigUInt64LE(BigInt(number)); return bytes; };
const string = (text) => { const bytes = Buffer.from(text); return Buffer.concat([u64(bytes.length), bytes]); };
const array = (type, items) => Buffer.concat([u32(ARRAY), u32(type), u64(items.length), ...items]);

/** Values of keys. */
export const value = {
  u32: (number) => Buffer.concat([u32(U32), u32(number)]),
  f32: (number) => Buffer.concat([u32(F32), f32(number)]),
  bool: (flag) => Buffer.concat([u32(BOOL), Buffer.from([Number(flag)])]),
  string: (text) => Buffer.concat([u32(STRING), string(text)]),
  strings: (texts) => array(STRING, texts.map(string)),
  i32s: (numbers) => array(I32, numbers.map(i32)),
  f32s: (numbers) => array(F32, numbers.map(f32)),
  bools: (flags) => array(BOOL, flags.map((flag) => Buffer.from([Number(flag)]))),
};

/** A file's bytes. */
export function serialise(file) {
  const parts = [header(file)];
  for (const { data } of file.tensors.values()) parts.push(data, padding(data.length));
  return Buffer.concat(parts);
}

/** Its bytes up to the tensors' data, of which a tensor's `data.length` alone is looked at. */
export function header({ keys, tensors }) {
  const parts = [Buffer.from("GGUF"), u32(3), u64(tensors.size), u64(keys.size)];
  for (const [name, bytes] of keys) parts.push(string(name), bytes);
  let offset = 0;
  for (const [name, { dims, type, data }] of tensors) {
    parts.push(string(name), u32(dims.length), ...dims.map(u64), u32(type), u64(offset));
    offset += roundUp(data.length);
  }
  parts.push(padding(parts.reduce((sum, part) => sum + part.length, 0)));
  return Buffer.concat(parts);
}

const roundUp = (n) => Math.ceil(n / ALIGNMENT) * ALIGNMENT;
const padding = (n) => Buffer.alloc(roundUp(n) - n);

/** The file of these bytes, which are trusted. The data of a tensor ends where the next one begins. */
export function parse(bytes) {
  let at = 8;
  const readU32 = () => bytes.readUInt32LE((at += 4) - 4);
  const readU64 = () => Number(bytes.readBigUInt64LE((at += 8) - 8));
  const readString = () => { const n = readU64(); return bytes.toString("utf8", at, at += n); };
  const skip = (type) => {
    if (type === STRING) readString();
    else if (type !== ARRAY) at += SIZES[type];
    else {
      const itemType = readU32();
      for (let n = readU64(); n > 0; n--) skip(itemType);
    }
  };
  const [nTensors, nKeys] = [readU64(), readU64()];
  const keys = new Map(), tensors = new Map();
  for (let i = 0; i < nKeys; i++) {
    const name = readString();
    const begin = at;
    skip(readU32());
    keys.set(name, bytes.subarray(begin, at));
  }
  for (let i = 0; i < nTensors; i++) {
    const name = readString();
    const dims = Array.from({ length: readU32() }, readU64);
    tensors.set(name, { dims, type: readU32(), offset: readU64() });
  }
  const data = bytes.subarray(roundUp(at));
  const ends = [...tensors.values()].map(({ offset }) => offset).concat(data.length).sort((a, b) => a - b);
  for (const tensor of tensors.values()) {
    tensor.data = data.subarray(tensor.offset, ends.find((end) => end > tensor.offset));
    delete tensor.offset;
  }
  return { keys, tensors };
}
