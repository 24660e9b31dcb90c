// template-values.js: Python's values as templates see them, and what Python's operators and str() make of them.
//   None null   bool boolean   int BigInt   float number   str string   list Array   dict Map, in the order of its keys
// and the classes below. What Python would do otherwise than we do is refused, never guessed.

/** What Python's str.isspace() says, as the inside of a character class. */
export const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

const LARGEST = 1e7; // characters or elements that one multiplication makes
const LONGEST_POWER = 4096; // bits of an integer

/**
 * A template that cannot go on; template.js makes a SottoError of it. `kind` is "raised" when the template itself said
 * so, "unsupported" when Sotto lacks something, and else "failed": Python would fail there, too.
 */
export class TemplateFailure extends Error {
  constructor(message, line, kind = "failed") {
    super(message);
    this.line = line;
    this.kind = kind;
  }
}

export function fail(message) {
  throw new TemplateFailure(message);
}

/** What Jinja has and Sotto does not. */
export function unsupported(construct, line) {
  throw new TemplateFailure(`it uses ${construct}, which Sotto does not know`, line, "unsupported");
}

/** A value that is not there: prints as nothing, and fails with `reason` when more is asked of it. */
export class Undefined {
  constructor(reason) {
    this.reason = reason;
  }
}

export class Tuple extends Array {}

/** A text that is safe for HTML, which what is added to it becomes, too. */
export class Markup {
  constructor(text) {
    this.text = text;
  }
}

/** What goes by once: Python's generators and iterators. A loop that leaves early leaves the rest in it. */
export class Generator {
  constructor(iterator) {
    this.iterator = { next: () => iterator.next(), [Symbol.iterator]: () => this.iterator };
  }
}

/** A dict's keys, values or items. */
export class View {
  constructor(kind, map) {
    this.kind = kind;
    this.map = map;
  }

  * [Symbol.iterator]() {
    for (const [key, value] of this.map) {
      yield this.kind === "keys" ? key : this.kind === "values" ? value : Tuple.of(key, value);
    }
  }
}

export class Range {
  constructor(start, stop, step) {
    Object.assign(this, { start, stop, step });
    const span = step > 0n ? stop - start + step - 1n : start - stop - step - 1n;
    this.length = span > 0n ? Number(span / (step > 0n ? step : -step)) : 0;
  }

  at(i) {
    return this.start + BigInt(i) * this.step;
  }

  * [Symbol.iterator]() {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }
}

/** namespace(): the only thing whose attributes a template may set. */
export class Namespace {
  constructor(map) {
    this.map = map;
  }
}

/** The `loop` of a for statement; its fields change as it runs. */
export class Loop {
  constructor(fields, call) {
    this.fields = fields;
    this.call = call;
  }
}

/** A function, macro or method: call(positional, named), where named is a Map. */
export class Callable {
  constructor(name, call) {
    this.name = name;
    this.call = call;
  }
}

const hasSurrogates = (text) => /[\ud800-\udfff]/.test(text);

/** A text's characters, which Python counts by code point. */
export function characters(text) {
  return hasSurrogates(text) ? Array.from(text) : text;
}

export const isInt = (value) => typeof value === "bigint" || typeof value === "boolean";
export const isNumber = (value) => isInt(value) || typeof value === "number";
export const isText = (value) => typeof value === "string" || value instanceof Markup;

/** The name of a value's type, as Python's messages have it. */
export function typeName(value) {
  if (value === null) return "None";
  const names = { boolean: "bool", bigint: "int", number: "float", string: "str" };
  if (typeof value !== "object") return names[typeof value];
  if (value instanceof Tuple) return "tuple";
  if (Array.isArray(value)) return "list";
  if (value instanceof Map) return "dict";
  return value instanceof View ? `dict_${value.kind}` : value.constructor.name;
}

/** The same text as a value of `like`'s kind. */
export function textLike(like, text) {
  return like instanceof Markup ? new Markup(text) : text;
}

/** A JavaScript integer out of an int. */
export function indexOf(value, what) {
  if (!isInt(value)) fail(`${what} must be an integer, not ${typeName(value)}`);
  return Number(value);
}

