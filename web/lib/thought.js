// thought.js: tells the thought of a thinking model from its answer, by the tags that its chat template writes.

/** What stands in for a thought in the rendering by which a template shows its tags. */
export const THOUGHT = "@thought@";

// Around the thought, and around the answer where that has tags of its own; `next` is what begins a further message.
// Those of more than one pair come first: their pieces alone would match others.
const FORMATS = [
  { open: "<|channel|>analysis<|message|>", close: "<|end|>",
    next: "<|start|>assistant", answer: "<|channel|>final<|message|>" },
  { open: "<|think|>", close: "<|end|>", next: "<|begin|>assistant", answer: "<|content|>" },
  { open: "to=self<|message|>", close: "<|eom|>", next: "<|start|>assistant", answer: "to=user<|message|>" },
  { open: "<|open|>think<|sep|>", close: "<|close|>think<|sep|>",
    answer: "<|open|>response<|sep|>", end: "<|close|>response<|sep|>" },
  { open: "<|START_THINKING|>", close: "<|END_THINKING|>", answer: "<|START_RESPONSE|>", end: "<|END_RESPONSE|>" },
  { open: "<|START_THINKING|>", close: "<|END_THINKING|>", answer: "<|START_TEXT|>", end: "<|END_TEXT|>" },
  { open: "<think>", close: "</think>", answer: "<response>", end: "</response>" },
  { open: "Here are my reasoning steps:", close: "[BEGIN FINAL RESPONSE]", end: "[END FINAL RESPONSE]" },
  { open: "<think>", close: "</think>" },
  { open: "<thinking>", close: "</thinking>" }, { open: "<thought>", close: "</thought>" },
  { open: "<reasoning>", close: "</reasoning>" }, { open: "<seed:think>", close: "</seed:think>" },
  { open: "<mm:think>", close: "</mm:think>" }, { open: "[THINK]", close: "[/THINK]" },
  { open: "<|channel>thought", close: "<channel|>" }, { open: "<|inner_prefix|>", close: "<|inner_suffix|>" },
];
// Of models whose template knows none: a distilled one may have kept the habit.
const PLAIN = FORMATS.find(({ open, answer }) => open === "<think>" && !answer);

const AROUND = new RegExp(`(<[^<>]+>|\\[[^[\\]]+\\])\\s*${THOUGHT}\\s*(<[^<>]+>|\\[[^[\\]]+\\])`);

/** The tags { open, close, next, answer, end } of a template: its source, and how it renders an answer with THOUGHT. */
export function thoughtTags(source, rendering = "") {
  const text = source + rendering;
  const knows = ({ open, close, answer }) => text.includes(answer ?? close) && (!answer || text.includes(open));
  const [, open, close] = AROUND.exec(rendering) ?? [];
  const { next = "", answer = "", end = "", ...tags } =
    FORMATS.find(knows) ?? FORMATS.find((tags) => text.includes(tags.open)) ?? (open ? { open, close } : PLAIN);
  return { ...tags, next, answer, end };
}

/** Splits one answer as it comes. The blanks around the thought belong to neither part. */
export class ThoughtSplitter {
  #tags;
  #part = "border"; // or "thought", "text"
  #close; // what ends the part; "": nothing
  #skipsBlanks = false;
  #isFirst = true; // no tag has been met
  #held = ""; // what may yet become a tag, or blanks before one

  /** tags: of thoughtTags(). isOpen: the prompt ends with the opening one, so the answer begins inside the thought. */
  constructor(tags, isOpen) {
    this.#tags = tags;
    if (isOpen) this.#enter("thought", "", tags.close);
  }

  /** Takes the answer's next text; returns { thought, text } that are certain. */
  push(text) {
    this.#held += text;
    const parts = { thought: "", text: "" };
    for (let before; before !== this.#part;) {
      before = this.#part;
      if (before === "border") this.#cross();
      else parts[before] += this.#takePart();
    }
    return parts;
  }

  /** The answer has ended: what was held back. */
  flush() {
    const rest = this.#take(this.#held.length);
    if (this.#part === "thought") return { thought: rest.trimEnd(), text: "" };
    return { thought: "", text: this.#isFirst || this.#part === "text" ? rest : rest.trimStart() };
  }

  #cross() {
    const { open, close, next, answer, end } = this.#tags;
    let begin = this.#held.trimStart();
    if (next && begin.startsWith(next)) begin = begin.slice(next.length).trimStart();
    if (begin.startsWith(open)) this.#enter("thought", begin.slice(open.length), close);
    else if (answer && begin.startsWith(answer)) this.#enter("text", begin.slice(answer.length), end);
    else if (![open, next, answer].some((tag) => tag.startsWith(begin))) {
      [this.#part, this.#close] = ["text", end];
      if (!this.#isFirst) this.#held = begin;
    }
  }

  // Behind a tag.
  #enter(part, held, close) {
    [this.#part, this.#held, this.#close] = [part, held, close];
    this.#skipsBlanks = true;
    this.#isFirst = false;
  }

  #takePart() {
    if (this.#skipsBlanks) this.#held = this.#held.trimStart();
    this.#skipsBlanks &&= this.#held === "";
    if (this.#close === "") return this.#take(this.#held.length);
    const at = this.#held.indexOf(this.#close);
    const taken = this.#take(this.#held.slice(0, at < 0 ? this.#safeLength() : at).trimEnd().length);
    if (at < 0) return taken;
    this.#held = this.#held.trimStart().slice(this.#close.length);
    [this.#part, this.#close] = [this.#part === "thought" ? "border" : "text", ""];
    return taken;
  }

  // Without the end that may be the closing tag's beginning.
  #safeLength() {
    let n = Math.min(this.#held.length, this.#close.length - 1);
    while (!this.#close.startsWith(this.#held.slice(this.#held.length - n))) n--;
    return this.#held.length - n;
  }

  #take(length) {
    const taken = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    return taken;
  }
}
