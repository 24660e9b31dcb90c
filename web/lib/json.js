// json.js: JSON as Python reads it, into a template's values: 1.0 is a float and 1 an int of any length, and a dict
// keeps the order of its keys, which JavaScript's objects do not when keys are digits.

const BLANK = /[ \t\n\r]*/y;
const NUMBER = /(-?(?:0|[1-9]\d*))(\.\d+)?([eE][-+]?\d+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y;
const WORDS = { true: true, false: false, null: null, NaN, Infinity, "-Infinity": -Infinity };
const WORD = /true|false|null|NaN|-?Infinity/y;

/** @throws SyntaxError with the place */
export function parseJson(text) {
  const reader = new Reader(text);
  const value = reader.value();
  reader.match(BLANK);
  if (reader.at < text.length) reader.fail();
  return value;
}

class Reader {
  at = 0;

  constructor(text) {
    this.text = text;
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (match) this.at = pattern.lastIndex;
    return match;
  }

  accept(letter) {
    this.match(BLANK);
    const isThere = this.text[this.at] === letter;
    if (isThere) this.at++;
    return isThere;
  }

  value() {
    if (this.accept("{")) return new Map(this.#until("}", () => this.#entry()));
    if (this.accept("[")) return this.#until("]", () => this.value());
    const word = this.match(WORD);
    if (word) return WORDS[word[0]];
    const number = this.match(NUMBER);
    if (!number) return this.#string();
    const [whole, int, fraction, exponent] = number;
    return fraction || exponent ? Number(whole) : BigInt(int);
  }

  #until(end, read) {
    const items = [];
    if (this.accept(end)) return items;
    do items.push(read()); while (this.accept(","));
    return this.accept(end) ? items : this.fail();
  }

  #entry() {
    const key = this.#string();
    return this.accept(":") ? [key, this.value()] : this.fail();
  }

  #string() {
    this.match(BLANK);
    const string = this.match(STRING);
    return string ? JSON.parse(string[0]) : this.fail();
  }

  fail() {
    const line = this.text.slice(0, this.at).split("\n").length;
    const letter = this.text[this.at];
    const found = letter === undefined ? "it ends too early" : `${JSON.stringify(letter)} is out of place`;
    throw new SyntaxError(`this is no JSON: ${found} in line ${line}`);
  }
}