export function isTrue(value) {
  if (value === null || value instanceof Undefined) return false;
  if (value instanceof Markup) return value.text !== "";
  if (Array.isArray(value) || value instanceof Range) return value.length > 0;
  if (value instanceof View) return value.map.size > 0;
  return value instanceof Map ? value.size > 0 : typeof value === "object" || Boolean(value) || Number.isNaN(value);
}

export function iterate(value) {
  if (isText(value)) return characters(textOf(value))[Symbol.iterator]();
  if (value instanceof Map) return value.keys();
  if (value instanceof Generator) return value.iterator;
  if (value instanceof Undefined) return [][Symbol.iterator]();
  if (Array.isArray(value) || value instanceof View || value instanceof Range) return value[Symbol.iterator]();
  return fail(`${typeName(value)} cannot be iterated over`);
}

export function lengthOf(value) {
  if (isText(value)) return characters(textOf(value)).length;
  if (value instanceof Undefined) return 0;
  if (value instanceof Map) return value.size;
  if (value instanceof View) return value.map.size;
  if (Array.isArray(value) || value instanceof Range) return value.length;
  return fail(`${typeName(value)} has no length`);
}

/** A dict's key. Python takes 1, 1.0 and True for one key, and keeps the first. */
export function keyOf(value) {
  if (typeof value === "boolean" || Number.isInteger(value)) unsupported(`the key ${repr(value)}`);
  if (value instanceof Markup) return value.text;
  if (value instanceof Undefined) return undefined; // no dict has that
  if (value === null || typeof value !== "object") return value;
  return value instanceof Tuple ? unsupported("a tuple as a key") : fail(`${typeName(value)} cannot be a key`);
}

// ---- comparison ----

// Two lists or two tuples.
function isSameSequence(a, b) {
  return Array.isArray(a) && Array.isArray(b) && a instanceof Tuple === b instanceof Tuple;
}

export function isEqual(a, b) {
  if (isNumber(a) && isNumber(b)) return numeric(a) == numeric(b);
  if (isText(a) && isText(b)) return textOf(a) === textOf(b);
  if (a instanceof Undefined) return b instanceof Undefined;
  if (isSameSequence(a, b)) return a.length === b.length && a.every((item, i) => isEqual(item, b[i]));
  if (a instanceof Map && b instanceof Map) {
    return a.size === b.size && [...a].every(([key, value]) => b.has(key) && isEqual(value, b.get(key)));
  }
  const isOpaque = (value) => value instanceof View || value instanceof Range;
  return isOpaque(a) && isOpaque(b) ? unsupported("a comparison of ranges or views") : a === b;
}

/** Below, above or equal to zero, as a is to b. */
export function compare(a, b) {
  if (isNumber(a) && isNumber(b)) return numeric(a) < numeric(b) ? -1 : numeric(a) > numeric(b) ? 1 : 0;
  if (isText(a) && isText(b)) return compareTexts(textOf(a), textOf(b));
  if (isSameSequence(a, b)) return compareLists(a, b);
  if (a instanceof Undefined) fail(a.reason);
  if (b instanceof Undefined) fail(b.reason);
  return fail(`${typeName(a)} and ${typeName(b)} have no order`);
}

function compareLists(a, b) {
  const i = a.findIndex((item, at) => at >= b.length || !isEqual(item, b[at]));
  if (i < 0) return a.length - b.length;
  return i < b.length ? compare(a[i], b[i]) : 1;
}

// By code point: UTF-16 sorts what is beyond U+FFFF before U+E000.
function compareTexts(a, b) {
  const [left, right] = hasSurrogates(a + b) ? [Array.from(a), Array.from(b)] : [a, b];
  for (let i = 0; i < left.length && i < right.length; i++) {
    if (left[i] !== right[i]) return left[i].codePointAt(0) - right[i].codePointAt(0);
  }
  return left.length - right.length;
}

