// thought.js: tells the thought of a thinking model from its answer, by the tags that its chat template knows.

const TAGS = [
  ["<think>", "</think>"], // also of models whose template knows none: a distilled one may have kept the habit
  ["<thinking>", "</thinking>"], ["<thought>", "</thought>"], ["<reasoning>", "</reasoning>"],
  ["<seed:think>", "</seed:think>"], ["<mm:think>", "</mm:think>"], ["[THINK]", "[/THINK]"],
  ["<|START_THINKING|>", "<|END_THINKING|>"], ["<|channel>thought", "<channel|>"],
  ["<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"],
];

/** The pair [open, close] of a chat template's source. */
export function thoughtTags(source) {
  const knows = ([open, close]) => source.includes(close) || source.includes(open);
  return TAGS.find(knows) ?? TAGS[0];
}

/** Splits one answer as it comes. The blanks around the thought belong to neither part. */
export class ThoughtSplitter {
  #open;
  #close;
  #part = "start"; // "start", then "thought" and "gap", then "answer"
  #held = ""; // what may yet become a tag, or blanks before one
  #hasBegun = false; // the thought

  /** isOpen: the prompt ends with the opening tag, so that the answer begins inside the thought. */
  constructor([open, close], isOpen) {
    this.#open = open;
    this.#close = close;
    if (isOpen) this.#part = "thought";
  }

  /** Takes the answer's next text; returns { thought, text } that are certain. */
  push(text) {
    this.#held += text;
    const parts = { thought: "", text: "" };
    if (this.#part === "start") this.#start();
    if (this.#part === "thought") parts.thought = this.#takeThought();
    if (this.#part === "gap") this.#skipGap();
    if (this.#part === "answer") parts.text = this.#take(this.#held.length);
    return parts;
  }

  /** The answer has ended: what was held back. */
  flush() {
    const rest = this.#take(this.#held.length);
    if (this.#part === "start") return { thought: "", text: rest };
    return { thought: this.#part === "thought" ? rest.trimEnd() : "", text: "" };
  }

  #start() {
    const begin = this.#held.trimStart();
    if (begin.startsWith(this.#open)) {
      this.#held = begin.slice(this.#open.length);
      this.#part = "thought";
    } else if (!this.#open.startsWith(begin)) {
      this.#part = "answer";
    }
  }

  #takeThought() {
    if (!this.#hasBegun) this.#held = this.#held.trimStart();
    const at = this.#held.indexOf(this.#close);
    const thought = this.#take(this.#held.slice(0, at < 0 ? this.#safeLength() : at).trimEnd().length);
    this.#hasBegun ||= thought !== "";
    if (at >= 0) {
      this.#held = this.#held.trimStart().slice(this.#close.length);
      this.#part = "gap";
    }
    return thought;
  }

  // Without the end that may be the closing tag's beginning.
  #safeLength() {
    let n = Math.min(this.#held.length, this.#close.length - 1);
    while (!this.#close.startsWith(this.#held.slice(this.#held.length - n))) n--;
    return this.#held.length - n;
  }

  #skipGap() {
    this.#held = this.#held.trimStart();
    if (this.#held !== "") this.#part = "answer";
  }

  #take(length) {
    const taken = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    return taken;
  }
}
