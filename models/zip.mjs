// zip.mjs: takes one member out of a zip file, such as a Python wheel, without reading the rest.
// A zip is read from its end: the end record tells where the directory is, the directory where each member begins.
import { createReadStream, createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createInflateRaw } from "node:zlib";

const END = { magic: 0x06054b50, bytes: 22, maxComment: 65535 };
const ENTRY = { magic: 0x02014b50, bytes: 46 };
const LOCAL = { magic: 0x04034b50, bytes: 30 };
const METHODS = { 0: [], 8: [createInflateRaw] }; // stored, deflated

/** Appends the bytes of a member to a file. */
export async function appendMember(zip, name, path) {
  const { method, start, bytes } = await locate(zip, name);
  if (!METHODS[method]) throw new Error(`${name} is packed by a method (${method}) that is not supported`);
  const member = createReadStream(zip, { start, end: start + bytes - 1 });
  await pipeline(member, ...METHODS[method].map((make) => make()), createWriteStream(path, { flags: "a" }));
}

/** Where a member's packed bytes are, and how they are packed. */
async function locate(zip, name) {
  const file = await open(zip);
  try {
    const entry = findEntry(await readDirectory(file), name);
    // Names and extra fields may differ in length from those of the directory.
    const local = await read(file, entry.offset, LOCAL.bytes);
    if (local.readUInt32LE(0) !== LOCAL.magic) throw new Error(`there is no ${name} where the zip's directory says`);
    const start = entry.offset + LOCAL.bytes + local.readUInt16LE(26) + local.readUInt16LE(28);
    return { ...entry, start };
  } finally {
    await file.close();
  }
}

async function readDirectory(file) {
  const { size } = await file.stat();
  const tailBytes = Math.min(size, END.bytes + END.maxComment);
  const tail = await read(file, size - tailBytes, tailBytes);
  for (let at = tailBytes - END.bytes; at >= 0; at--) {
    if (tail.readUInt32LE(at) === END.magic) return read(file, tail.readUInt32LE(at + 16), tail.readUInt32LE(at + 12));
  }
  throw new Error("this is not a zip file, or its end is missing");
}

function findEntry(directory, name) {
  for (let at = 0; at + ENTRY.bytes <= directory.length && directory.readUInt32LE(at) === ENTRY.magic;) {
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => directory.readUInt16LE(at + field));
    const names = at + ENTRY.bytes;
    if (directory.toString("utf8", names, names + nameBytes) === name) {
      const [bytes, offset] = [20, 42].map((field) => directory.readUInt32LE(at + field));
      return { method: directory.readUInt16LE(at + 10), bytes, offset };
    }
    at = names + nameBytes + extraBytes + commentBytes;
  }
  throw new Error(`there is no ${name} in the zip file`);
}

async function read(file, position, bytes) {
  const buffer = Buffer.alloc(bytes);
  const { bytesRead } = await file.read(buffer, 0, bytes, position);
  if (bytesRead < bytes) throw new Error("the zip file is cut off");
  return buffer;
}
