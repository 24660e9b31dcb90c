// template-filters.js: Jinja's filters and tests. Each filter has its parameters' names, for calls by name; one that
// ends with "?" may be left out, "*" takes all arguments that there are.
import {
  attributeOf, bind, capitalize, center, isLower, isUpper, itemOf, replace, splitLines, strip,
} from "./template-methods.js";
import {
  Callable, Generator, Markup, Range, SPACE, Undefined, View, compare, contains, escape, fail, indexOf, isEqual, isInt,
  isNumber, isText, isTrue, iterate, keyOf, lengthOf, operate, percentFormat, str, textLike, textOf, toJson, typeName,
  unsupported,
} from "./template-values.js";

const FOREIGN_FILTERS = new Set(["filesizeformat", "groupby", "pprint", "random", "slice", "striptags", "truncate",
  "urlencode", "urlize", "wordwrap", "xmlattr"]);

export function applyFilter(name, value, positional, named) {
  if (FOREIGN_FILTERS.has(name)) unsupported(`the filter "${name}"`);
  if (!Object.hasOwn(FILTERS, name)) fail(`there is no filter "${name}"`);
  const [parameters, call] = FILTERS[name];
  if (parameters.at(-1)?.startsWith("*")) return call(value, positional, named);
  return call(value, ...bind(`the filter ${name}`, parameters, positional, named));
}

export function applyTest(name, value, args) {
  if (!Object.hasOwn(TESTS, name)) fail(`there is no test "${name}"`);
  const test = TESTS[name];
  if (args.length !== test.length - 1) fail(`the test ${name} takes ${test.length - 1} arguments, not ${args.length}`);
  return test(value, ...args);
}

// ---- what filters share ----

function defined(value) {
  return value instanceof Undefined ? fail(value.reason) : value;
}

// A text stays what it is, anything else becomes its str().
function soft(value, change) {
  return textLike(value, change(str(value)));
}

const without = (reason) => new Undefined(reason);

/** A function to what `attribute` ("a.b", "0" or 0) names in a value. */
function getter(attribute, otherwise) {
  if (attribute === null || attribute === undefined) return (value) => value;
  const path = isInt(attribute) ? [attribute]
    : textOf(attribute).split(".").map((part) => (/^\d+$/.test(part) ? BigInt(part) : part));
  const orElse = (value) => (value instanceof Undefined ? otherwise ?? value : value);
  return (value) => path.reduce((object, part) => orElse(itemOf(object, part)), value);
}

const foldCase = (value) => (isText(value) ? textOf(value).toLowerCase() : value);

function sortKey(attribute, isCaseSensitive) {
  const getters = isText(attribute) ? textOf(attribute).split(",").map((part) => getter(part)) : [getter(attribute)];
  const fold = isTrue(isCaseSensitive) ? (value) => value : foldCase;
  if (getters.length === 1) return (value) => fold(getters[0](value));
  return (value) => getters.map((get) => fold(get(value)));
}

// Equal ones keep their order, in reverse too.
function sorted(items, key, isReversed) {
  const sign = isTrue(isReversed) ? -1 : 1;
  const keyed = [...items].map((item) => ({ item, key: key(item) }));
  return keyed.sort((a, b) => sign * compare(a.key, b.key)).map(({ item }) => item);
}

function extreme(value, isCaseSensitive, attribute, sign) {
  const key = sortKey(attribute, isCaseSensitive);
  const items = [...iterate(value)];
  if (items.length === 0) return without("the sequence is empty");
  return items.reduce((best, item) => (sign * compare(key(item), key(best)) > 0 ? item : best));
}

// What is false, None too, has no items for map, select and their kin.
const itemsOrNone = (value) => (isTrue(value) ? iterate(value) : []);

function* mapped(value, positional, named) {
  if (named.has("attribute")) {
    for (const item of itemsOrNone(value)) yield getter(named.get("attribute"), named.get("default"))(item);
    return;
  }
  const [name, ...rest] = positional;
  if (!isText(name)) fail("map needs a filter or an attribute");
  for (const item of itemsOrNone(value)) yield applyFilter(textOf(name), item, rest, named);
}