export function contains(container, item) {
  if (isText(container)) {
    return isText(item) ? textOf(container).includes(textOf(item)) : fail(`${typeName(item)} is never in a text`);
  }
  if (container instanceof Map) return container.has(keyOf(item));
  for (const element of iterate(container)) if (isEqual(element, item)) return true;
  return false;
}

// ---- arithmetic ----

const numeric = (value) => (typeof value === "boolean" ? BigInt(value) : value);

const ARITHMETIC = {
  "+": [(a, b) => a + b, (a, b) => a + b],
  "-": [(a, b) => a - b, (a, b) => a - b],
  "*": [(a, b) => a * b, (a, b) => a * b],
  "/": [(a, b) => Number(a) / Number(b), (a, b) => a / b],
  "//": [(a, b) => (a - modulo(a, b)) / b, floorDivision],
  "%": [modulo, modulo],
  "**": [intPower, () => unsupported('"**" of floats')],
};

export function operate(operator, a, b) {
  if (isNumber(a) && isNumber(b)) {
    if (["/", "//", "%"].includes(operator) && Number(b) === 0) fail("a division by zero");
    const [ints, floats] = ARITHMETIC[operator];
    return isInt(a) && isInt(b) ? ints(numeric(a), numeric(b)) : floats(Number(a), Number(b));
  }
  if (operator === "+" && isText(a) && isText(b)) return addTexts(a, b);
  if (operator === "+" && isSameSequence(a, b)) return a.concat(b);
  if (operator === "*" && isInt(a) !== isInt(b)) return isInt(a) ? repeat(b, a) : repeat(a, b);
  if (operator === "%" && typeof a === "string") return percentFormat(a, b instanceof Tuple ? b : [b]);
  for (const value of [a, b]) if (value instanceof Undefined) fail(value.reason);
  return fail(`"${operator}" is not possible for ${typeName(a)} and ${typeName(b)}`);
}

export function changeSign(sign, value) {
  if (!isNumber(value)) fail(value instanceof Undefined ? value.reason : `${typeName(value)} has no sign`);
  return sign === "-" ? -numeric(value) : numeric(value);
}

function addTexts(a, b) {
  if (typeof a === "string" && typeof b === "string") return a + b;
  return new Markup(escape(a).text + escape(b).text);
}

