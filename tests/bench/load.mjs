// load.mjs: from a person's click to the first token: Sotto beside npm's wllama and a bare fetch in the same Chromium,
// cold and kept, throttled and not (make bench-load). Each measurement has a browser of its own, without DevTools: those
// keep what they see of a download. Memory is the PSS of the browser's processes at its peak, above that of the empty
// browser; it is watched in runs of their own, whose times do not count, and other browsers that start or end meanwhile
// change it, since they share pages. Writes build/bench/load.json and tests/bench/load.svg, and says which of issue 5's
// bars fall short. Usage: load.mjs [part of a title]; FULL=1: all speeds and prompts for both models.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Transform } from "node:stream";
import { json } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { fileHandler } from "../../web/serve.mjs";
import { LARGE, writeSynthetic } from "../synthetic.mjs";
import { MODELS, ROOT, wllama } from "./engines.mjs";
import { loadChart } from "./load-chart.mjs";

const SAMPLE_MS = 50;
const SLICE_MS = 20; // of a throttled link
const SETTLE_MS = 1500; // until a browser has started wholly
const N_KEPT = 5; // runs of a kept file, of which the median counts
const SPARE_MB = 60;
const SPARE_TOKENS = 64; // of the context, behind the prompt

// kvBytes: of a token, for keys and values of all layers, a byte an element and a scale of 4 bytes for each head.
const cached = (name) => join(ROOT, "models/cache", `${name}.gguf`);
const SMOLLM2 = { name: "SmolLM2 Q4_1", path: cached("SmolLM2-135M-Instruct.Q4_1"), kvBytes: 2 * 30 * 3 * (64 + 4) };
const SMOLLM2_K = { ...SMOLLM2, name: "SmolLM2 Q4_K_M", path: join(MODELS, "SmolLM2-135M-Instruct.Q4_K_M.gguf") }; // of make bench
const GEMMA = { name: "gemma-3-270m Q4_K_M", path: cached("gemma-3-270m-q4_k_m"), kvBytes: 2 * 18 * (256 + 4) };
const SYNTHETIC = { name: "synthetic, 1 GB", path: join(MODELS, "synthetic.gguf"), kvBytes: 2 * 20 * 16 * (64 + 4) };

const moment = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// ---- the server: the pages, and one file, at a given speed, whose bytes are counted ----

let modelPath;
let bytesPerMs = Infinity; // of all connections together
let sentBytes = 0;
let isFreeAt = 0; // when the throttled link has sent what it was given
let page; // of the measurement under way: { opened(), task: a promise, done(result) }

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

const files = fileHandler({
  csp: null, // wllama's worker is a blob
  mounts: {
    "/": join(ROOT, "tests/bench"), "/sotto/": join(ROOT, "build/sotto"),
    "/wllama/": join(ROOT, "build/bench/wllama/node_modules/@wllama/wllama/esm"),
  },
});

