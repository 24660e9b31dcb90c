// The chat page: joins the parts. Reading order: engine.js (the model), chat.js (the conversation),
// transcript.js and markdown.js (what is seen of it), picker.js, offer.js and kept.js (which model), settings.js and status.js.

import { Chat } from "./chat.js";
import { loadCatalogue, modelAt } from "./catalogue.js";
import { Engine } from "./engine.js";
import { fileNameOf, setUpKept } from "./kept.js";
import { offer } from "./offer.js";
import { setUpOffline } from "./offline.js";
import { fillPicker } from "./picker.js";
import * as settings from "./settings.js";
import { setUpStatus } from "./status.js";
import { recall, remember } from "./storage.js";
import { errorNote } from "./transcript.js";

const IDEAS = ["Why is the sky blue?", "Write a short poem about rain.", "Give me five names for a cat."];

const byId = (id) => document.getElementById(id);
const prompt = byId("prompt");
const send = byId("send");
const fileInput = byId("file-input");
const modelsDialog = byId("models-dialog");

const engine = new Engine();
const chat = new Chat(engine, showState);
const keptModels = setUpKept({ titleOf, onOpen: openKept, onChange: showCatalogue });
let models = [];

function openModel(model) {
  modelsDialog.close();
  remember("model", model.name);
  engine.open({ title: model.title, bytes: model.bytes, source: model.url, sha256: model.sha256 }, settings.loading());
  prompt.focus();
}

// A download is not begun before the person knows what it takes.
function choose(model) {
  if (model.isHere) openModel(model);
  else offer(model, settings.loading(), () => openModel(model));
}

function openKept(url) {
  const model = modelAt(models, url);
  openModel({ ...model, url, name: model?.name, title: titleOf(url) });
}

function titleOf(url) {
  return modelAt(models, url)?.title ?? fileNameOf(url).replace(/\.gguf$/i, "");
}

function openFile(file) {
  if (!file) return;
  modelsDialog.close();
  engine.open({ title: file.name.replace(/\.gguf$/i, ""), bytes: file.size, source: file }, settings.loading());
  prompt.focus();
}

function reopen() {
  if (engine.choice) engine.open(engine.choice, settings.loading());
}

/** Everything that follows from the state of the engine and the chat. */
function showState() {
  byId("welcome").hidden = chat.isStarted;
  byId("new-chat").disabled = !chat.isStarted;
  const hasModel = engine.state === "ready" || engine.state === "loading";
  byId("welcome-models").hidden = hasModel;
  byId("welcome-ideas").hidden = !hasModel;
  byId("model-name").textContent = hasModel ? engine.choice.title : "Choose a model";
  send.classList.toggle("stops", chat.isAnswering);
  send.disabled = !chat.isAnswering && prompt.value.trim() === "";
  send.setAttribute("aria-label", chat.isAnswering ? "Stop" : "Send");
  send.title = chat.isAnswering ? "Stop (Esc)" : "Send (Enter)";
}

function submit() {
  const text = prompt.value.trim();
  if (text === "" || chat.isAnswering) return;
  prompt.value = "";
  fitPrompt();
  ask(text);
}

/** The answer waits for a model; where none was chosen, the first one that needs no download is. */
function ask(text) {
  chat.ask(text);
  if (engine.state !== "none") return;
  const here = models.find((model) => model.isHere);
  if (here) openModel(here);
  else showModels();
}

function showModels() {
  modelsDialog.showModal();
  keptModels.show();
}

/** The box is as high as its text; the style sheet says how high at most. */
function fitPrompt() {
  prompt.style.height = "auto";
  prompt.style.height = `${prompt.scrollHeight}px`;
}

function setUpComposer() {
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    if (chat.isAnswering) chat.stop();
    else submit();
  });
  prompt.addEventListener("input", () => { fitPrompt(); showState(); });
  prompt.addEventListener("keydown", (event) => {
    // While an input method composes a word, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && chat.isAnswering && !document.querySelector("dialog[open]")) chat.stop();
  });
  byId("new-chat").addEventListener("click", () => {
    chat.reset();
    prompt.focus();
  });
}

function setUpIdeas() {
  byId("welcome-ideas").replaceChildren(...IDEAS.map((idea) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "idea";
    button.textContent = idea;
    button.addEventListener("click", () => {
      ask(idea);
      prompt.focus();
    });
    return button;
  }));
}

function setUpFiles() {
  fileInput.addEventListener("change", () => {
    openFile(fileInput.files[0]);
    fileInput.value = ""; // so that the same file can be chosen again
  });
  const hint = byId("drop-hint");
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    (document.querySelector("dialog[open]") ?? document.body).append(hint); // above what is open
    hint.firstElementChild.textContent = modelsDialog.open ? "Drop a GGUF file to keep it" : "Drop a GGUF file to load it";
    hint.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) hint.hidden = true; // it left the window
  });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    hint.hidden = true;
    const [file] = event.dataTransfer.files;
    if (modelsDialog.open && file) keptModels.add(file);
    else openFile(file);
  });
}

function setUpDialogs() {
  byId("model-button").addEventListener("click", showModels);
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => {
      // The backdrop belongs to the dialog, its content to children.
      if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
    });
  }
}

function setUpTheme() {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const button = byId("theme-button");
  const isDark = () => (root.dataset.theme === "auto" ? system.matches : root.dataset.theme === "dark");
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  button.addEventListener("click", () => {
    const dark = !isDark();
    // A choice that equals the system's is no choice: the page follows the system again.
    root.dataset.theme = dark === system.matches ? "auto" : dark ? "dark" : "light";
    remember("theme", root.dataset.theme);
    show();
  });
  system.addEventListener("change", show);
  show();
}

async function showCatalogue() {
  try {
    models = await loadCatalogue();
    byId("catalogue-error").replaceChildren();
  } catch (error) {
    byId("catalogue-error").replaceChildren(errorNote({ message: `The list of models could not be read (${error.message}). ` +
      "A GGUF file of your own still works." }));
  }
  for (const id of ["welcome-models", "dialog-models"]) {
    fillPicker(byId(id), { models, onModel: choose, onFile: () => fileInput.click() });
  }
}

async function setUpModels() {
  await showCatalogue();
  // Last time's model again, when that costs no download.
  const last = models.find((model) => model.name === recall("model"));
  if (last?.isHere && engine.state === "none") openModel(last);
}

engine.addEventListener("change", showState);
engine.addEventListener("verified", () => {
  showCatalogue(); // it may be kept now
  if (modelsDialog.open) keptModels.show();
});
setUpStatus(engine, {
  onCancel: () => { engine.cancel(); prompt.focus(); },
  onRetry: () => { reopen(); prompt.focus(); },
  onChoose: showModels,
});
settings.setUp(byId("settings-button"), {
  onLoadingChange: reopen,
  getInfo: () => engine.info,
  bench: async (signal) => (await engine.whenReady(signal)).bench({ runs: 3, signal }),
});
setUpComposer();
setUpIdeas();
setUpFiles();
setUpDialogs();
setUpTheme();
showState();
if (matchMedia("(hover: hover)").matches) prompt.focus(); // on a phone a keyboard would hide the choice
await setUpOffline(() => engine.state === "none" && !chat.isStarted && prompt.value === "");
await setUpModels();
