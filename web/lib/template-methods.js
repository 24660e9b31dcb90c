// template-methods.js: what stands after a dot or in brackets: Python's methods of str, dict and list, keys, elements,
// slices. Methods that would change a value do not exist, as in the sandbox in which transformers renders.
import {
  Callable, Generator, Loop, Markup, Namespace, Range, SPACE, Tuple, Undefined, View, characters, fail, indexOf,
  isEqual, isInt, isText, iterate, keyOf, str, textLike, textOf, typeName, unsupported,
} from "./template-values.js";

/** The value of object.name: a method or field before a key. */
export function attributeOf(object, name) {
  return firstOf(() => fieldOf(object, name), () => elementOf(object, name), () => missing(object, name));
}

/** The value of object[key]: an element before a method or field. */
export function itemOf(object, key) {
  if (object instanceof Undefined) fail(object.reason);
  const field = () => (typeof key === "string" ? fieldOf(object, key) : undefined);
  return firstOf(() => elementOf(object, key), field, () => missing(object, key));
}

// null is a value, None; undefined says that there is none.
function firstOf(...getters) {
  let value;
  for (const get of getters) if ((value = get()) !== undefined) return value;
  return value;
}

/** object[start:stop:step] */
export function sliceOf(object, [start, stop, step = null]) {
  if (object instanceof Undefined) fail(object.reason);
  if (object instanceof Range) unsupported("a slice of a range");
  if (!isText(object) && !Array.isArray(object)) return new Undefined(`${typeName(object)} cannot be sliced`);
  const items = isText(object) ? characters(textOf(object)) : object;
  const picked = sliceIndices(items.length, start, stop, step).map((i) => items[i]);
  if (isText(object)) return textLike(object, picked.join(""));
  return object instanceof Tuple ? Tuple.from(picked) : picked;
}

function sliceIndices(length, start, stop, step) {
  const by = step === null ? 1 : indexOf(step, "a slice's step");
  if (by === 0) fail("a slice's step is zero");
  const [lowest, highest] = by > 0 ? [0, length] : [-1, length - 1];
  const bound = (value, whenMissing) => {
    if (value === null) return whenMissing;
    const at = indexOf(value, "a slice's bound");
    return Math.min(highest, Math.max(lowest, at < 0 ? at + length : at));
  };
  const from = bound(start, by > 0 ? lowest : highest);
  const to = bound(stop, by > 0 ? highest : lowest);
  const indices = [];
  for (let i = from; by > 0 ? i < to : i > to; i += by) indices.push(i);
  return indices;
}

function elementOf(object, key) {
  if (object instanceof Map) {
    const isKey = isText(key) || key === null || typeof key !== "object";
    return isKey ? object.get(keyOf(key)) : undefined;
  }
  if (object instanceof Namespace) return object.map.get(key);
  if (!isInt(key)) return undefined;
  const sequence = isText(object) ? characters(textOf(object)) : object;
  if (typeof sequence !== "string" && !Array.isArray(sequence) && !(sequence instanceof Range)) return undefined;
  const at = Number(key) < 0 ? Number(key) + sequence.length : Number(key);
  if (at < 0 || at >= sequence.length) return undefined;
  return isText(object) ? textLike(object, sequence[at]) : sequence.at(at);
}

function fieldOf(object, name) {
  if (object instanceof Undefined) fail(object.reason);
  if (object instanceof Loop) return object.fields[name];
  const methods = methodsOf(object);
  if (!methods || !Object.hasOwn(methods, name)) return undefined;
  const method = methods[name];
  if (method === FORBIDDEN) return new Undefined(`the method ${name} would change its value`);
  return new Callable(name, (positional, named) => callMethod(object, name, method, positional, named));
}

// Fields that Python has and Sotto does not.
const FOREIGN_FIELDS = [
  [View, ["isdisjoint", "mapping"]],
  [Range, ["count", "index", "start", "step", "stop"]],
  [Generator, ["close", "send", "throw"]],
  [Callable, ["arguments", "caller", "catch_kwargs", "catch_varargs", "explicit_caller", "name"]],
];