// The remainder has the divisor's sign.
function modulo(a, b) {
  const rest = a % b;
  return Number(rest) !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

function floorDivision(a, b) {
  const quotient = (a - modulo(a, b)) / b;
  const floor = Math.floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

function intPower(a, b) {
  if (b < 0n) unsupported("a negative power");
  if (b * BigInt(a.toString(2).length) > LONGEST_POWER) unsupported(`the number ${a} ** ${b}`);
  return a ** b;
}

function repeat(value, count) {
  const n = Math.max(0, Number(count));
  if (!isText(value) && !Array.isArray(value)) fail(`"*" is not possible for ${typeName(value)} and int`);
  if (n * lengthOf(value) > LARGEST) unsupported(`a value repeated ${n} times`);
  if (isText(value)) return textLike(value, textOf(value).repeat(n));
  return (value instanceof Tuple ? Tuple : Array).from({ length: n * value.length }, (_, i) => value[i % value.length]);
}

/** text % values, for the directives %s, %d, %r and %%. */
export function percentFormat(text, values) {
  let used = 0;
  const next = () => (used < values.length ? values[used++] : fail("a text has more % directives than values"));
  const result = text.replace(/%(.?)/gs, (whole, letter) => {
    if (letter === "%") return "%";
    if (letter === "s") return str(next());
    if (letter === "r") return repr(next());
    if (letter !== "d") return unsupported(`the directive ${whole} in a text`);
    const value = next();
    return isInt(value) ? numeric(value).toString() : unsupported(`%d of ${typeName(value)}`);
  });
  return used === values.length ? result : fail("a text has fewer % directives than values");
}

// ---- text ----

/** The string in a str or a Markup. */
export function textOf(value) {
  return value instanceof Markup ? value.text : value;
}

/** Python's str(). */
export function str(value) {
  if (isText(value)) return textOf(value);
  return value instanceof Undefined ? "" : repr(value);
}

export function repr(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") return floatText(value);
  if (typeof value === "string") return quoted(value);
  if (value instanceof Undefined) return "Undefined";
  if (value instanceof Tuple) return `(${value.map(repr).join(", ")}${value.length === 1 ? "," : ""})`;
  if (Array.isArray(value)) return `[${value.map(repr).join(", ")}]`;
  if (value instanceof Map) return `{${[...value].map(([key, item]) => `${repr(key)}: ${repr(item)}`).join(", ")}}`;
  if (value instanceof Markup) return `Markup(${quoted(value.text)})`;
  if (value instanceof Range) {
    return `range(${value.start}, ${value.stop}${value.step === 1n ? "" : `, ${value.step}`})`;
  }
  if (value instanceof View) return `dict_${value.kind}([${[...value].map(repr).join(", ")}])`;
  return unsupported(`the text of a ${typeName(value)}`);
}

/** A float as Python writes it: the shortest digits that give it back, with an exponent below 1e-4 and from 1e16 on. */
export function floatText(value) {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  const [mantissa, exponent] = value.toExponential().split("e");
  if (value !== 0 && (exponent < -4 || exponent >= 16)) {
    return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
  }
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

const SHORT_ESCAPES = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function quoted(text) {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text.replace(/[\\\p{C}\p{Z}']/gu, (letter) => {
    if (letter === " ") return letter;
    if (letter === "'") return quote === "'" ? "\\'" : letter;
    return SHORT_ESCAPES[letter] ?? hexEscape(letter.codePointAt(0));
  });
  return quote + body + quote;
}

function hexEscape(code) {
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

const HTML = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&#39;", '"': "&#34;" };

/** A value's text with HTML's own characters escaped; what is safe stays. */
export function escape(value) {
  return value instanceof Markup ? value : new Markup(str(value).replace(/[&<>'"]/g, (letter) => HTML[letter]));
}

// ---- JSON ----

/** json.dumps() as transformers calls it. `indent` is null, a number of spaces or a text. */
export function toJson(value, { ensureAscii, indent, separators, sortKeys }) {
  const [comma, colon] = separators ?? [indent === null ? ", " : ",", ": "];
  const step = indent === null || typeof indent === "string" ? indent : " ".repeat(Math.max(0, indent));

  function write(item, margin) {
    if (item instanceof Map) {
      const entries = sortKeys ? [...item].sort(([a], [b]) => compare(a, b)) : [...item];
      return wrap("{", entries.map(([key, part]) => [`${jsonText(jsonKey(key))}${colon}`, part]), "}", margin);
    }
    if (Array.isArray(item)) return wrap("[", item.map((part) => ["", part]), "]", margin);
    if (item === null) return "null";
    if (isText(item)) return jsonText(textOf(item));
    return isNumber(item) ? jsonNumber(item) : fail(`${typeName(item)} cannot be written as JSON`);
  }

  function wrap(open, parts, close, margin) {
    if (parts.length === 0) return open + close;
    const inner = step === null ? "" : `${margin}${step}`;
    const texts = parts.map(([before, part]) => before + write(part, inner));
    return `${open}${inner}${texts.join(comma + inner)}${step === null ? "" : margin}${close}`;
  }

  function jsonText(text) {
    const escaped = JSON.stringify(text);
    return ensureAscii ? escaped.replace(/[\x7f-\uffff]/g, (unit) => `\\u${hex4(unit)}`) : escaped;
  }

  return write(value, step === null ? "" : "\n");
}

const hex4 = (unit) => unit.charCodeAt(0).toString(16).padStart(4, "0");

function jsonNumber(value) {
  if (typeof value !== "number") return String(value);
  if (Number.isNaN(value)) return "NaN";
  return Number.isFinite(value) ? floatText(value) : value > 0 ? "Infinity" : "-Infinity";
}

function jsonKey(key) {
  if (key === null) return "null";
  if (key === undefined) fail("an undefined key cannot be written as JSON");
  return typeof key === "string" ? key : jsonNumber(key);
}