async function sendModel(request, response) {
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

const routes = {
  "/model.gguf": sendModel,
  async "/task"(_, response) {
    page.opened();
    response.end(JSON.stringify(await page.task));
  },
  async "/result"(request, response) {
    page.done(await json(request));
    response.end();
  },
};

const server = createServer((request, response) => (routes[request.url] ?? files)(request, response));

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

// Samples until `work` has ended; returns the peak.
async function watch(pid, work) {
  let isDone = false;
  let peakBytes = 0;
  const end = work.then(() => { isDone = true; });
  while (!isDone) {
    peakBytes = Math.max(peakBytes, memoryOf(pid));
    await Promise.race([moment(SAMPLE_MS), end]);
  }
  return peakBytes;
}

// ---- one measurement ----

const ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

/** One way of the page's, in a browser of its own: { way, readyMs, firstMs, sentBytes, ... }, peakBytes if it is watched. */
async function measure(way, { nPrompt, isWatched }, profile) {
  const opened = Promise.withResolvers();
  const task = Promise.withResolvers();
  const done = Promise.withResolvers();
  page = { opened: opened.resolve, task: task.promise, done: done.resolve };
  const address = `http://127.0.0.1:${server.address().port}/load.html`;
  const browser = spawn("/usr/bin/chromium", [...ARGS, `--user-data-dir=${profile}`, address], { stdio: "ignore" });
  const exited = once(browser, "exit");
  exited.then(() => [opened, done].forEach(({ reject }) => reject(new Error("the browser has ended"))));
  try {
    await opened.promise;
    await moment(SETTLE_MS);
    const emptyBytes = memoryOf(browser.pid);
    sentBytes = isFreeAt = 0;
    task.resolve({ way, nPrompt, nCtx: nPrompt + SPARE_TOKENS });
    const peakBytes = isWatched ? await watch(browser.pid, done.promise) - emptyBytes : undefined;
    const result = await done.promise;
    if (result.error) throw new Error(`${way}: ${result.error}`);
    return { way, ...result, sentBytes, peakBytes };
  } finally {
    browser.kill();
    await exited;
  }
}

/** All ways of a step, one after the other, on one profile; of several runs of a way the one with the median of readyMs. */
async function measureAll({ path, mbits, ways, ...step }) {
  modelPath = path;
  bytesPerMs = mbits ? mbits * 125 : Infinity;
  const profile = mkdtempSync(join(tmpdir(), "sotto-load-"));
  const runs = new Map();
  try {
    for (const way of ways) runs.set(way, [...runs.get(way) ?? [], await measure(way, step, profile)]);
  } finally {
    rmSync(profile, { recursive: true, force: true });
  }
  return [...runs.values()].map((some) => some.sort((a, b) => a.readyMs - b.readyMs)[some.length >> 1]);
}

// ---- the plan, and what it must show ----

const beside = wllama.missing ? [] : ["wllama"];
const keptOften = Array(N_KEPT).fill("kept");
const watched = (model, nPrompt, ways) => ({ ...model, nPrompt, ways, isWatched: true });
const throttled = (model, nPrompt, ...speeds) =>
  speeds.map((mbits) => ({ ...model, nPrompt, mbits, ways: ["fetch", "sotto", "kept"] }));

const PLAN = [
  { ...SMOLLM2, nPrompt: 512, ways: ["sotto", ...keptOften, "fetch", ...beside] },
  watched(SMOLLM2, 512, ["sotto", "kept", "file", "stream", ...beside]), watched(SMOLLM2_K, 512, ["sotto", "kept"]),
  watched(GEMMA, 512, ["sotto", "kept"]), watched(SYNTHETIC, 16, ["sotto", "kept"]),
  ...throttled(SMOLLM2, 512, 200, 50, 20), ...throttled(SMOLLM2, 2048, 200, 50, 20), ...throttled(GEMMA, 512, 200, 50),
  ...process.env.FULL ? [...throttled(GEMMA, 512, 20), ...throttled(GEMMA, 2048, 200, 50, 20)] : [],
];

const titleOf = ({ name, mbits, nPrompt, isWatched }) =>
  `${name}, ${isWatched ? "memory" : mbits ? `${mbits} Mbit/s` : "no limit"}, prompt of ${nPrompt}`;

const short = [];
const seconds = (ms) => (ms === undefined ? "-" : (ms / 1000).toFixed(2)).padStart(7);
const mega = (bytes) => (bytes === undefined ? "-" : String(Math.round(bytes / 1e6))).padStart(5);

function check(title, value, bar, unit) {
  if (value > bar) short.push(`${title}: ${value.toFixed(2)} ${unit}, not ${bar.toFixed(2)}`);
}

function judge({ title, kvBytes, nPrompt, mbits, isWatched, fileBytes, results }) {
  const { sotto, kept, fetch: bare, wllama: _, ...others } = Object.fromEntries(results.map((one) => [one.way, one]));
  if (isWatched) {
    const bar = 1.15 * fileBytes + kvBytes * (nPrompt + SPARE_TOKENS) + SPARE_MB * 1e6;
    const all = { sotto, kept, ...others };
    for (const [way, { peakBytes }] of Object.entries(all)) check(`${title}, ${way}`, peakBytes / 1e6, bar / 1e6, "MB");
  } else if (mbits) {
    const longer = Math.max(bare.readyMs, kept.warmPrefillMs);
    check(`${title}, first token`, sotto.firstMs / 1000, (1.1 * longer + 300) / 1000, "s");
  } else check(`${title}, kept, ready`, kept.readyMs / 1000, 0.5, "s");
}

const [only = ""] = process.argv.slice(2);
const RESULT = join(ROOT, "build/bench/load.json");
const found = new Map(existsSync(RESULT) ? JSON.parse(readFileSync(RESULT)).map((one) => [one.title, one]) : []);
const began = performance.now();
if (wllama.missing) console.log(`left out: ${wllama.missing}`);
if (!existsSync(SYNTHETIC.path)) writeSynthetic(SYNTHETIC.path, LARGE);
server.listen(0, "127.0.0.1");
await once(server, "listening");
for (const step of PLAN) {
  const title = titleOf(step);
  if (!title.includes(only)) continue;
  if (!existsSync(step.path)) {
    console.log(`\nleft out: ${title}: there is no ${step.path}`);
    continue;
  }
  console.log(`\n${title}`);
  const { path, ways: _, ...rest } = step;
  const entry = { title, ...rest, fileBytes: statSync(path).size, results: await measureAll(step) };
  for (const { way, readyMs, firstMs, sentBytes: bytes, peakBytes } of entry.results) {
    console.log(`  ${way.padEnd(8)} ready ${seconds(readyMs)} s   first token ${seconds(firstMs)} s   ${mega(bytes)} MB sent   ` +
      `${mega(peakBytes)} MB at the peak`);
  }
  judge(entry);
  found.set(title, entry);
  mkdirSync(join(ROOT, "build/bench"), { recursive: true });
  writeFileSync(RESULT, `${JSON.stringify([...found.values()], null, 1)}\n`);
}
server.closeAllConnections();
server.close();
writeFileSync(join(ROOT, "tests/bench/load.svg"), loadChart([...found.values()]));
console.log(`\n${short.length ? `These fall short:\n  ${short.join("\n  ")}` : "All bars are reached."}`);
console.log(`in ${Math.round((performance.now() - began) / 60_000)} minutes; build/bench/load.json, tests/bench/load.svg`);
