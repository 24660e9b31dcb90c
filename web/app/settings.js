// The settings panel: a form whose values are kept in the browser's storage.

import { bytes } from "./format.js";
import { recall, remember } from "./storage.js";

// Small models keep to the point at a low temperature; the rest follows the library.
const DEFAULTS = { system: "", temperature: 0.3, maxTokens: 512, context: undefined, threads: undefined };

const dialog = document.getElementById("settings-dialog");
const form = document.getElementById("settings-form");

let settings = { ...DEFAULTS, ...recall("settings", {}) };

export function generation() {
  return { temperature: settings.temperature, max_tokens: settings.maxTokens };
}

export function systemPrompt() {
  return settings.system.trim();
}

/** What load() takes; absent means the library's own choice. */
export function loading() {
  return { nCtx: settings.context, nThreads: settings.threads };
}

/** Opens the panel from a button.
 * @param {{onLoadingChange: () => void, getInfo: () => object | undefined, bench: (signal) => Promise<object>}} hooks
 *   onLoadingChange: a model must be loaded anew; getInfo: what the library tells of the present one; bench: measures it */
export function setUp(openButton, { onLoadingChange, getInfo, bench }) {
  document.getElementById("help-threads").textContent = crossOriginIsolated
    ? `This computer has ${navigator.hardwareConcurrency}.`
    : "This page is not cross-origin isolated, so the browser allows it one thread.";
  form.elements.threads.disabled = !crossOriginIsolated;

  openButton.addEventListener("click", () => {
    fill(settings);
    document.getElementById("model-facts").textContent = describe(getInfo());
    document.getElementById("bench").hidden = !getInfo();
    document.getElementById("bench-result").textContent = "";
    dialog.showModal();
  });
  document.getElementById("bench-button").addEventListener("click", () => measure(bench));
  document.getElementById("settings-reset").addEventListener("click", () => fill(DEFAULTS));
  form.addEventListener("submit", (event) => {
    if (!form.reportValidity()) event.preventDefault();
  });
  dialog.addEventListener("close", () => {
    const before = settings;
    settings = read();
    remember("settings", settings);
    if (before.context !== settings.context || before.threads !== settings.threads) onLoadingChange();
  });
}

/** Measures and tells, unless the panel is closed before. */
async function measure(bench) {
  const button = document.getElementById("bench-button");
  const result = document.getElementById("bench-result");
  const closing = new AbortController();
  dialog.addEventListener("close", () => closing.abort(), { once: true });
  button.disabled = true;
  result.textContent = "Measuring, for some seconds …";
  try {
    const { prefill, decode } = await bench(closing.signal);
    result.textContent = `It reads ${Math.round(prefill.median)} tokens a second, and writes ${Math.round(decode.median)}.`;
  } catch (error) {
    result.textContent = closing.signal.aborted ? "" : error.message;
  } finally {
    button.disabled = false;
  }
}

/** "Now: 2 threads, 4,096 tokens of context, 160 MB of memory, relaxed SIMD; the file is verified." */
function describe(info) {
  if (!info) return "";
  const threads = info.nThreads === 1 ? "1 thread" : `${info.nThreads} threads`;
  const level = { relaxed: "relaxed SIMD", dot: "relaxed SIMD", simd128: "SIMD" }[info.level] ?? info.level;
  return `Now: ${threads}, ${info.nCtx.toLocaleString("en")} tokens of context, ${bytes(info.memoryBytes)} of memory, ` +
    `${level}; the file is ${info.verified ? "verified" : "not verified"}.`;
}

function fill(values) {
  for (const [name, value] of Object.entries(values)) form.elements[name].value = value ?? "";
}

/** The form's values; a number that is missing or out of its range falls back to the default. */
function read() {
  const values = { system: form.elements.system.value };
  for (const name of ["temperature", "maxTokens", "context", "threads"]) {
    const field = form.elements[name];
    const isUsable = field.value !== "" && field.validity.valid;
    values[name] = isUsable ? field.valueAsNumber : DEFAULTS[name];
  }
  return values;
}
