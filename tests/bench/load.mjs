// load.mjs: from a person's click to the first token: Sotto beside npm's wllama and a bare fetch in the same Chromium,
// cold and kept, throttled and not (make bench-load). Each measurement has a browser of its own with an empty profile.
// Memory is the PSS of the browser's processes at its peak, above that of the empty browser.
// Writes build/bench/load.json and tests/bench/load.svg, and says which of issue 5's bars fall short.
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import puppeteer from "puppeteer-core";
import { serve } from "../../web/serve.mjs";
import { LARGE, writeSynthetic } from "../synthetic.mjs";
import { loadChart } from "./load-chart.mjs";
import { MODELS, ROOT, wllama } from "./engines.mjs";

const SAMPLE_MS = 50;
const SLICE_MS = 20; // of a throttled link
const PROMPTS = { short: 512, long: 2048 };
const SPARE_MB = 60;
const PATIENCE_MS = 900_000;

const cached = (name) => join(ROOT, "models/cache", `${name}.gguf`);
const SMOLLM2 = { name: "SmolLM2 Q4_1", path: cached("SmolLM2-135M-Instruct.Q4_1") };
const GEMMA = { name: "gemma-3-270m Q4_K_M", path: cached("gemma-3-270m-q4_k_m") };
const SYNTHETIC = { name: "synthetic, 1 GB", path: join(MODELS, "synthetic.gguf") };

const moment = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// ---- the server: one file, at a given speed, whose bytes are counted ----

let site;
let modelPath;
let bytesPerMs = Infinity; // of all connections together
let sentBytes = 0;
let isFreeAt = 0; // when the throttled link has sent what it was given

class Throttle extends Transform {
  async _transform(piece, _, done) {
    sentBytes += piece.length;
    if (Number.isFinite(bytesPerMs)) {
      isFreeAt = Math.max(isFreeAt, performance.now()) + piece.length / bytesPerMs;
      const wait = isFreeAt - performance.now();
      if (wait > SLICE_MS) await moment(wait - SLICE_MS);
    }
    done(null, piece);
  }
}

async function answer(request, response) {
  if (!request.url.startsWith("/model.gguf")) {
    const from = await fetch(new URL(request.url, site.url));
    response.writeHead(from.status, Object.fromEntries(from.headers));
    return response.end(new Uint8Array(await from.arrayBuffer()));
  }
  const { size } = statSync(modelPath);
  const [, first = "0", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range) ?? [];
  const start = Number(first);
  const end = last ? Math.min(Number(last), size - 1) : size - 1;
  response.writeHead(request.headers.range ? 206 : 200, {
    "content-length": end - start + 1, "accept-ranges": "bytes", etag: `"${size}"`, "cross-origin-resource-policy": "same-origin",
    ...(request.headers.range && { "content-range": `bytes ${start}-${end}/${size}` }),
  });
  if (request.method === "HEAD") return response.end();
  await pipeline(createReadStream(modelPath, { start, end, highWaterMark: 1 << 16 }), new Throttle(), response).catch(() => {});
}

const server = createServer((request, response) => answer(request, response).catch(() => response.destroy()));

// ---- memory of a tree of processes ----

function pssOf(pid) {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))[1]) * 1024;
  } catch {
    return 0; // it has ended, or is no process of ours
  }
}

function treeOf(root) {
  const parents = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const [, parent] = /\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"));
      parents.set(Number(pid), Number(parent));
    } catch {} // it has ended meanwhile
  }
  const isBelow = (pid) => pid === root || (parents.has(pid) && isBelow(parents.get(pid)));
  return [...parents.keys()].filter(isBelow);
}

const memoryOf = (pid) => treeOf(pid).reduce((sum, one) => sum + pssOf(one), 0);

// Samples until `work` has ended; { value, peakBytes }.
async function watching(pid, work) {
  let isDone = false;
  let peakBytes = 0;
  const value = work.finally(() => { isDone = true; });
  while (!isDone) {
    peakBytes = Math.max(peakBytes, memoryOf(pid));
    await Promise.race([moment(SAMPLE_MS), value.catch(() => {})]);
  }
  return { value: await value, peakBytes };
}

// ---- one measurement ----

const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** Runs the page's ways one after the other, each in a browser of its own, on one profile: [{ readyMs, firstMs, ... }]. */
async function measure(ways, { path, mbits, nPrompt }) {
  modelPath = path;
  bytesPerMs = mbits ? mbits * 125 : Infinity;
  const userDataDir = mkdtempSync(join(tmpdir(), "sotto-load-"));
  const results = [];
  try {
    for (const way of ways) {
      const browser = await puppeteer.launch({ executablePath: "/usr/bin/chromium", args: ARGS, userDataDir, protocolTimeout: PATIENCE_MS });
      try {
        const page = await browser.newPage();
        await page.setBypassCSP(true); // wllama's worker is a blob
        await page.goto(`http://127.0.0.1:${server.address().port}/load.html`);
        await moment(1000);
        const { pid } = browser.process();
        const emptyBytes = memoryOf(pid);
        sentBytes = isFreeAt = 0;
        const work = page.evaluate((...args) => globalThis.measureLoad(...args), way, nPrompt);
        const { value, peakBytes } = await watching(pid, work);
        results.push({ way, ...value, sentBytes, peakBytes: peakBytes - emptyBytes });
      } finally {
        await browser.close();
      }
    }
  } finally {
    rmSync(userDataDir, { recursive: true, force: true });
  }
  return results;
}

