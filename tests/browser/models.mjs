// The models of the chat page as a person meets them: what a download takes is told before it, and what this browser keeps
// is listed, added to, exported and deleted. browser: as drivers.mjs gives it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { serve } from "../../web/serve.mjs";
import { FaultServer, passOnTo } from "../fault-server.mjs";
import { until } from "./offline.mjs";

const PRECACHE = fileURLToPath(new URL("../../web/precache.mjs", import.meta.url));

/** app: the folder of the page; model: path of the catalogue's first model. */
export async function testModels(t, browser, { app, model }) {
  const folder = mkdtempSync(join(tmpdir(), "sotto-models-"));
  cpSync(app, folder, { recursive: true });
  const site = await serve({ mounts: { "/": folder } });
  const server = await new FaultServer(readFileSync(model), passOnTo(site.url)).listen();
  moveModel(folder, server.url);
  const isTrue = (expression) => until(browser, expression);
  const click = (selector) => browser.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`);
  const textOf = (selector) =>
    browser.evaluate(`document.querySelector(${JSON.stringify(selector)}).innerText`);
  try {
    await browser.goto(new URL("/", server.url).href);
    await isTrue("document.querySelector('#welcome-models .model-card') !== null");
    if (await browser.evaluate("navigator.storage !== undefined")) {
      await browser.evaluate("void (navigator.storage.estimate = async () => ({ quota: 5e7, usage: 1e7 }))");
      await click("#welcome-models .model-card");
      await isTrue("document.querySelector('#offer-problems').innerText.includes('QUOTA')");
      assert.match(await textOf("#offer-facts"), /40 MB free: too little to keep it/);
      await browser.evaluate("delete navigator.storage.estimate");
      await click("#offer-dialog [data-close]");
      server.expect();
    }
    await click("#welcome-models .model-card");
    await isTrue("document.querySelector('#offer-facts').innerText.includes('writes about')");
    const facts = await textOf("#offer-facts");
    assert.match(facts, /98 MB, about .* at [\d.]+ MB\/s[^]*\d MB, with 4,096 tokens[^]*reads about [\d.]+, writes about [\d.]+/);
    assert.equal(await textOf("#offer-problems"), "");
    assert.ok(server.sentBytes < 8e6, `${server.sentBytes} bytes for an estimate`);
    await click("#offer-accept");
    await isTrue("document.querySelector('#announcer').textContent.includes('is ready')");

    await click("#model-button");
    await drop(browser, "GGUF, and nothing else", "my own.gguf");
    await isTrue("document.querySelector('#kept-list button[aria-label=\"Export my own\"], #kept-note .error') !== null");
    if (await browser.evaluate("document.querySelector('#kept-list li') === null")) {
      t.diagnostic("nothing is kept");
      return assert.match(await textOf("#kept-note"), /STORAGE_REFUSED/);
    }
    await isTrue("/SmolLM2 135M\\s+98 MB · used today · verified/.test(document.querySelector('#kept-list').innerText)");
    assert.match(await textOf("#kept-list"), /my own\s+0 MB · used today · not verified/);
    assert.match(await textOf("#kept-total"), /98 MB used · .* free for this site/);

    await browser.evaluate(`HTMLAnchorElement.prototype.click = function () { // a download would need a folder
      document.body.dataset.exported = this.download + " " + this.href.slice(0, 5);
    }`);
    await click("#kept-list button[aria-label='Export my own']");
    await isTrue("document.body.dataset.exported === 'my own.gguf blob:'");

    await click("#kept-list button[aria-label='Delete my own']");
    assert.equal(await browser.evaluate("document.activeElement.textContent"), "Keep");
    await click("#kept-list :focus + button");
    await isTrue("!document.querySelector('#kept-list').innerText.includes('my own')");
    await drop(browser, "%PDF-1.7", "holiday.gguf");
    await isTrue("document.querySelector('#kept-note').innerText.includes('NOT_GGUF')");
    assert.match(await textOf("#kept-list"), /SmolLM2/);
  } finally {
    await server.close();
    await site.close();
    rmSync(folder, { recursive: true });
  }
}

// The catalogue's first model is at `url`, and nowhere else.
function moveModel(folder, url) {
  const path = join(folder, "catalog.json");
  const catalog = JSON.parse(readFileSync(path));
  catalog.models[0].sources = [{ url }];
  writeFileSync(path, JSON.stringify(catalog));
  writeFileSync(join(folder, "precache.js"), execFileSync(process.execPath, [PRECACHE, folder]));
}

function drop(browser, text, name) {
  return browser.evaluate(`(() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([${JSON.stringify(text)}], ${JSON.stringify(name)}));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  })()`);
}
