// supported.mjs: make readme: writes the types and families that the engine has into README.md's table. A test compares.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const README = new URL("../README.md", import.meta.url);
const MODULE = new URL("../build/sotto/sotto-simd128-single.wasm", import.meta.url);
const MAX_TYPES = 256; // GGUF's numbers are below 50 today

/** README's text, and what it should be. */
export function readme() {
  const now = readFileSync(README, "utf8");
  const { types, families } = supported();
  const quoted = families.map((name) => `\`${name}\``);
  const withTypes = withRow(now, "Types", types.join(", "));
  return { now, wanted: withRow(withTypes, "Families", `by the name in the file: ${quoted.join(", ")}`) };
}

function supported() {
  const memory = new WebAssembly.Memory({ initial: 32 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(MODULE)), { env: { memory } });
  const text = (at) => {
    const bytes = new Uint8Array(memory.buffer, at);
    return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString();
  };
  const names = Array.from({ length: MAX_TYPES }, (_, type) => text(exports.sotto_type_name(type)));
  const families = [];
  for (let at; (at = exports.sotto_architecture_name(families.length)) !== 0;) families.push(text(at));
  return { types: names.filter((name) => name !== "unknown"), families };
}

function withRow(table, title, text) {
  const row = new RegExp(`^\\| ${title} \\|.*$`, "m");
  if (!row.test(table)) throw new Error(`README.md has no row ${title}`);
  return table.replace(row, `| ${title} | ${text} |`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) writeFileSync(README, readme().wanted);