function* selected(value, args, pick, keeps) {
  const [name, ...rest] = args;
  for (const item of itemsOrNone(value)) {
    const picked = pick(item);
    if ((name === undefined ? isTrue(picked) : applyTest(textOf(name), picked, rest)) === keeps) yield item;
  }
}

const select = (keeps) => [["*"], (value, args) => new Generator(selected(value, args, (item) => item, keeps))];
const selectBy = (keeps) => [["*"], (value, [attribute = fail("an attribute is missing"), ...args]) =>
  new Generator(selected(value, args, getter(attribute), keeps))];

function* batched(value, size, fill) {
  const items = [...iterate(value)];
  for (let i = 0; i < items.length; i += size) {
    const batch = items.slice(i, i + size);
    while (fill !== null && batch.length < size) batch.push(fill);
    yield batch;
  }
}

function* distinct(value, key) {
  const seen = new Set();
  for (const item of iterate(value)) {
    const own = keyOf(key(item));
    if (!seen.has(own)) yield item;
    seen.add(own);
  }
}

function absolute(value) {
  if (!isNumber(value)) fail(`${typeName(value)} has no absolute value`);
  const number = isInt(value) ? BigInt(value) : value;
  return number < 0 ? -number : number;
}

function toInt(value, otherwise = 0n, base = 10n) {
  if (value instanceof Undefined) fail(value.reason);
  if (base !== 10n) unsupported("the filter int with a base");
  if (isInt(value)) return BigInt(value);
  const text = typeof value === "number" ? value : isText(value) ? strip(textOf(value)) : "";
  if (/^[+-]?\d+(_\d+)*$/.test(text)) return BigInt(String(text).replaceAll("_", "").replace("+", ""));
  const float = toFloat(value, NaN);
  return Number.isFinite(float) ? BigInt(Math.trunc(float)) : otherwise;
}

function toFloat(value, otherwise = 0) {
  if (value instanceof Undefined) fail(value.reason);
  if (isNumber(value)) return Number(value);
  const text = isText(value) ? strip(textOf(value)) : "";
  if (/^[+-]?(inf(inity)?|nan)$/i.test(text)) unsupported(`the filter float of ${JSON.stringify(text)}`);
  const isFloat = /^[+-]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)(e[+-]?\d+)?$/i.test(text);
  return isFloat ? Number(text.replaceAll("_", "")) : otherwise;
}

function round(value, precision = 0n, method = "common") {
  if (!isNumber(value)) fail(`${typeName(value)} cannot be rounded`);
  const digits = indexOf(precision, "precision");
  if (method !== "common") {
    const rounding = { ceil: Math.ceil, floor: Math.floor }[method] ?? fail("round goes common, ceil or floor");
    return rounding(Number(value) * 10 ** digits) / 10 ** digits;
  }
  if (digits < 0) unsupported("round with a negative precision");
  return isInt(value) ? BigInt(value) : roundHalfEven(value, digits);
}

// A float's decimal digits are exact, and a tie goes to the even digit.
function roundHalfEven(value, digits) {
  if (!Number.isFinite(value) || Math.abs(value) >= 1e21 || digits > 50) return value;
  const rounded = value.toFixed(digits);
  const isTie = /^50*$/.test(value.toFixed(100).split(".")[1].slice(digits));
  if (!isTie || /[02468]$/.test(rounded)) return Number(rounded);
  const unit = 10 ** -digits;
  return Number((Number(rounded) - Math.sign(value) * unit).toFixed(digits));
}

function indent(value, width = 4n, first = false, blank = false) {
  const margin = isText(width) ? textOf(width) : " ".repeat(indexOf(width, "width"));
  if (!isText(value)) fail(`${typeName(value)} cannot be indented`);
  const lines = splitLines(`${textOf(value)}\n`);
  const indented = lines.map((line, i) => (i > 0 && (line !== "" || isTrue(blank)) ? margin + line : line));
  return textLike(value, (isTrue(first) ? margin : "") + indented.join("\n"));
}