function missing(object, name) {
  if (typeof name !== "string") return new Undefined(`${typeName(object)} has no element ${str(name)}`);
  const isForeign = FOREIGN_FIELDS.some(([kind, names]) => object instanceof kind && names.includes(name));
  if (isForeign || name.startsWith("__")) unsupported(`the attribute ${name} of ${typeName(object)}`);
  return new Undefined(`${typeName(object)} has no attribute ${JSON.stringify(name)}`);
}

function methodsOf(object) {
  if (isText(object)) return STRING;
  if (object instanceof Map) return DICT;
  if (object instanceof Tuple) return TUPLE;
  return Array.isArray(object) ? LIST : null;
}

function callMethod(object, name, method, positional, named) {
  if (method === UNKNOWN) unsupported(`the method ${name} of ${typeName(object)}`);
  const values = bind(`${name}()`, method.parameters, positional, named);
  if (object instanceof Markup && values.length > 0) unsupported(`the method ${name} of text that is marked as safe`);
  const result = method.call(textOf(object), ...values);
  return typeof result === "string" ? textLike(object, result) : result;
}

/**
 * The arguments of a call in the order of `parameters`. One that ends with "?" may be left out; a last one that starts
 * with "*" takes all that are left.
 */
export function bind(what, parameters, positional, named) {
  const rest = parameters.at(-1)?.startsWith("*");
  const names = parameters.slice(0, rest ? -1 : undefined).map((name) => name.replace("?", ""));
  const isTooMany = positional.length > names.length && !rest;
  if (isTooMany) fail(`${what} takes ${names.length} arguments, not ${positional.length}`);
  const values = [...positional];
  for (const [name, value] of named) {
    const at = names.indexOf(name);
    if (at < 0) fail(`${what} has no argument ${name}`);
    if (at < positional.length) fail(`${what} has the argument ${name} twice`);
    values[at] = value;
  }
  const lacking = names.findIndex((name, i) => values[i] === undefined && parameters[i] === name);
  return lacking < 0 ? values : fail(`${what} needs the argument ${names[lacking]}`);
}

// ---- tables ----

const FORBIDDEN = { parameters: [] };
const UNKNOWN = { parameters: [] };

// "split(sep, maxsplit)": (text, sep, maxsplit) => ...
function tableOf(methods, more = {}) {
  const entries = Object.entries(methods).map(([signature, call]) => {
    const [name, parameters] = signature.slice(0, -1).split("(");
    return [name, { call, parameters: parameters.split(", ").filter(Boolean) }];
  });
  return Object.fromEntries([...entries, ...Object.entries(more).flatMap(([names, kind]) =>
    names.split(" ").map((name) => [name, kind === "unknown" ? UNKNOWN : FORBIDDEN]))]);
}

const DICT = tableOf({
  "get(key, default?)": (map, key, otherwise = null) => (map.has(keyOf(key)) ? map.get(keyOf(key)) : otherwise),
  "items()": (map) => new View("items", map),
  "keys()": (map) => new View("keys", map),
  "values()": (map) => new View("values", map),
  "copy()": (map) => new Map(map),
}, { "clear pop popitem setdefault update": "forbidden", fromkeys: "unknown" });

const TUPLE = tableOf({
  "count(value)": (list, value) => BigInt([...list].filter((item) => isEqual(item, value)).length),
  "index(value)": (list, value) => {
    const at = list.findIndex((item) => isEqual(item, value));
    return at < 0 ? fail("index(): the value is not in the list") : BigInt(at);
  },
});

const LIST = {
  ...TUPLE,
  ...tableOf({ "copy()": (list) => [...list] }, { "append clear extend insert pop remove reverse sort": "forbidden" }),
};

const LINE_END = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/g;
const CASED = /[\p{Lowercase}\p{Uppercase}\p{Lt}]/u;

