// template-lexer.js: a Jinja template's source -> tokens { type, value, line }, with the options that chat templates
// are written for: trim_blocks and lstrip_blocks. Types: data, begin and end (of "{{" and "{%"), name, string, int,
// float, op.
import { SPACE, TemplateFailure } from "./template-values.js";

const RAW = `\\{%([-+]?)[${SPACE}]*raw[${SPACE}]*(?:-%\\}[${SPACE}]*|%\\})`;
const OPENING = new RegExp(`${RAW}|(?:\\{%|\\{#|\\{\\{)([-+]?)`, "g");
const RAW_END = new RegExp(`\\{%([-+]?)[${SPACE}]*endraw[${SPACE}]*(?:\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?)`, "g");
const COMMENT_END = new RegExp(`\\+#\\}|-#\\}[${SPACE}]*|#\\}\\n?`, "g");
const ENDS = {
  "{%": new RegExp(`\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?`, "y"),
  "{{": new RegExp(`-\\}\\}[${SPACE}]*|\\}\\}`, "y"),
};
const BLANK = new RegExp(`[${SPACE}]+`, "y");
const FLOAT = /(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?[eE][+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/y;
const INT = /0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\da-fA-F])+|[1-9](?:_?\d)*|0(?:_?0)*/y;
const NAME = /[\p{L}\p{N}\p{M}_]+/uy;
const STRING = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/sy;
const OPERATOR = /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}=.:|,;<>]/y;
const PAIRS = { "(": ")", "[": "]", "{": "}" };

export function tokenize(source) {
  return new Lexer(source.replace(/\r\n?/g, "\n").replace(/\n$/, "")).run();
}

class Lexer {
  constructor(source) {
    this.source = source;
    this.at = 0;
    this.line = 1;
    this.tokens = [];
    this.startsLine = true; // what was read last ended with a newline
  }

  run() {
    while (this.at < this.source.length) this.#root();
    return this.tokens;
  }

  // Text, then what opens after it.
  #root() {
    const opening = this.#search(OPENING);
    if (!opening) {
      this.#data(this.source.slice(this.at));
      this.at = this.source.length;
      return;
    }
    const [text, rawSign] = opening;
    const isRaw = rawSign !== undefined;
    const before = this.source.slice(this.at, opening.index);
    this.#data(this.#beforeTag(before, rawSign ?? opening[2], text.startsWith("{{")));
    this.#advance(opening.index + text.length);
    if (isRaw) this.#raw();
    else if (text.startsWith("{#")) this.#comment();
    else this.#code(text.slice(0, 2));
  }

  // "-" strips all white space before a tag; lstrip_blocks strips a statement's or comment's own indentation.
  #beforeTag(text, sign, isExpression) {
    if (sign === "-") return text.replace(new RegExp(`[${SPACE}]+$`), "");
    if (sign === "+" || isExpression) return text;
    const lineStart = text.lastIndexOf("\n") + 1;
    const isIndentation = new RegExp(`^[${SPACE}]+$`).test(text.slice(lineStart));
    return isIndentation && (lineStart > 0 || this.startsLine) ? text.slice(0, lineStart) : text;
  }

  #raw() {
    const end = this.#search(RAW_END);
    if (!end) this.#fail("{% raw %} has no {% endraw %}");
    this.#data(this.#beforeTag(this.source.slice(this.at, end.index), end[1], false));
    this.#advance(end.index + end[0].length);
  }

  #comment() {
    const end = this.#search(COMMENT_END);
    if (!end) this.#fail("a comment has no end");
    this.#advance(end.index + end[0].length);
  }

  #code(opener) {
    const open = []; // brackets that wait for their partners
    this.#push("begin", opener);
    for (;;) {
      const end = open.length === 0 && this.#match(ENDS[opener]);
      if (end) {
        this.#push("end", opener);
        this.#advance(this.at + end.length);
        return;
      }
      if (this.at >= this.source.length) this.#fail(`"${opener}" has no end`);
      this.#token(open);
    }
  }

  #token(open) {
    const blank = this.#match(BLANK);
    if (blank) return this.#advance(this.at + blank.length);
    const [type, text] = this.#classify();
    if (type === "op") this.#balance(text, open);
    this.#push(type, type === "string" ? unescape(text.slice(1, -1)) : text);
    return this.#advance(this.at + text.length);
  }

  #classify() {
    const kinds = [["float", FLOAT], ["int", INT], ["name", NAME], ["string", STRING], ["op", OPERATOR]];
    for (const [type, pattern] of kinds) {
      const text = this.#match(pattern);
      if (text && !(type === "float" && this.source[this.at - 1] === ".")) return [type, text];
    }
    return this.#fail(`the character ${JSON.stringify(this.source[this.at])} has no place here`);
  }

  #balance(text, open) {
    if (text in PAIRS) open.push(PAIRS[text]);
    else if (/[)\]}]/.test(text) && open.pop() !== text) this.#fail(`"${text}" closes nothing`);
  }

  #data(text) {
    if (text !== "") this.#push("data", text);
  }

  #push(type, value) {
    this.tokens.push({ type, value, line: this.line });
  }

  #advance(to) {
    for (let i = this.at; i < to; i++) if (this.source[i] === "\n") this.line++;
    this.at = to;
    this.startsLine = this.source[to - 1] === "\n";
  }

  #search(pattern) {
    pattern.lastIndex = this.at;
    return pattern.exec(this.source);
  }

  #match(pattern) {
    return this.#search(pattern)?.[0];
  }

  #fail(text) {
    throw new TemplateFailure(text, this.line);
  }
}

const ESCAPES = {
  n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", v: "\v", a: "\x07", "\\": "\\", "'": "'", '"': '"', "\n": "",
};
const ESCAPE = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{1,3})|(.))/gs;

// A string literal's escapes, as Python reads them: one that it does not know stays as it is written.
function unescape(text) {
  return text.replace(ESCAPE, (whole, x, u, U, octal, letter) => {
    const hex = x ?? u ?? U;
    if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
    if (octal !== undefined) return String.fromCodePoint(parseInt(octal, 8));
    if (/[xuUN]/.test(letter)) throw new TemplateFailure(`the escape ${whole} in a string is not complete`);
    return ESCAPES[letter] ?? whole;
  });
}
