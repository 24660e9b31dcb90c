// engines.mjs: the engines that are measured beside each other: each takes a file and a plan { prompt, new, depth } and
// gives tokens a second of one run, after one that does not count. Greedy, the end of the text is ignored; one thread, unless
// the plan has more, which with { level } is for Node and the native engine alone.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import puppeteer from "puppeteer-core";
import { serve } from "../../web/serve.mjs";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const ORACLE = join(process.env.SOTTO_ORACLE ?? join(homedir(), ".cache/sotto-oracle"), "bin");
export const MODELS = join(ROOT, "build/bench/models");
const CACHE = join(ROOT, "models/cache");
const WLLAMA = join(ROOT, "build/bench/wllama"); // npm install --prefix build/bench/wllama @wllama/wllama@3.8.1

const run = promisify(execFile);
const rates = ({ prefill, decode }) => ({ prefill: prefill.median, decode: decode.median });

/** llama.cpp, built for this machine. */
export const native = {
  name: "llama.cpp, native",
  missing: !existsSync(join(ORACLE, "speed")) && `there is no ${join(ORACLE, "speed")}: set SOTTO_ORACLE`,
  async measure(path, { prompt, new: n, depth, threads = 1 }) {
    const { stdout } = await run(join(ORACLE, "speed"), [path, threads, prompt, n, "1", depth].map(String));
    return rates(JSON.parse(stdout));
  },
};

export const node = {
  name: "Sotto in Node",
  async measure(path, plan) {
    const options = Object.entries(plan).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const args = [join(ROOT, "build/sotto/bin/sotto.mjs"), "bench", path, "--runs", "1", "--json", ...options];
    const { stdout } = await run(process.execPath, args);
    return rates(JSON.parse(stdout));
  },
  /** GB/s that threads together read from memory. */
  async streaming(threads = 1) {
    const workerData = new WebAssembly.Module(readFileSync(join(ROOT, "build/bench/kernels.wasm")));
    const workers = Array.from({ length: threads }, () => new Worker(new URL("stream-worker.mjs", import.meta.url), { workerData }));
    const rates = await Promise.all(workers.map((worker) => once(worker, "message")));
    return rates.reduce((sum, [rate]) => sum + rate, 0);
  },
};

// One browser for all that runs in one; each measurement has a page of its own.
let site;
let browser;

async function withPage(work) {
  site ??= await serve({ mounts: {
    "/": join(ROOT, "tests/bench"), "/sotto/": join(ROOT, "build/sotto"), "/cache/": CACHE, "/made/": MODELS, "/bench/": join(ROOT, "build/bench"),
    "/wllama/": join(WLLAMA, "node_modules/@wllama/wllama/esm"),
  } });
  browser ??= await puppeteer.launch({ executablePath: "/usr/bin/chromium", protocolTimeout: 1_800_000,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"] });
  const page = await browser.newPage();
  try {
    await page.setBypassCSP(true); // wllama's worker is a blob
    await page.goto(`${site.url}page.html`);
    return await work(page);
  } finally {
    await page.close();
  }
}

const inPage = (name, path, plan) => withPage(async (page) => {
  const url = `${site.url}${path.startsWith(CACHE) ? "cache" : "made"}/${basename(path)}`;
  return rates(await page.evaluate((...args) => globalThis.measure(...args), name, url, plan));
});

export const chromium = {
  name: "Sotto in Chromium",
  missing: !existsSync("/usr/bin/chromium") && "chromium is not installed",
  measure: (path, plan) => inPage("sotto", path, plan),
  streaming: () => withPage((page) => page.evaluate(() => globalThis.streaming())),
};

export const wllama = {
  name: "wllama in Chromium",
  missing: chromium.missing || (!existsSync(WLLAMA) && `npm install --prefix ${WLLAMA} @wllama/wllama@3.8.1 was not run`),
  measure: (path, plan) => inPage("wllama", path, plan),
};

const LLAMA_WASM = join(ROOT, "build/bench/llama-wasm/speed.js");

/** llama.cpp's own WebAssembly with its SIMD kernels, where somebody built it. */
export const llamaWasm = {
  name: "llama.cpp's wasm in Node",
  missing: !existsSync(LLAMA_WASM) && `there is no llama.cpp's own wasm: tests/bench/llama-wasm.sh builds it`,
  async measure(path, { prompt, new: n, depth }) {
    const { stdout } = await run(process.execPath, [LLAMA_WASM, path, 1, prompt, n, 1, depth].map(String));
    return rates(JSON.parse(stdout));
  },
};

export async function close() {
  await browser?.close();
  await site?.close();
}