const STRING = tableOf({
  "capitalize()": capitalize,
  "center(width, fill?)": (text, width, fill) =>
    pad(text, width, fill, (missing, whole) => Math.floor(missing / 2) + (missing & whole & 1)),
  "count(part, start?, end?)": (text, part, start, end) => BigInt(countOf(within(text, start, end).text, wanted(part))),
  "endswith(suffix, start?, end?)": (text, suffix, start, end) =>
    anyOf(suffix, (one) => within(text, start, end).text.endsWith(one)),
  "find(part, start?, end?)": (text, part, start, end) => find(text, part, start, end, "indexOf"),
  "format(*values)": format,
  "index(part, start?, end?)": (text, part, start, end) => found(find(text, part, start, end, "indexOf")),
  "isalnum()": (text) => /^[\p{L}\p{N}]+$/u.test(text),
  "isalpha()": (text) => /^\p{L}+$/u.test(text),
  "isascii()": (text) => /^[\0-\x7f]*$/.test(text),
  "isdecimal()": (text) => /^\p{Nd}+$/u.test(text),
  "islower()": isLower,
  "isspace()": (text) => new RegExp(`^[${SPACE}]+$`).test(text),
  "isupper()": isUpper,
  "join(items)": (text, items) => [...iterate(items)].map((item, i) =>
    (isText(item) ? textOf(item) : fail(`join(): item ${i} is ${typeName(item)}, not str`))).join(text),
  "ljust(width, fill?)": (text, width, fill) => pad(text, width, fill, () => 0),
  "lower()": (text) => text.toLowerCase(),
  "lstrip(chars?)": (text, chars) => strip(text, chars, "left"),
  "partition(sep)": (text, sep) => partition(text, sep, text.indexOf(wanted(sep)), [text, "", ""]),
  "removeprefix(prefix)": (text, prefix) =>
    (text.startsWith(wanted(prefix)) ? text.slice(textOf(prefix).length) : text),
  "removesuffix(suffix)": (text, suffix) =>
    (text.endsWith(wanted(suffix)) ? text.slice(0, text.length - textOf(suffix).length) : text),
  "replace(old, new, count?)": (text, old, by, count = -1n) =>
    replace(text, wanted(old), wanted(by), indexOf(count, "count")),
  "rfind(part, start?, end?)": (text, part, start, end) => find(text, part, start, end, "lastIndexOf"),
  "rindex(part, start?, end?)": (text, part, start, end) => found(find(text, part, start, end, "lastIndexOf")),
  "rjust(width, fill?)": (text, width, fill) => pad(text, width, fill, (missing) => missing),
  "rpartition(sep)": (text, sep) => partition(text, sep, text.lastIndexOf(wanted(sep)), ["", "", text]),
  "rsplit(sep?, maxsplit?)": (text, sep, maxsplit) => split(text, sep, maxsplit, true),
  "rstrip(chars?)": (text, chars) => strip(text, chars, "right"),
  "split(sep?, maxsplit?)": (text, sep, maxsplit) => split(text, sep, maxsplit, false),
  "splitlines(keepends?)": splitLines,
  "startswith(prefix, start?, end?)": (text, prefix, start, end) =>
    anyOf(prefix, (one) => within(text, start, end).text.startsWith(one)),
  "strip(chars?)": (text, chars) => strip(text, chars, "both"),
  "title()": (text) => text.replace(/(\p{L})(\p{L}*)/gu, (_, first, rest) => titleCase(first) + rest.toLowerCase()),
  "upper()": (text) => text.toUpperCase(),
  "zfill(width)": (text, width) => {
    const sign = /^[+-]/.test(text) ? text[0] : "";
    return sign + pad(text.slice(sign.length), indexOf(width, "width") - sign.length, "0", (missing) => missing);
  },
}, {
  "casefold encode expandtabs format_map isdigit isidentifier isnumeric isprintable istitle": "unknown",
  "maketrans swapcase translate": "unknown",
});

// ---- str, whose positions are code points ----

function wanted(text) {
  return isText(text) ? textOf(text) : fail(`a text is wanted, not ${typeName(text)}`);
}

export function capitalize(text) {
  const [first = "", ...rest] = text;
  return titleCase(first) + rest.join("").toLowerCase();
}

// JavaScript has upper case alone, which is another letter for some digraphs and ligatures.
function titleCase(letter) {
  const upper = letter.toUpperCase();
  const isSame = upper.length === letter.length && !/[\u01c4-\u01cc\u01f1-\u01f3\u1c90-\u1cbf]/.test(letter + upper);
  return isSame ? upper : unsupported(`the title case of ${letter}`);
}

export function isLower(text) {
  return CASED.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text);
}

export function isUpper(text) {
  return CASED.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text);
}

