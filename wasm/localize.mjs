// localize.mjs: makes the symbols of a relocatable wasm object local whose names lack a prefix, so that an application
// may define the same names. usage: node localize.mjs PREFIX IN.o OUT.o
//
// For ELF llvm-objcopy does this; for wasm it does nothing and says nothing. The symbol table is subsection 8 of the
// section "linking" (github.com/WebAssembly/tool-conventions/blob/main/Linking.md): of each symbol the kind, the flags,
// and by kind an index, a name or a place. Two bits of the flags change, so no length does.
import { readFileSync, writeFileSync } from "node:fs";

const CUSTOM_SECTION = 0, SYMBOL_TABLE = 8;
const DATA = 1, SECTION = 3;
const BINDING = 0x03, LOCAL = 0x02, UNDEFINED = 0x10, EXPLICIT_NAME = 0x40;

const [prefix, input, output] = process.argv.slice(2);
const bytes = readFileSync(input);
let at = 8; // behind magic and version

function u32() {
  for (let value = 0, shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value >>> 0;
  }
}

function text() {
  const nBytes = u32();
  at += nBytes;
  return bytes.toString("utf8", at - nBytes, at);
}

function localizeSymbol() {
  const kind = bytes[at++], flagsAt = at, flags = u32();
  const isDefined = !(flags & UNDEFINED);
  let name = prefix;
  if (kind === DATA) {
    name = text();
    for (let field = isDefined ? 3 : 0; field > 0; field--) u32(); // segment, offset, size
  } else {
    u32(); // index
    if (kind !== SECTION && (isDefined || flags & EXPLICIT_NAME)) name = text();
  }
  if (isDefined && !name.startsWith(prefix)) bytes[flagsAt] = bytes[flagsAt] & ~BINDING | LOCAL;
}

function localizeLinking(end) {
  u32(); // version
  while (at < end) {
    const type = bytes[at++], nBytes = u32(), next = at + nBytes;
    if (type === SYMBOL_TABLE) for (let n = u32(); n > 0; n--) localizeSymbol();
    at = next;
  }
}

while (at < bytes.length) {
  const id = bytes[at++], nBytes = u32(), next = at + nBytes;
  if (id === CUSTOM_SECTION && text() === "linking") localizeLinking(next);
  at = next;
}
writeFileSync(output, bytes);
