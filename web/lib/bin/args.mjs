// args.mjs: a command's arguments, by a table of its options, from which its help is made, too.
import { existsSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

/** Options that several commands share: name -> { type, help, short? }; a number's type is "number". */
export const LOAD_OPTIONS = {
  threads: { type: "number", help: "threads that compute" },
  kv: { type: "string", help: "the cache's type: f16, f32 or int8" },
  batch: { type: "number", help: "prompt tokens that are computed together" },
  level: { type: "string", help: "kernels: scalar, simd128, relaxed or dot; the results are the same bits" },
};

export class UsageError extends Error {
  isUsage = true;
}

/** Parses a command's arguments: { values, positionals }. Prints the help and returns null when that is asked for. */
export function parse(usage, options, args) {
  const all = { ...options, help: { type: "boolean", short: "h", help: "show this" } };
  const text = `usage: ${usage}\n\n${helpOf(all)}`;
  const types = Object.entries(all).map(([name, { type, short }]) =>
    [name, { type: type === "number" ? "string" : type, ...(short && { short }) }]);
  try {
    const { values, positionals } = parseArgs({ args, options: Object.fromEntries(types), allowPositionals: true });
    if (values.help) {
      console.log(text);
      return null;
    }
    return { values: withNumbers(values, all), positionals: expect(positionals, usage) };
  } catch (error) {
    throw new UsageError(`sotto: ${error.message}\n\n${text}`);
  }
}

const OPERANDS = { boolean: "", number: " N", string: " X" };

function helpOf(options) {
  const lines = Object.entries(options).map(([name, { type, short, help }]) => {
    const flag = `${short ? `-${short}, ` : "    "}--${name}${OPERANDS[type]}`;
    return `  ${flag.padEnd(24)} ${help}`;
  });
  return lines.join("\n");
}

function withNumbers(values, options) {
  const entries = Object.entries(values).map(([name, value]) => {
    if (options[name].type !== "number") return [name, value];
    const isNumber = value.trim() !== "" && !Number.isNaN(Number(value));
    if (!isNumber) throw new UsageError(`--${name} needs a number, not "${value}"`);
    return [name, Number(value)];
  });
  return Object.fromEntries(entries);
}

// The words in capitals of the usage line before its options are the positional arguments.
function expect(positionals, usage) {
  const names = usage.split(" [")[0].match(/\b[A-Z]+\b/g);
  if (positionals.length === names.length) return positionals;
  throw new UsageError(positionals.length < names.length ? `${names[positionals.length]} is missing`
    : `${positionals[names.length]} is one argument too many`);
}

/** The options of load() among a command's values. */
export function loadOptions({ threads, kv, batch, level, ctx }) {
  return { nThreads: threads, kvType: kv, nBatch: batch, level, nCtx: ctx };
}

/** The address of MODEL: a path, a URL or a name of the catalogue. */
export function modelUrl(model) {
  if (existsSync(model)) return pathToFileURL(model).href;
  if (/^[a-z][a-z0-9+.-]+:/i.test(model)) return model;
  const known = catalog().find(({ id }) => id.toLowerCase() === model.toLowerCase());
  const url = known?.sources.find((source) => source.url)?.url;
  if (url) return url;
  const names = catalog().map(({ id }) => id).join(", ");
  throw new UsageError(`sotto: there is no file ${model}, and the catalogue has only ${names}`);
}

function catalog() {
  return JSON.parse(readFileSync(new URL("../catalog.json", import.meta.url), "utf8")).models;
}