function within(text, start = null, end = null) {
  if (start === null && end === null) return { text, offset: 0 };
  const all = [...text];
  const indices = sliceIndices(all.length, start, end, null);
  return { text: indices.map((i) => all[i]).join(""), offset: indices[0] ?? 0 };
}

function find(text, part, start, end, method) {
  const { text: inside, offset } = within(text, start, end);
  const at = inside[method](wanted(part));
  return BigInt(at < 0 ? -1 : offset + [...inside.slice(0, at)].length);
}

function found(at) {
  return at < 0n ? fail("index(): the text is not found") : at;
}

function anyOf(candidates, test) {
  return candidates instanceof Tuple ? candidates.some((one) => test(wanted(one))) : test(wanted(candidates));
}

function countOf(text, part) {
  return part === "" ? [...text].length + 1 : text.split(part).length - 1;
}

export function strip(text, chars = null, side = "both") {
  const set = chars === null ? null : new Set(wanted(chars));
  const space = new RegExp(`[${SPACE}]`);
  const goes = (letter) => (set ? set.has(letter) : space.test(letter));
  const letters = [...text];
  let from = 0;
  let to = letters.length;
  while (side !== "right" && from < to && goes(letters[from])) from++;
  while (side !== "left" && to > from && goes(letters[to - 1])) to--;
  return letters.slice(from, to).join("");
}

export function replace(text, old, by, count) {
  const parts = old === "" ? ["", ...text, ""] : text.split(old);
  if (count < 0 || count >= parts.length - 1) return parts.join(by);
  return parts.slice(0, count + 1).join(by) + old + parts.slice(count + 1).join(old);
}

function partition(text, sep, at, whenMissing) {
  if (textOf(sep) === "") fail("partition(): the separator is empty");
  if (at < 0) return Tuple.from(whenMissing);
  return Tuple.of(text.slice(0, at), textOf(sep), text.slice(at + textOf(sep).length));
}

function split(text, sep = null, maxsplit = -1n, fromRight = false) {
  const limit = indexOf(maxsplit, "maxsplit");
  if (sep === null) return splitAtSpaces(text, limit, fromRight);
  if (wanted(sep) === "") fail("split(): the separator is empty");
  const parts = text.split(textOf(sep));
  const surplus = limit < 0 ? 0 : parts.length - 1 - limit;
  if (surplus <= 0) return parts;
  const at = fromRight ? 0 : limit;
  parts.splice(at, surplus + 1, parts.slice(at, at + surplus + 1).join(textOf(sep)));
  return parts;
}

// Words; what is over the limit stays as it is, white space too.
function splitAtSpaces(text, limit, fromRight) {
  const words = [...text.matchAll(new RegExp(`[^${SPACE}]+`, "g"))];
  if (limit < 0 || words.length <= limit) return words.map(([word]) => word);
  if (fromRight) {
    const last = words[words.length - limit - 1];
    return [text.slice(0, last.index + last[0].length), ...words.slice(words.length - limit).map(([word]) => word)];
  }
  return [...words.slice(0, limit).map(([word]) => word), text.slice(words[limit].index)];
}

export function splitLines(text, keepEnds = false) {
  const lines = [];
  let from = 0;
  for (const end of text.matchAll(LINE_END)) {
    const to = end.index + end[0].length;
    lines.push(text.slice(from, keepEnds ? to : end.index));
    from = to;
  }
  return from < text.length ? [...lines, text.slice(from)] : lines;
}

function pad(text, width, fill = " ", leftShare) {
  const missing = Math.max(0, Number(width) - [...text].length);
  const left = leftShare(missing, Number(width));
  return wanted(fill).repeat(left) + text + wanted(fill).repeat(missing - left);
}

export function center(text, width) {
  return STRING.center.call(text, width);
}

// "{}", "{0}" and "{name}" alone: what follows a ":" or "!" is a language of its own.
function format(text, ...values) {
  let next = 0;
  return text.replace(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g, (whole, field) => {
    if (whole === "{{" || whole === "}}") return whole[0];
    if (field === undefined) fail(`format(): a single "${whole}"`);
    if (!/^\d*$/.test(field)) unsupported(`the field {${field}} of format()`);
    const at = field === "" ? next++ : Number(field);
    return at < values.length ? str(values[at]) : fail(`format(): there is no value ${at}`);
  });
}
