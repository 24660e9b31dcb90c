// Runs cases.js in Node and in three real browsers, and compares: the same prompt with the same seed must give the
// same text everywhere, on a page with threads and on one without. Then the chat page itself (app.mjs).
// Usage: node --test tests/browser/run.mjs, after `make`.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { serve } from "../../web/serve.mjs";
import { testApp, testMinimal } from "./app.mjs";
import { cases } from "./cases.js";
import { browsers, openWebKitWithProfile } from "./drivers.mjs";
import { testFaults } from "./faults.mjs";
import { testImports } from "./import.mjs";
import { testKeeping } from "./keep.mjs";
import { WITHOUT, testKills } from "./kills.mjs";
import { testModels } from "./models.mjs";
import { testOffline } from "./offline.mjs";

const root = new URL("../../", import.meta.url);
const path = (name) => new URL(name, root).pathname;
const MODEL = "models/SmolLM2-135M-Instruct.Q4_1.gguf";
const MODEL_PATH = path(MODEL.replace("/", "/cache/"));
// The machine's Node may be too old for the package; npm installs a newer one.
const NODE = path("node_modules/.bin/node");
const BROWSER_MS = 300_000;

const FAULTS = {
  Chromium: { isChosen: () => true },
  Firefox: { isChosen: ({ isEssential }) => isEssential, bytesPerMs: 1 << 14 },
  WebKitGTK: { isChosen: ({ isEssential }) => isEssential, bytesPerMs: 1 << 14 },
};

const sites = {};
const expected = {}; // case name -> what Node gave

before(async () => {
  const mounts = {
    "/": path("build/app"), "/models/": path("models/cache"), "/tests/": path("tests/browser"),
    "/examples/": path("examples"), "/build/sotto/": path("build/sotto"),
  };
  sites.isolated = await serve({ mounts });
  sites.plain = await serve({ mounts, isolation: false });
});

after(() => Promise.all(Object.values(sites).map((site) => site.close())));

test("Node", { timeout: BROWSER_MS }, async (t) => {
  const args = [path("tests/browser/in-node.mjs"), path("build/sotto"), sites.isolated.url + MODEL];
  const { stdout } = await promisify(execFile)(NODE, args, { timeout: BROWSER_MS });
  for (const { name, value, error } of stdout.trim().split("\n").map((line) => JSON.parse(line))) {
    expected[name] = value;
    await t.test(name, () => assert.equal(error, undefined, error));
  }
  for (const name of ["whole text is the streamed text", "two threads"]) assert.equal(expected[name], expected["sampled text"]);
});

for (const [name, { missing, open }] of Object.entries(browsers)) {
  test(name, { skip: missing, timeout: BROWSER_MS }, async (t) => {
    const browser = await open();
    try {
      await runCases(t, browser, "isolated", Object.keys(cases));
      await runCases(t, browser, "plain", ["load by URL", "sampled text", "close"]);
      if (name !== "WebKitGTK") { // driven like this, it is a private window, and forgets a model at once
        await testStorage(t, name, browser);
        await t.test("the models of the chat page", (t) => testModels(t, browser, { app: path("build/app"), model: MODEL_PATH }));
        await t.test("the page without a network", (t) => testOffline(t, browser, { app: path("build/app"), models: path("models/cache") }));
      }
      if (name === "Chromium") {
        await t.test("the chat page", () => testApp(browser.page, sites.isolated.url));
        await t.test("the smallest page", () => testMinimal(browser.page, sites.isolated.url));
        for (const storage of Object.keys(WITHOUT)) {
          const how = { storage, nKills: 10 };
          await t.test(`10 loads over ${storage} that are killed`, () => testKills(browser.page.browser(), how));
        }
      }
    } finally {
      await browser.close();
    }
  });
}

test("WebKitGTK with a profile", { skip: browsers.WebKitGTK.missing, timeout: BROWSER_MS }, async (t) => {
  const browser = await openWebKitWithProfile();
  try {
    await testStorage(t, "WebKitGTK", browser);
  } finally {
    await browser.close();
  }
});

async function testStorage(t, name, browser) {
  await t.test("what is kept", (t) => testKeeping(t, browser, sites.plain.url, MODEL_PATH));
  await t.test("what is brought and what is secret", (t) => testImports(t, browser, sites.plain.url, MODEL_PATH));
  await t.test("faults", (t) => testFaults(t, browser, sites.plain.url, FAULTS[name]));
}

async function runCases(t, browser, site, names) {
  await browser.goto(`${sites[site].url}tests/page.html`);
  for (const name of names) {
    await t.test(`${site} page: ${name}`, async (t) => {
      const { value, error } = await browser.run(name);
      assert.equal(error, undefined, error);
      if (name === "load by URL") {
        t.diagnostic(`${value.level}, ${value.nThreads} thread(s)`);
        assert.equal(value.isolated, site === "isolated");
        if (site === "plain") assert.equal(value.nThreads, 1);
      } else {
        assert.deepEqual(value, expected[name]);
      }
    });
  }
}
