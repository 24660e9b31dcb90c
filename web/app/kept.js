// The panel of the models that this browser keeps: how large they are, when they were used last, and whether they are
// verified; opened, exported to a file, deleted, or added from one.

import { announce } from "./announce.js";
import { bytes, bytesOf, dayOf } from "./format.js";
import { forget, importFile, kept, keptFile } from "./sotto/index.js";
import { button, element, errorNote } from "./transcript.js";

const list = document.getElementById("kept-list");
const total = document.getElementById("kept-total");
const note = document.getElementById("kept-note");
const bar = document.getElementById("import-progress");
const importButton = document.getElementById("import-button");
const input = document.getElementById("import-input");

/** A file's name, as its address has it. */
export function fileNameOf(url) {
  return decodeURIComponent(new URL(url).pathname.split("/").at(-1)) || url;
}

/**
 * @param {{titleOf: (url) => string, onOpen: (url) => void, onChange: () => void}} hooks titleOf: what the model is called;
 *   onOpen: a person wants it; onChange: one has come or gone
 * @returns {{show: () => Promise<void>, add: (file: File) => Promise<void>}} show: as things are now
 */
export function setUpKept({ titleOf, onOpen, onChange }) {
  async function show() {
    const models = (await kept()).sort((a, b) => b.lastUsed - a.lastUsed);
    list.replaceChildren(...models.map(row));
    const { quota, usage } = await navigator.storage?.estimate?.() ?? {};
    const used = models.reduce((sum, model) => sum + model.bytes, 0);
    const free = quota === undefined ? undefined : `${bytes(quota - usage)} free for this site`;
    total.textContent = [models.length ? `${bytes(used)} used` : "No model is kept yet", free].filter(Boolean).join(" · ");
  }

  function row(model) {
    const { url, bytes: nBytes, totalBytes, verified, lastUsed } = model;
    const isWhole = nBytes === totalBytes;
    const item = element("li", "kept-item");
    const text = element("div", "kept-text");
    const facts = [isWhole ? bytes(nBytes) : `${bytesOf(nBytes, totalBytes)} so far`, `used ${dayOf(lastUsed)}`,
      isWhole ? (verified ? "verified" : "not verified") : undefined];
    text.append(element("span", "model-title", titleOf(url)),
      element("span", "model-facts", facts.filter(Boolean).join(" · ")));
    const actions = element("div", "kept-actions");
    const named = (label, run) => {
      const made = button(label, run);
      made.setAttribute("aria-label", `${label} ${titleOf(url)}`);
      return made;
    };
    const offered = () => [named(isWhole ? "Open" : "Go on", () => onOpen(url)),
      ...(isWhole ? [named("Export", () => save(url))] : []), named("Delete", ask)];
    // Asked in place of the buttons; the harmless answer has the focus.
    const ask = () => {
      const no = named("Keep", () => {
        actions.replaceChildren(...offered());
        actions.lastElementChild.focus();
      });
      const yes = named("Delete for good", () => remove(model));
      yes.classList.add("danger-button");
      actions.replaceChildren(no, yes);
      no.focus();
    };
    actions.append(...offered());
    item.append(text, actions);
    return item;
  }

  async function remove({ url, bytes: nBytes }) {
    await attempt(async () => {
      await forget(url);
      announce(`${titleOf(url)} is deleted. ${bytes(nBytes)} are free again.`);
    });
    importButton.focus();
  }

  // The browser's own download: the bytes go from its storage to the person's disk, not through the page.
  async function save(url) {
    await attempt(async () => {
      const link = element("a");
      link.href = URL.createObjectURL(await keptFile(url));
      link.download = fileNameOf(url);
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // when the download has begun for sure
    });
  }

  async function add(file) {
    importButton.disabled = true;
    bar.hidden = false;
    await attempt(async () => {
      await importFile(file, { onProgress({ loadedBytes, totalBytes }) {
        note.textContent = `Copying ${file.name} · ${bytesOf(loadedBytes, totalBytes)}`;
        bar.value = loadedBytes / totalBytes;
      } });
      announce(`${file.name} is kept on this device.`);
    });
    bar.hidden = true;
    importButton.disabled = false;
  }

  async function attempt(work) {
    note.replaceChildren();
    try {
      await work();
      note.replaceChildren();
    } catch (error) {
      note.replaceChildren(errorNote(error));
    }
    await show();
    onChange();
  }

  importButton.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    add(input.files[0]);
    input.value = ""; // so that the same file can be chosen again
  });
  return { show, add };
}