// ---- the plan, and what it must show ----

const PLAN = [
  { ...SMOLLM2, nPrompt: PROMPTS.short }, { ...SMOLLM2, nPrompt: PROMPTS.short, mbits: 200 },
  { ...SMOLLM2, nPrompt: PROMPTS.short, mbits: 50 }, { ...SMOLLM2, nPrompt: PROMPTS.short, mbits: 20 },
  { ...SMOLLM2, nPrompt: PROMPTS.long, mbits: 50 }, { ...SMOLLM2, nPrompt: PROMPTS.long, mbits: 200 },
  { ...GEMMA, nPrompt: PROMPTS.short, mbits: 200 }, { ...SYNTHETIC, nPrompt: 16, memoryOnly: true },
];

const short = [];
const seconds = (ms) => (ms === undefined ? "-" : (ms / 1000).toFixed(2));
const mega = (bytes) => Math.round(bytes / 1e6);

function check(title, value, bar, unit) {
  if (value > bar) short.push(`${title}: ${value.toFixed(2)} ${unit}, not ${bar.toFixed(2)}`);
}

function judge(title, { path }, results) {
  const of = (name) => results.find(({ way }) => way === name);
  const sotto = of("sotto");
  const barBytes = 1.15 * statSync(path).size + sotto.kvBytes + SPARE_MB * 1e6;
  check(`${title}, peak memory`, sotto.peakBytes / 1e6, barBytes / 1e6, "MB");
  check(`${title}, kept, peak memory`, of("kept").peakBytes / 1e6, barBytes / 1e6, "MB");
  const bare = of("fetch");
  if (!bare) return;
  const longer = Math.max(bare.readyMs, of("kept").warmPrefillMs);
  check(`${title}, first token`, sotto.firstMs / 1000, (1.1 * longer + 300) / 1000, "s");
  if (path === SMOLLM2.path) check(`${title}, kept, ready`, of("kept").readyMs / 1000, 0.5, "s");
}

if (wllama.missing) console.log(`left out: ${wllama.missing}`);
const only = process.env.ONLY; // a part of the titles
const began = performance.now();
const result = [];
if (!existsSync(SYNTHETIC.path)) writeSynthetic(SYNTHETIC.path, LARGE);
site = await serve({ mounts: {
  "/": join(ROOT, "tests/bench"), "/sotto/": join(ROOT, "build/sotto"),
  "/wllama/": join(ROOT, "build/bench/wllama/node_modules/@wllama/wllama/esm"),
} });
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
for (const step of PLAN.filter(({ path }) => existsSync(path))) {
  const title = `${step.name}, ${step.mbits ? `${step.mbits} Mbit/s` : "no limit"}, prompt of ${step.nPrompt}`;
  if (only && !title.includes(only)) continue;
  console.log(`\n${title}`);
  const results = await measure(["sotto", "kept"], step);
  if (!step.memoryOnly) results.push(...await measure(["fetch"], step));
  if (!step.memoryOnly && !step.mbits && !wllama.missing) results.push(...await measure(["wllama"], step));
  for (const { way, readyMs, firstMs, sentBytes: bytes, peakBytes } of results) {
    console.log(`  ${way.padEnd(8)} ready ${seconds(readyMs).padStart(7)} s   first token ${seconds(firstMs).padStart(7)} s   ` +
      `${String(mega(bytes)).padStart(5)} MB sent   ${String(mega(peakBytes)).padStart(5)} MB at the peak`);
  }
  judge(title, step, results);
  result.push({ title, ...step, path: undefined, fileBytes: statSync(step.path).size, results });
}
server.closeAllConnections();
server.close();
await site.close();

mkdirSync(join(ROOT, "build/bench"), { recursive: true });
writeFileSync(join(ROOT, "build/bench/load.json"), `${JSON.stringify(result, null, 1)}\n`);
if (!only) writeFileSync(join(ROOT, "tests/bench/load.svg"), loadChart(result));
console.log(`\n${short.length ? `These fall short:\n  ${short.join("\n  ")}` : "All bars are reached."}`);
console.log(`in ${Math.round((performance.now() - began) / 60_000)} minutes; build/bench/load.json, tests/bench/load.svg`);
