// The chat page and the smallest page as a person uses them: typed into, stopped, given a wrong file.

import assert from "node:assert/strict";

const PATIENCE = { timeout: 60_000 };

/** @param page puppeteer's; it is left on the chat page */
export async function testApp(page, url) {
  const complaints = listenForComplaints(page);
  await page.goto(url, { waitUntil: "load" });
  await page.evaluate(() => localStorage.clear());
  await page.reload({ waitUntil: "load" });

  await chooseModel(page);
  await streamsAnAnswer(page);
  await stops(page);
  await survivesAWrongFile(page);
  await measures(page);
  await beginsANewChat(page);
  await rendersSafely(page);
  assert.deepEqual(complaints, []);
}

async function chooseModel(page) {
  const card = await page.waitForSelector("#welcome-models .model-card ::-p-text(SmolLM2)", PATIENCE);
  await card.click();
  await page.waitForFunction(() => document.activeElement.id === "prompt", PATIENCE);
}

/** A question may be sent while the model is still loading; its answer grows on the page. */
async function streamsAnAnswer(page) {
  await type(page, "Name a colour.");
  await page.keyboard.down("Shift");
  await page.keyboard.press("Enter"); // a new line, not a message
  await page.keyboard.up("Shift");
  await page.keyboard.type("Only one.");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".answer", PATIENCE);
  assert.equal(await textOf(page, ".question-text"), "Name a colour.\nOnly one.");
  assert.equal(await page.$eval("#prompt", (box) => box.value), "");
  const first = await whileAnswering(page);
  await answered(page);
  const whole = await textOf(page, ".answer:last-child .prose");
  assert.ok(whole.length >= first.length && whole.length > 0);
  assert.match(await textOf(page, ".answer:last-child .answer-foot"), /\d+ tokens?/);
  assert.ok((await textOf(page, "#announcer")).includes("is ready"));
}

async function stops(page) {
  await type(page, "Tell me a very long story about a lighthouse, with many chapters.");
  await page.keyboard.press("Enter");
  await whileAnswering(page);
  await page.keyboard.press("Escape");
  await answered(page);
  assert.equal(await textOf(page, ".answer:last-child .note"), "Stopped.");
}

async function survivesAWrongFile(page) {
  await page.evaluate(() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(["%PDF-1.7 no model at all"], "holiday.gguf"));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  });
  await page.waitForSelector("#status .error", PATIENCE);
  assert.match(await textOf(page, "#status .error p"), /GGUF.*NOT_GGUF/s);
  assert.match(await textOf(page, "#status-text"), /holiday could not be loaded/);

  await type(page, "Are you still there?");
  await page.keyboard.press("Enter"); // waits for a model
  const out = await page.waitForSelector("#status ::-p-text(Choose another model)", PATIENCE);
  await out.click();
  const card = await page.waitForSelector("#dialog-models .model-card ::-p-text(SmolLM2)", { ...PATIENCE, visible: true });
  await card.click();
  await answered(page);
  assert.ok((await textOf(page, ".answer:last-child .prose")).length > 0);
}

async function beginsANewChat(page) {
  await page.click("#new-chat");
  assert.equal(await page.$(".answer"), null);
  assert.equal(await page.$eval("#welcome", (section) => section.hidden), false);
}

/** The settings tell how fast the device is. */
async function measures(page) {
  await page.click("#settings-button");
  await page.click("#bench-button");
  const isTold = () => /reads \d+ tokens a second, and writes \d+/.test(document.querySelector("#bench-result").textContent);
  await page.waitForFunction(isTold, PATIENCE);
  await page.keyboard.press("Escape");
}

/** What a model writes becomes text and a few harmless tags, whatever it writes and however it is cut. */
async function rendersSafely(page) {
  const hostile = "**bold** <img src=x onerror=alert(1)> <script>alert(1)</script>\n\n" +
    "[a](javascript:alert(1)) [b](https://example.org) ![c](https://example.org/c.png)\n\n" +
    "<iframe src=https://example.org></iframe>\n\n- item\n\n  ```js\n  <b>nested</b>\n  ```\n\n```html\n<i>code</i>\n```\n";
  const seen = await page.evaluate(async (markdown) => {
    const { MarkdownView } = await import("/markdown.js");
    const element = document.createElement("div");
    const view = new MarkdownView(element);
    for (let length = 1; length <= markdown.length; length++) view.update(markdown.slice(0, length));
    const all = (selector) => [...element.querySelectorAll(selector)];
    return {
      tags: [...new Set(all("*").map((node) => node.localName))].sort(),
      handlers: all("*").flatMap((node) => node.getAttributeNames()).filter((name) => name.startsWith("on")),
      links: all("a").map((link) => link.getAttribute("href")),
      code: all("pre").map((pre) => pre.textContent),
      copies: all("button").length,
      text: element.textContent,
    };
  }, hostile);
  assert.deepEqual(seen.tags, ["a", "button", "code", "div", "li", "p", "pre", "span", "strong", "ul"]);
  assert.deepEqual(seen.handlers, []);
  assert.deepEqual(seen.links, [null, "https://example.org", "https://example.org/c.png"]);
  assert.deepEqual(seen.code, ["<b>nested</b>", "<i>code</i>"]);
  assert.equal(seen.copies, 2);
  assert.ok(seen.text.includes("<script>alert(1)</script>"));
}

/** @param page puppeteer's */
export async function testMinimal(page, url) {
  const complaints = listenForComplaints(page);
  await page.goto(`${url}examples/minimal.html`, { waitUntil: "load" });
  await page.waitForSelector("button:not([disabled])", PATIENCE);
  await page.click("button");
  await page.waitForFunction(() => document.querySelector("#answer").textContent.length > 10, PATIENCE);
  assert.deepEqual(complaints, []);
}

/** Errors that nobody caught, and whatever the content security policy refuses. */
function listenForComplaints(page) {
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) complaints.push(message.text());
  });
  return complaints;
}

async function type(page, text) {
  await page.focus("#prompt");
  await page.keyboard.type(text);
}

/** What the answer says at a moment when it is still growing. */
async function whileAnswering(page) {
  const handle = await page.waitForFunction(() => {
    const text = document.querySelector(".answer:last-child .prose").innerText;
    return document.querySelector("#send.stops") && text !== "" && text;
  }, { ...PATIENCE, polling: "mutation" });
  return handle.jsonValue();
}

function answered(page) {
  return page.waitForFunction(() => !document.querySelector("#send.stops, .answer[aria-busy]"), PATIENCE);
}

function textOf(page, selector) {
  return page.$eval(selector, (element) => element.innerText);
}
