// run-wasi.mjs: runs a WASI program in Node. usage: node run-wasi.mjs PROGRAM.wasm [ARGUMENT...]
// Each directory that an argument names, by itself or as that of a file, is opened to the program under its own name.
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { WASI } from "node:wasi";

const [program, ...args] = process.argv.slice(2);
const folders = args.filter((arg) => existsSync(dirname(arg))).map((arg) => dirname(arg));
const wasi = new WASI({
  version: "preview1",
  args: ["sotto", ...args],
  preopens: Object.fromEntries(folders.map((folder) => [folder, folder])),
});
const module = await WebAssembly.compile(readFileSync(program));
process.exitCode = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
