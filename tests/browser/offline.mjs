// The chat page on a host that sends no headers: isolated by its service worker, opened and answering with the server
// gone, and replaced by a newer version by the visit after the one that finds it. browser: as drivers.mjs gives it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { serve } from "../../web/serve.mjs";

const PATIENCE_MS = 60_000;
const PRECACHE = fileURLToPath(new URL("../../web/precache.mjs", import.meta.url));

/** app: the folder of the page; models: that of its models, which has SmolLM2. */
export async function testOffline(t, browser, { app, models }) {
  const folder = mkdtempSync(join(tmpdir(), "sotto-offline-"));
  cpSync(app, folder, { recursive: true });
  const open = (port) => serve({ mounts: { "/": folder, "/models/": models }, port, isolation: false });
  let site = await open(0);
  const { url } = site;
  const isTrue = (expression) => until(browser, expression);
  try {
    await browser.goto(url);
    if (!await browser.evaluate("'serviceWorker' in navigator")) return t.diagnostic("no service workers");
    await isTrue("navigator.serviceWorker.controller !== null");
    await isTrue("crossOriginIsolated");
    await isTrue("document.querySelector('#welcome-models .model-card') !== null");
    await browser.evaluate("document.querySelector('#welcome-models .model-card').click()");
    await isTrue("document.querySelector('#announcer').textContent.includes('is ready')");
    await site.close();
    await assert.rejects(fetch(url), "the server is gone");

    await browser.goto(url);
    await isTrue("document.querySelector('#welcome-title') !== null");
    await answers(browser, isTrue);

    change(folder, "app.js", "\ndocument.documentElement.dataset.isNewer = 'true';\n");
    site = await open(Number(new URL(url).port));
    assert.equal(site.url, url);
    await browser.goto(url);
    const isNewer = "document.documentElement.dataset.isNewer === 'true'";
    const isWaiting = "navigator.serviceWorker.getRegistration().then(({ waiting }) => waiting !== null)";
    await isTrue(`${isNewer} || ${isWaiting}`); // at once where the page is still idle, at the next visit else
    await browser.goto(url);
    await isTrue(isNewer);
    const isOurs = "(name) => name.startsWith('sotto-app ')"; // models may be kept in others
    assert.equal(await browser.evaluate(`caches.keys().then((names) => names.filter(${isOurs}).length)`), 1, "the old version is gone");
  } finally {
    await site.close();
    rmSync(folder, { recursive: true });
  }
}

async function answers(browser, isTrue) {
  await isTrue("document.querySelector('#announcer').textContent.includes('is ready')"); // last time's model
  await browser.evaluate(`(() => {
    document.querySelector("#prompt").value = "Name a colour.";
    document.querySelector("#composer").requestSubmit();
  })()`);
  await isTrue("document.querySelector('.answer:not([aria-busy]) .prose')?.textContent.length > 0");
}

// A new version of the site.
function change(folder, name, text) {
  appendFileSync(join(folder, name), text);
  writeFileSync(join(folder, "precache.js"), execFileSync(process.execPath, [PRECACHE, folder]));
}

// Waits for what becomes true; a page that reloads meanwhile has no answer for a moment.
export async function until(browser, expression) {
  for (const end = Date.now() + PATIENCE_MS; ; ) {
    const value = await browser.evaluate(expression).catch(() => false);
    if (value) return;
    assert.ok(Date.now() < end, `never true: ${expression}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