function reversed(value) {
  if (isText(value)) return textLike(value, [...textOf(value)].reverse().join(""));
  if (value instanceof Undefined) fail(value.reason);
  return new Generator([...iterate(value)].reverse()[Symbol.iterator]());
}

function last(value) {
  if (value instanceof Generator || value instanceof Undefined) fail(`${typeName(value)} has no last element`);
  const all = [...iterate(value)];
  return all.length > 0 ? all.at(-1) : without("there is no last element, the sequence is empty");
}

function first(value) {
  const { value: item, done } = iterate(value).next();
  return done ? without("there is no first element, the sequence is empty") : item;
}

function dictSort(value, isCaseSensitive = false, by = "key", isReversed = false) {
  if (!(value instanceof Map)) fail(`dictsort needs a dict, not ${typeName(value)}`);
  const at = ["key", "value"].indexOf(textOf(by));
  if (at < 0) fail("dictsort sorts by key or value");
  return sorted(new View("items", value), sortKey(BigInt(at), isCaseSensitive), isReversed);
}

function* items(value) {
  if (value instanceof Undefined) return;
  if (!(value instanceof Map)) fail(`items needs a dict, not ${typeName(value)}`);
  yield* new View("items", value);
}

function json(value, ensureAscii = false, spaces = null, separators = null, sortKeys = false) {
  const isPair = Array.isArray(separators) && separators.length === 2 && separators.every(isText);
  if (separators !== null && !isPair) fail("the separators of tojson are two texts");
  return toJson(value, {
    ensureAscii: isTrue(ensureAscii),
    indent: isInt(spaces) ? Number(spaces) : textOf(spaces),
    separators: separators && [...separators].map(textOf),
    sortKeys: isTrue(sortKeys),
  });
}

const title = (text) => text.replace(new RegExp(`([-${SPACE}({\\[<]+)|([^-${SPACE}({\\[<]+)`, "gu"),
  (part) => { const [head, ...tail] = part; return head.toUpperCase() + tail.join("").toLowerCase(); });

const FILTERS = {
  abs: [[], absolute],
  attr: [["name"], (value, name) => attributeOnly(value, textOf(name))],
  batch: [["linecount", "fill_with?"], (value, size, fill = null) =>
    new Generator(batched(value, indexOf(size, "linecount"), fill))],
  capitalize: [[], (value) => soft(value, capitalize)],
  center: [["width?"], (value, width = 80n) => soft(value, (text) => center(text, width))],
  count: [[], (value) => BigInt(lengthOf(value))],
  default: [["default_value?", "boolean?"], (value, otherwise = "", boolean = false) =>
    (value instanceof Undefined || (isTrue(boolean) && !isTrue(value)) ? otherwise : value)],
  dictsort: [["case_sensitive?", "by?", "reverse?"], dictSort],
  escape: [[], escape],
  first: [[], first],
  float: [["default?"], toFloat],
  forceescape: [[], (value) => escape(str(value))],
  format: [["*"], (value, args, named) =>
    (named.size > 0 ? unsupported("names in the filter format") : percentFormat(str(value), args))],
  indent: [["width?", "first?", "blank?"], indent],
  int: [["default?", "base?"], toInt],
  items: [[], (value) => new Generator(items(value))],
  join: [["d?", "attribute?"], (value, separator = "", attribute) =>
    [...iterate(value)].map(getter(attribute)).map(str).join(str(separator))],
  last: [[], last],
  list: [[], (value) => [...iterate(value)]],
  lower: [[], (value) => soft(value, (text) => text.toLowerCase())],
  map: [["*"], (value, args, named) => new Generator(mapped(value, args, named))],
  max: [["case_sensitive?", "attribute?"], (value, sensitive = false, attribute) =>
    extreme(value, sensitive, attribute, 1)],
  min: [["case_sensitive?", "attribute?"], (value, sensitive = false, attribute) =>
    extreme(value, sensitive, attribute, -1)],
  reject: select(false),
  rejectattr: selectBy(false),
  replace: [["old", "new", "count?"], (value, old, by, count = null) =>
    replace(str(value), str(old), str(by), count === null ? -1 : indexOf(count, "count"))],
  reverse: [[], reversed],
  round: [["precision?", "method?"], round],
  safe: [[], (value) => new Markup(str(value))],
  select: select(true),
  selectattr: selectBy(true),
  sort: [["reverse?", "case_sensitive?", "attribute?"], (value, isReversed = false, sensitive = false, attribute) =>
    sorted(iterate(value), sortKey(attribute, sensitive), isReversed)],
  string: [[], (value) => soft(value, (text) => text)],
  sum: [["attribute?", "start?"], (value, attribute, start = 0n) =>
    [...iterate(value)].map(getter(attribute)).reduce((a, b) => operate("+", a, b), start)],
  title: [[], (value) => title(str(value))],
  tojson: [["ensure_ascii?", "indent?", "separators?", "sort_keys?"], json],
  trim: [["chars?"], (value, chars) => soft(value, (text) => strip(text, chars))],
  unique: [["case_sensitive?", "attribute?"], (value, sensitive = false, attribute) =>
    new Generator(distinct(value, sortKey(attribute, sensitive)))],
  upper: [[], (value) => soft(value, (text) => text.toUpperCase())],
  wordcount: [[], (value) => BigInt((str(value).match(/[\p{L}\p{N}_]+/gu) ?? []).length)],
};
Object.assign(FILTERS, { d: FILTERS.default, e: FILTERS.escape, length: FILTERS.count });

