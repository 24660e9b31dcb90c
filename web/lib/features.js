// features.js: what this WebAssembly engine can do, and the module that fits it.
import { SottoError } from "./errors.js";

const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]; // "\0asm", version 1
const RETURNS_V128 = [0x01, 5, 1, 0x60, 0, 1, 0x7b]; // type section: one function () -> v128
const RETURNS_NOTHING = [0x01, 4, 1, 0x60, 0, 0];
const ONE_FUNCTION = [0x03, 2, 1, 0];
const SPLAT_ZERO = [0x41, 0, 0xfd, 0x0f]; // i32.const 0, i8x16.splat

// Each probe is the smallest module that uses the feature: it validates where the feature exists.
const PROBES = {
  simd128: probe(RETURNS_V128, [], SPLAT_ZERO),
  // i16x8.relaxed_dot_i8x16_i7x16_s, opcode 0x112
  relaxed: probe(RETURNS_V128, [], [...SPLAT_ZERO, ...SPLAT_ZERO, 0xfd, 0x92, 0x02]),
  // a shared memory of one page; i32.atomic.load
  threads: probe(RETURNS_NOTHING, [0x05, 4, 1, 0x03, 1, 1], [0x41, 0, 0xfe, 0x10, 2, 0, 0x1a]),
};

// Spelled out one by one, so that bundlers see the files.
const MODULE_URLS = {
  "simd128-single": () => new URL("./sotto-simd128-single.wasm", import.meta.url),
  "simd128-threads": () => new URL("./sotto-simd128-threads.wasm", import.meta.url),
  "relaxed-single": () => new URL("./sotto-relaxed-single.wasm", import.meta.url),
  "relaxed-threads": () => new URL("./sotto-relaxed-threads.wasm", import.meta.url),
};

const MAX_DEFAULT_THREADS = 4; // more helpers mean more waiting at each barrier than they bring

function probe(types, memory, instructions) {
  const body = [0, ...instructions, 0x0b]; // no locals ... end
  const code = [0x0a, body.length + 2, 1, body.length, ...body];
  return new Uint8Array([...PREAMBLE, ...types, ...ONE_FUNCTION, ...memory, ...code]);
}

/** What this engine supports: { simd128, relaxed, threads }. */
export function features() {
  return {
    simd128: WebAssembly.validate(PROBES.simd128),
    relaxed: WebAssembly.validate(PROBES.relaxed),
    // Browsers share memory only on cross-origin isolated pages; Node does always, and has no such flag.
    threads: globalThis.crossOriginIsolated !== false && typeof SharedArrayBuffer === "function" &&
      WebAssembly.validate(PROBES.threads),
  };
}

/** The module and the number of threads for these options: { url, nThreads }. */
export function chooseModule({ level, nThreads, wasmUrl }) {
  const has = features();
  if (!has.simd128) throw new SottoError("UNSUPPORTED_BROWSER");
  const isRelaxed = level === "relaxed" || level === "dot";
  const relaxed = has.relaxed && (level === undefined || isRelaxed);
  if (isRelaxed && !relaxed) {
    throw new SottoError("UNSUPPORTED_BROWSER", "this browser lacks relaxed SIMD: leave out the option level");
  }
  const threads = has.threads ? nThreads ?? defaultThreads() : 1;
  const name = `${relaxed ? "relaxed" : "simd128"}-${threads > 1 ? "threads" : "single"}`;
  return { url: moduleUrl(name, wasmUrl), nThreads: threads };
}

function defaultThreads() {
  const cores = globalThis.navigator?.hardwareConcurrency ?? 1;
  return Math.max(1, Math.min(MAX_DEFAULT_THREADS, cores >> 1)); // half: the other half is often the same cores again
}

// wasmUrl: the folder that holds the modules, or one module.
function moduleUrl(name, wasmUrl) {
  if (wasmUrl === undefined) return MODULE_URLS[name]().href;
  const base = new URL(wasmUrl, globalThis.location?.href).href;
  if (base.endsWith(".wasm")) return base;
  return new URL(`sotto-${name}.wasm`, base.endsWith("/") ? base : `${base}/`).href;
}
