// Loads of a 4 MB model that are killed at random bytes, until they end in the right model: kept byte for byte, and with
// the engine's logits. Together the kills may cost 1 MiB for each connection that was open, and not what was sent before that.
// `make soak` runs 500 of them, `make test` 20, half of them without OPFS, where the Cache API keeps the bytes. Usage: node tests/browser/kills.mjs [KILLS] [SEED]

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { load } from "../../build/sotto/index.js";
import { serve } from "../../web/serve.mjs";
import { FaultServer, passOnTo } from "../fault-server.mjs";
import { SMALL, syntheticModel } from "../synthetic.mjs";
import { browsers } from "./drivers.mjs";

const MIB = 1 << 20;
const BYTES_PER_MS = 1 << 14; // so that little is under way when the line goes dead
const LOADS = { "load": 1, "load early": 4 }; // and the connections that one may have: three, beside one that is moved
const PATIENCE_MS = 60_000;
export const WITHOUT = { opfs: [], cache: ["opfs"] }; // what is there to keep the bytes, when the browser is without these

const root = new URL("../../", import.meta.url);
const path = (name) => fileURLToPath(new URL(name, root));
const moment = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const hashOf = (bytes) => createHash("sha256").update(bytes).digest("hex");

// How a load ends; the page after it is a new one, or the same.
const KILLS = {
  workers: async ({ page }) => void await page.evaluate(() => globalThis.runCase("kill the workers")),
  tab: async ({ page }) => page.close(),
  page: async ({ page }) => void await page.goto("about:blank"),
  process: async ({ page }) => {
    const session = await page.createCDPSession();
    session.send("Page.crash").catch(() => {});
    await new Promise((resolve) => page.once("error", resolve));
    await page.close();
  },
};

// A small generator of numbers, so that a failure can be repeated.
function randomOf(seed) {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

/**
 * browser: puppeteer's; storage: a name of WITHOUT. Kills `nKills` loads and tells what that cost:
 * { nModels, sentBytes, fileBytes, kills }.
 */
export async function testKills(browser, { storage, nKills, seed = 1 }) {
  const file = syntheticModel(SMALL);
  const expected = { storage, logits: await logitsOf(file), file: hashOf(file) };
  const site = await serve({ mounts: { "/sotto/": path("build/sotto"), "/tests/": path("tests/browser") } });
  const server = await new FaultServer(file, passOnTo(site.url)).listen();
  server.bytesPerMs = BYTES_PER_MS;
  const run = (name) => page.evaluate((...call) => globalThis.runCase(...call), name, { without: WITHOUT[storage] });
  const random = randomOf(seed);
  const one = (list) => list[Math.floor(random() * list.length)];
  const kills = Object.fromEntries(Object.keys(KILLS).map((name) => [name, 0]));
  let nModels = 0;
  let sentBytes = 0;
  let boundBytes = 0;
  let page;
  try {
    for (let nKilled = 0; nKilled < nKills; ) {
      page = await openPage(browser, page, server);
      const name = one(Object.keys(LOADS));
      server.expect();
      server.budgetBytes = Math.floor(file.length * random() ** 3); // more often early, so that most downloads are killed
      const outcome = await untilDead(server, run(name));
      await moment(20 * random());
      sentBytes += server.sentBytes;
      if (outcome) {
        assert.deepEqual(outcome, { value: expected }, `after ${nKilled} kills`);
        nModels++;
        boundBytes += file.length;
        continue;
      }
      const kill = one(Object.keys(KILLS));
      await KILLS[kill]({ page });
      kills[kill]++;
      nKilled++;
      boundBytes += Math.min(LOADS[name] * MIB, server.sentBytes);
    }
    page = await openPage(browser, page, server);
    server.expect();
    assert.deepEqual(await run("load"), { value: expected });
    sentBytes += server.sentBytes;
    boundBytes += file.length;
    assert.ok(sentBytes <= boundBytes, `${sentBytes} bytes were sent, not ${boundBytes} at most`);
    return { nModels: nModels + 1, sentBytes, fileBytes: file.length, kills };
  } finally {
    await server.close();
    await site.close();
  }
}

async function logitsOf(file) {
  const model = await load(file, { nCtx: 64, nThreads: 1 });
  const logits = await model.logits([1, 2, 3, 1000]);
  model.close();
  return hashOf(new Uint8Array(logits.buffer));
}

async function openPage(browser, page, server) {
  const next = page && !page.isClosed() ? page : await browser.newPage();
  if (!next.url().startsWith("http")) await next.goto(new URL("/tests/page.html", server.url).href, { waitUntil: "load" });
  return next;
}

// The outcome of a load; undefined when the line went dead before.
async function untilDead(server, run) {
  let outcome;
  const loading = run.then((result) => { outcome = result; }, () => {}); // killed: there is no outcome
  for (const end = Date.now() + PATIENCE_MS; server.budgetBytes > 0 && !outcome; ) {
    await Promise.race([loading, moment(2)]);
    assert.ok(Date.now() < end, `the load stands at ${server.sentBytes} bytes`);
  }
  return outcome;
}

async function main([nKills = "500", seed = "1"]) {
  const browser = await browsers.Chromium.open();
  try {
    for (const storage of Object.keys(WITHOUT)) {
      const began = Date.now();
      const options = { storage, nKills: Math.ceil(nKills / 2), seed: +seed };
      const { nModels, sentBytes, fileBytes, kills } = await testKills(browser.page.browser(), options);
      const how = Object.entries(kills).map(([name, n]) => `${n} of the ${name}`).join(", ");
      console.log(`${storage}: ${options.nKills} kills (${how}): ${nModels} models, each right, ` +
        `in ${(sentBytes / fileBytes).toFixed(1)} downloads' bytes (${Math.round((Date.now() - began) / 1000)} s)`);
    }
  } finally {
    await browser.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
