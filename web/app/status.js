// The strip above the message box: a load's progress, or why it failed and the way out.

import { announce } from "./announce.js";
import { Pace, bytesOf, duration } from "./format.js";
import { button, errorNote, sentenceOf } from "./transcript.js";

const strip = document.getElementById("status");
const text = document.getElementById("status-text");
const actions = document.getElementById("status-actions");
const bar = document.getElementById("status-progress");

/** Keeps the strip equal to the engine. @param {{onCancel, onRetry, onChoose}} out what its buttons do */
export function setUpStatus(engine, { onCancel, onRetry, onChoose }) {
  let pace;

  function showProgress() {
    const { loaded, total } = engine.progress;
    const now = pace.update(loaded, total);
    const parts = [`Loading ${engine.choice.title}`];
    if (loaded > 0) parts.push(bytesOf(loaded, total));
    if (now && loaded < total) parts.push(`${(now.bytesPerSecond / 1e6).toFixed(1)} MB/s`, `${duration(now.seconds)} left`);
    text.textContent = parts.join(" · ");
    if (total > 0) bar.value = loaded / total;
    else bar.removeAttribute("value");
  }

  engine.addEventListener("progress", showProgress);
  engine.addEventListener("change", () => {
    const { state } = engine;
    strip.hidden = state !== "loading" && state !== "failed";
    bar.hidden = state !== "loading";
    if (state === "loading") {
      pace = new Pace();
      showProgress();
      actions.replaceChildren(button("Cancel", onCancel));
      announce(`Loading ${engine.choice.title}.`);
    } else if (state === "failed") {
      const choose = { label: "Choose another model", run: onChoose };
      const retry = { label: "Try again", run: onRetry }; // the same file would fail in the same way
      actions.replaceChildren(errorNote(engine.error, engine.choice.source instanceof File ? [choose] : [retry, choose]));
      text.textContent = `${engine.choice.title} could not be loaded`;
      announce(`${text.textContent}. ${sentenceOf(engine.error)}`);
    } else if (state === "ready") {
      announce(`${engine.choice.title} is ready.`);
    }
  });
}
