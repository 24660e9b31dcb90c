// embed.mjs: all-MiniLM-L6-v2 in Chromium, Sotto beside transformers.js on its wasm backend, one thread each, on 1,000 texts
// (make bench-embed; it needs the oracle, and once a network). All models are open in one page and take turns, in an order
// that rotates; figures are medians over the rounds, of texts a second from text to vector, tokenizers and all. The distances
// (1 - the cosine) from the vectors of Sotto's F32 tell whether all compute the same, on the texts to which both tokenizers
// give the same tokens.
// usage: node tests/bench/embed.mjs [ROUNDS]
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import puppeteer from "puppeteer-core";
import { serve } from "../../web/serve.mjs";
import { MODEL, findTexts, makeModel, quantize, withWheel } from "../fidelity/minilm.mjs";
import { ROOT, requireOracle } from "../fidelity/oracle.mjs";
import { cosine, mean, median } from "../fidelity/statistics.mjs";

const BENCH = join(ROOT, "build/bench");
const Q8_0 = join(BENCH, "models/all-MiniLM-L6-v2.Q8_0.gguf");
const ONNX = join(BENCH, "onnx");
const PACKAGES = join(BENCH, "transformers/node_modules");
const N_TEXTS = 1000;
const N_WARM = 20; // that are not timed
const N_ROUNDS = Number(process.argv[2] ?? 5);

const THEIRS_F32 = { title: "transformers.js fp32", kind: "transformers", model: "fp32" };
const SOTTO_F32 = { title: "Sotto F32", kind: "sotto", model: `f32/${basename(MODEL)}` };
const THEIRS_Q8 = { title: "transformers.js q8", kind: "transformers", model: "q8" };
const SOTTO_Q8 = { title: "Sotto Q8_0", kind: "sotto", model: `q8/${basename(Q8_0)}` };
const ENGINES = [
  THEIRS_F32,
  { ...SOTTO_F32, peer: THEIRS_F32.title },
  THEIRS_Q8,
  { ...SOTTO_Q8, peer: THEIRS_Q8.title },
];

function makeFiles() {
  if (!existsSync(MODEL)) makeModel();
  mkdirSync(dirname(Q8_0), { recursive: true });
  if (!existsSync(Q8_0)) quantize(MODEL, Q8_0, "Q8_0");
  if (existsSync(join(ONNX, "minilm/onnx/model_quantized.onnx"))) return;
  const python = join(BENCH, "python/bin/python");
  withWheel((wheel) => execFileSync(python, [join(ROOT, "models/make-minilm-onnx.py"), wheel, join(ONNX, "minilm")], { stdio: "pipe" }));
}

requireOracle();
makeFiles();
const texts = findTexts(N_TEXTS);
const site = await serve({ mounts: {
  "/": join(ROOT, "tests/bench"), "/sotto/": join(ROOT, "build/sotto"), "/gguf/f32/": dirname(MODEL), "/gguf/q8/": dirname(Q8_0),
  "/onnx/": ONNX, "/transformers/": join(PACKAGES, "@huggingface/transformers/dist"), "/ort/": join(PACKAGES, "onnxruntime-web/dist"),
} });
const browser = await puppeteer.launch({ executablePath: "/usr/bin/chromium", protocolTimeout: 1_800_000,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"] });
try {
  const page = await browser.newPage();
  await page.setBypassCSP(true); // transformers.js may start its runtime from a blob
  page.on("pageerror", ({ message }) => console.error(message));
  await page.goto(`${site.url}embed.html`);
  await page.waitForFunction(() => globalThis.isOpen);
  const embed = ({ kind, model }, some) => page.evaluate((...args) => globalThis.embed(...args), kind, model, some);
  for (const engine of ENGINES) {
    await page.evaluate((...args) => globalThis.open(...args), engine.kind, engine.model);
    await embed(engine, texts.slice(0, N_WARM));
  }
  const rates = new Map(ENGINES.map(({ title }) => [title, []]));
  const rows = new Map();
  for (let round = 0; round < N_ROUNDS; round++) {
    for (let i = 0; i < ENGINES.length; i++) {
      const engine = ENGINES[(round + i) % ENGINES.length];
      const result = await embed(engine, texts);
      rates.get(engine.title).push(N_TEXTS / result.seconds);
      rows.set(engine.title, result.rows);
    }
  }
  const [ours, theirs] = await Promise.all([SOTTO_F32, THEIRS_F32].map(({ kind, model }) =>
    page.evaluate((...args) => globalThis.tokenize(...args), kind, model, texts)));
  const same = [...texts.keys()].filter((i) => ours[i].join() === theirs[i].join());
  const exact = rows.get(SOTTO_F32.title);
  console.log(`all-MiniLM-L6-v2 in Chromium, ${N_TEXTS} texts, ${N_ROUNDS} rounds: texts a second; distance from Sotto F32 on ${
    same.length} texts of the same tokens`);
  for (const { title, peer } of ENGINES) {
    const distances = same.map((i) => Math.max(0, 1 - cosine(rows.get(title)[i], exact[i])));
    const ratio = peer ? `, ${(median(rates.get(title)) / median(rates.get(peer))).toFixed(2)} times ${peer}` : "";
    const [low, middle, high] = [Math.min, (...all) => median(all), Math.max].map((of) => of(...rates.get(title)).toFixed(1));
    console.log(`  ${title.padEnd(20)} ${middle} (${low} to ${high}); mean ${mean(distances).toExponential(1)}, largest ${
      Math.max(...distances).toExponential(1)}${ratio}`);
  }
} finally {
  await browser.close();
  await site.close();
}