function attributeOnly(value, name) {
  const isKey = value instanceof Map && !(attributeOf(new Map(), name) instanceof Callable);
  if (isKey) return without(`dict has no attribute "${name}"`);
  return attributeOf(value, name);
}

// ---- tests: (value, arguments) ----

const isSequence = (value) => isText(value) || Array.isArray(value) || value instanceof Map || value instanceof Range ||
  value instanceof Undefined;

const TESTS = {
  boolean: (value) => typeof value === "boolean",
  callable: (value) => value instanceof Callable || value instanceof Undefined,
  defined: (value) => !(value instanceof Undefined),
  divisibleby: (value, divisor) => isEqual(operate("%", value, divisor), 0n),
  escaped: (value) => value instanceof Markup,
  even: (value) => isEqual(operate("%", value, 2n), 0n),
  false: (value) => value === false,
  filter: (value) => Object.hasOwn(FILTERS, str(value)) || FOREIGN_FILTERS.has(str(value)),
  float: (value) => typeof value === "number",
  in: (value, container) => contains(container, value),
  integer: (value) => typeof value === "bigint",
  iterable: (value) => isSequence(value) || value instanceof Generator || value instanceof View,
  lower: (value) => isLower(str(value)),
  mapping: (value) => value instanceof Map,
  none: (value) => value === null,
  number: isNumber,
  odd: (value) => isEqual(operate("%", value, 2n), 1n),
  sameas: (value, other) => (value === null || typeof value === "boolean" || typeof value === "object" ? value === other
    : unsupported("the test sameas of texts or numbers")),
  sequence: isSequence,
  string: isText,
  test: (value) => Object.hasOwn(TESTS, str(value)),
  true: (value) => value === true,
  undefined: (value) => value instanceof Undefined,
  upper: (value) => isUpper(str(value)),
  eq: isEqual,
  ne: (value, other) => !isEqual(value, other),
  lt: (value, other) => compare(value, other) < 0,
  le: (value, other) => compare(value, other) <= 0,
  gt: (value, other) => compare(value, other) > 0,
  ge: (value, other) => compare(value, other) >= 0,
};
const ALIASES = {
  equalto: "eq", "==": "eq", "!=": "ne", lessthan: "lt", "<": "lt", "<=": "le", greaterthan: "gt", ">": "gt", ">=": "ge",
};
for (const [alias, name] of Object.entries(ALIASES)) TESTS[alias] = TESTS[name];
