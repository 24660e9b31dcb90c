// The conversation as it is seen: questions, answers that grow, and sentences about what went wrong.

import { SentenceReader, announce } from "./announce.js";
import { speed } from "./format.js";
import { MarkdownView, copyButton } from "./markdown.js";

const scroller = document.getElementById("scroller");
const transcript = document.getElementById("transcript");
const NEAR_END_PX = 80;

// Why an answer ended, where it did not end by itself.
const NOTES = {
  length: "It stopped at the longest answer that the settings allow.",
  full: "It stopped because the context is full: begin a new chat, or set a larger context.",
  aborted: "Stopped.",
};

/** Follows the end while the reader is there; one who has scrolled up is left alone. */
function followingEnd(change) {
  const wasNear = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END_PX;
  change();
  if (wasNear) scrollToEnd();
}

export function scrollToEnd() {
  scroller.scrollTop = scroller.scrollHeight;
}

export function clear() {
  transcript.replaceChildren();
}

export function addQuestion(text) {
  const article = element("article", "question");
  article.append(element("h2", "visually-hidden", "You"), element("p", "question-text", text));
  transcript.append(article);
  scrollToEnd();
}

/** An answer that is under way; ends with exactly one of finish() and fail(). */
export class Answer {
  text = "";
  #article = element("article", "answer");
  #body = element("div", "prose");
  #note = element("p", "note");
  #foot = element("div", "answer-foot");
  #view = new MarkdownView(this.#body);
  #reader = new SentenceReader();
  #frame = 0;
  #nTokens = 0;
  #firstMs = 0;
  #lastMs = 0;

  constructor() {
    this.#article.setAttribute("aria-busy", "true");
    this.#article.append(element("h2", "visually-hidden", "Sotto"), this.#body, this.#note, this.#foot);
    transcript.append(this.#article);
    scrollToEnd();
  }

  /** Says in a few words what is being waited for. */
  wait(sentence) {
    this.#note.replaceChildren(dots(), sentence);
    scrollToEnd();
  }

  append(piece) {
    this.#lastMs = performance.now();
    if (this.#nTokens++ === 0) this.#firstMs = this.#lastMs;
    this.text += piece;
    // Once a frame is enough for the eye; a hidden tab has no frames and pays nothing until finish().
    this.#frame ||= requestAnimationFrame(() => this.#show());
  }

  /** @param {{nTokens?: number, reason?: "stop" | "length" | "full" | "aborted"}} result */
  finish({ nTokens, reason }) {
    this.#nTokens = nTokens ?? this.#nTokens;
    this.#show(true);
    followingEnd(() => {
      this.#note.replaceChildren(NOTES[reason] ?? (this.text ? "" : "The model had nothing to say."));
      if (this.text) this.#foot.append(copyButton("Copy answer", () => this.text));
    });
  }

  /** `actions`: buttons that lead out of it. */
  fail(error, actions) {
    this.#show(true);
    followingEnd(() => {
      this.#note.replaceChildren();
      this.#article.append(errorNote(error, actions));
    });
    announce(sentenceOf(error));
  }

  remove() {
    this.#article.remove();
  }

  #show(ended = false) {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    followingEnd(() => {
      this.#view.update(this.text);
      if (this.text) this.#note.replaceChildren();
      const seconds = (this.#lastMs - this.#firstMs) / 1000;
      if (this.#nTokens > 0) this.#foot.replaceChildren(element("span", "speed", speed(this.#nTokens, seconds)));
    });
    this.#reader.update(this.text, ended);
    if (ended) this.#article.removeAttribute("aria-busy");
  }
}

/** The library's messages begin small, to be put behind a name; here they stand alone. */
export function sentenceOf({ message }) {
  return message.charAt(0).toUpperCase() + message.slice(1);
}

/** A sentence, the code that a report would name, and buttons. */
export function errorNote(error, actions) {
  const note = element("div", "error");
  const sentence = element("p", "", sentenceOf(error));
  if (error.code) sentence.append(" ", element("code", "error-code", error.code));
  note.append(sentence);
  if (actions?.length) {
    const row = element("div", "error-actions");
    row.append(...actions.map(({ label, run }) => button(label, run)));
    note.append(row);
  }
  return note;
}

export function button(label, run) {
  const made = element("button", "plain-button", label);
  made.type = "button";
  made.addEventListener("click", run);
  return made;
}

export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function dots() {
  const three = element("span", "dots");
  three.setAttribute("aria-hidden", "true");
  three.append(element("i"), element("i"), element("i"));
  return three;
}
