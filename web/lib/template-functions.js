// template-functions.js: the functions that templates find: Jinja's, and those that transformers adds.
import { bind } from "./template-methods.js";
import {
  Callable, Namespace, Range, TemplateFailure, fail, isInt, isTrue, iterate, keyOf, str, typeName, unsupported,
} from "./template-values.js";

const LONGEST_RANGE = 100_000; // as in Jinja's sandbox

/** Name -> function; strftime_now() tells `now`, a Date. */
export function functions(now) {
  const table = {
    cycler: () => unsupported("the function cycler()"),
    dict: (positional, named) => dictOf("dict()", positional, named),
    joiner: (positional, named) => joiner(...bind("joiner()", ["sep?"], positional, named)),
    lipsum: () => unsupported("the function lipsum()"),
    namespace: (positional, named) => namespace(positional, named),
    raise_exception: (positional, named) => raise(...bind("raise_exception()", ["message"], positional, named)),
    range: (positional) => range(...positional),
    strftime_now: (positional, named) => timeText(now, ...bind("strftime_now()", ["format"], positional, named)),
  };
  return new Map(Object.entries(table).map(([name, call]) => [name, new Callable(name, call)]));
}

function raise(message) {
  throw new TemplateFailure(str(message), undefined, "raised");
}

function range(...bounds) {
  const [start, stop, step] = bounds.length === 1 ? [0n, bounds[0], 1n] : [...bounds, 1n];
  if (bounds.length === 0 || bounds.length > 3) fail("range() takes one to three arguments");
  if (![start, stop, step].every(isInt)) fail("range() takes integers");
  if (!isTrue(step)) fail("the step of range() is zero");
  const result = new Range(BigInt(start), BigInt(stop), BigInt(step));
  return result.length <= LONGEST_RANGE ? result : fail(`range() is longer than ${LONGEST_RANGE}`);
}

function dictOf(what, [source, ...surplus], named) {
  if (surplus.length > 0) fail(`${what} takes one dict or list of pairs`);
  const pairs = source instanceof Map ? [...source] : [...iterate(source ?? [])].map((pair) => [...iterate(pair)]);
  return new Map([...pairs.map(([key, value]) => [keyOf(key), value]), ...named]);
}

function namespace(positional, named) {
  const map = dictOf("namespace()", positional, named);
  const hidden = [...map.keys()].find((name) => String(name).startsWith("_"));
  return hidden === undefined ? new Namespace(map) : fail(`a namespace takes no attribute ${hidden}`);
}

function joiner(separator = ", ") {
  let isUsed = false;
  return new Callable("joiner", () => {
    const text = isUsed ? separator : "";
    isUsed = true;
    return text;
  });
}

// ---- strftime(), in English as under Python's own locale ----

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
  "November", "December"];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const two = (number) => String(number).padStart(2, "0");
const hour12 = (now) => now.getHours() % 12 || 12;

const DIRECTIVES = {
  "a": (now) => DAYS[now.getDay()].slice(0, 3),
  "A": (now) => DAYS[now.getDay()],
  "b": (now) => MONTHS[now.getMonth()].slice(0, 3),
  "B": (now) => MONTHS[now.getMonth()],
  "d": (now) => two(now.getDate()),
  "-d": (now) => now.getDate(),
  "e": (now) => String(now.getDate()).padStart(2),
  "F": (now) => timeText(now, "%Y-%m-%d"),
  "H": (now) => two(now.getHours()),
  "-H": (now) => now.getHours(),
  "I": (now) => two(hour12(now)),
  "-I": hour12,
  "j": (now) => String(dayOfYear(now)).padStart(3, "0"),
  "m": (now) => two(now.getMonth() + 1),
  "-m": (now) => now.getMonth() + 1,
  "M": (now) => two(now.getMinutes()),
  "-M": (now) => now.getMinutes(),
  "p": (now) => (now.getHours() < 12 ? "AM" : "PM"),
  "S": (now) => two(now.getSeconds()),
  "-S": (now) => now.getSeconds(),
  "T": (now) => timeText(now, "%H:%M:%S"),
  "w": (now) => now.getDay(),
  "y": (now) => two(now.getFullYear() % 100),
  "Y": (now) => now.getFullYear(),
  "%": () => "%",
};

function dayOfYear(now) {
  const year = now.getFullYear();
  return (Date.UTC(year, now.getMonth(), now.getDate()) - Date.UTC(year, 0, 0)) / 864e5;
}

function timeText(now, format) {
  if (typeof format !== "string") fail(`strftime_now() takes a text, not ${typeName(format)}`);
  return format.replace(/%(-?.?)/gs, (whole, name) =>
    (Object.hasOwn(DIRECTIVES, name) ? DIRECTIVES[name](now) : unsupported(`${whole} in strftime_now()`)));
}
