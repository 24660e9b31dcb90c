// request.js: what a caller may pass, checked before anything is computed, in the form that the workers take.
import { SottoError, errorOf } from "./errors.js";
import { isAddress } from "./source.js";
import { partsOf } from "./split.js";

const kind = (words, accepts) => ({ words, accepts });
const integer = (low, high = 2 ** 31 - 1) =>
  kind(`a whole number from ${low} to ${high}`, (v) => Number.isInteger(v) && v >= low && v <= high);
const number = (low = -Infinity, high = Infinity) =>
  kind(`a number from ${low} to ${high}`, (v) => Number.isFinite(v) && v >= low && v <= high);
const oneOf = (...values) => kind(`one of ${values.join(", ")}`, (v) => values.includes(v));
const isString = (v) => typeof v === "string";
const isToken = (v) => Number.isInteger(v) && v >= 0;
const string = kind("a string", isString);
const digest = kind("64 hexadecimal digits", (v) => isString(v) && /^[0-9a-f]{64}$/i.test(v));
const boolean = kind("true or false", (v) => typeof v === "boolean");
const signal = kind("an AbortSignal", (v) => typeof v === "object" && "aborted" in v);
const address = kind("a URL", isAddress);
const callback = kind("a function", (v) => typeof v === "function");
const object = kind("an object", (v) => typeof v === "object");
const tokens = kind("token ids", (v) => isList(v) && Array.from(v).every(isToken));
const isList = (v) => Array.isArray(v) || v instanceof Int32Array || v instanceof Uint32Array;

const SAMPLING = {
  temperature: number(), top_k: integer(-(2 ** 31)), top_p: number(0, 1), min_p: number(0, 1), typical_p: number(0, 1),
  seed: integer(0, 2 ** 32 - 1), repeat_penalty: number(), repeat_last_n: integer(-1), frequency_penalty: number(),
  presence_penalty: number(),
};

const GENERATION = {
  ...SAMPLING, model: string, max_tokens: integer(1), stream: boolean, signal, stop_token_ids: tokens, lookup: boolean,
  stop: kind("a string or several", (v) => [v].flat().every((stop) => isString(stop) && stop !== "")),
  logit_bias: kind("an object of token ids and numbers", (v) =>
    Object.entries(v).every(([id, bias]) => isToken(Number(id)) && typeof bias === "number" && !Number.isNaN(bias))),
};

const isTextPart = (v) => v?.type === "text" && isString(v.text);
const isContent = (v) => isString(v) || (Array.isArray(v) && v.every(isTextPart));
const isCall = (v) => isString(v?.function?.name);
const isMessage = (v) => isString(v?.role) &&
  (v.tool_calls ? isList(v.tool_calls) && v.tool_calls.every(isCall) && isContent(v.content ?? "") : isContent(v.content));
const isTool = (v) => typeof v === "object" && v !== null;

const CHAT = {
  ...GENERATION, max_completion_tokens: integer(1), logprobs: boolean, top_logprobs: integer(0, 20),
  messages: kind("a list of { role, content }, where content is text, or of calls { role, tool_calls }",
    (v) => Array.isArray(v) && v.every(isMessage)),
  tools: kind("a list of tools", (v) => Array.isArray(v) && v.every(isTool)), enable_thinking: boolean,
  tool_choice: kind("a string or a tool", (v) => isString(v) || isTool(v)), chat_template_kwargs: object,
};

const COMPLETION = {
  ...GENERATION, logprobs: integer(0, 20),
  prompt: kind("a string or token ids", (v) => isString(v) || tokens.accepts(v)),
};

const isInput = (v) => (isString(v) && v !== "") || (tokens.accepts(v) && v.length > 0);

const EMBEDDINGS = {
  model: string, encoding_format: oneOf("float", "base64"), dimensions: integer(1), pooling: oneOf("mean", "first", "last"), signal,
  user: string,
  input: kind("a text, token ids, or a list of either, none of them empty", (v) =>
    isInput(v) || (Array.isArray(v) && v.length > 0 && v.every(isInput))),
};

const RERANK = {
  model: string, query: string, top_n: integer(1), signal,
  documents: kind("a list of texts", (v) => Array.isArray(v) && v.length > 0 && v.every(isString)),
};

const LOAD = {
  nCtx: integer(1), nBatch: integer(1, 4096), kvType: oneOf("f16", "f32", "int8"), nThreads: integer(1, 64),
  level: oneOf("scalar", "simd128", "relaxed", "dot"), workerUrl: address, ioWorkerUrl: address, wasmUrl: address,
  headers: object, keep: boolean, persist: boolean, sha256: digest, early: boolean, shrinkContext: boolean, onProgress: callback, signal,
};

const INSPECT = Object.fromEntries(["nCtx", "kvType", "headers", "workerUrl", "ioWorkerUrl", "wasmUrl", "signal"]
  .map((name) => [name, LOAD[name]]));

const ESTIMATE = Object.fromEntries(["nCtx", "shrinkContext", "nBatch", "kvType", "nThreads", "level", "headers", "workerUrl",
  "ioWorkerUrl", "wasmUrl", "signal"].map((name) => [name, LOAD[name]]));
const IMPORT = { url: address, persist: boolean, ioWorkerUrl: address, onProgress: callback, signal };
const TOKENIZE = { special: boolean, bos: boolean };
const DETOKENIZE = { special: boolean };
const LOGITS = { all: boolean, signal };
const BENCH = { prompt: integer(1), new: integer(1), depth: integer(0), runs: integer(1), signal };

/** The given options that are not undefined or null; throws INVALID_ARGUMENT naming one that is unknown or wrong. */
function check(given = {}, allowed, required = []) {
  const isGiven = ([, value]) => value !== undefined && value !== null;
  const options = Object.fromEntries(Object.entries(given).filter(isGiven));
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(allowed, name)) throw errorOf("INVALID_ARGUMENT", `unknown option ${name}`);
    if (!allowed[name].accepts(value)) throw invalid(name, allowed[name]);
  }
  for (const name of required) if (!(name in options)) throw invalid(name, allowed[name]);
  return options;
}

function invalid(name, { words }) {
  return new SottoError("INVALID_ARGUMENT", `${name} must be ${words}`);
}

export const checkLoad = (options) => check(options, LOAD);
export const checkInspect = (options) => check(options, INSPECT);
export const checkEstimate = (options) => check(options, ESTIMATE);
export const checkImport = (options) => check(options, IMPORT);
export const checkTokenize = (options) => check(options, TOKENIZE);
export const checkDetokenize = (options) => check(options, DETOKENIZE);
export const checkLogits = (options) => check(options, LOGITS);
export const checkBench = (options) => check(options, BENCH);
export const checkChat = (request) => check(request, CHAT, ["messages"]);
export const checkEmbeddings = (request) => check(request, EMBEDDINGS, ["input"]);
export const checkRerank = (request) => check(request, RERANK, ["query", "documents"]);
export const checkCompletion = (request) => check(request, COMPLETION, ["prompt"]);

export function checkText(text) {
  if (!isString(text)) throw invalid("text", string);
  return text;
}

/** Texts and lists of token ids: of one, a list of one. */
export function listOfInputs(input) {
  return (isInput(input) ? [input] : input).map((one) => (isString(one) ? one : Array.from(one)));
}

export function checkTokens(ids) {
  if (!tokens.accepts(ids)) throw invalid("tokens", tokens);
  return Array.from(ids);
}

/** A source that workers can be given: addresses are made absolute here, where the page's own address is known. */
export function checkSource(source, { sha256 } = {}) {
  const parts = [isAddress(source) ? partsOf(absolute(source)) : source].flat();
  if (parts.length > 1) {
    if (sha256) throw errorOf("INVALID_ARGUMENT", "a split model has no SHA-256 of its own");
    return parts.map(checkPart);
  }
  const [only] = parts;
  if (isAddress(only)) return absolute(only);
  const kinds = [Blob, ReadableStream, ArrayBuffer];
  if (ArrayBuffer.isView(only) || kinds.some((type) => only instanceof type)) return only;
  throw new SottoError("INVALID_ARGUMENT", "the source must be a URL, File, Blob, ReadableStream, ArrayBuffer, or a list of parts");
}

function checkPart(part) {
  if (isAddress(part)) return absolute(part);
  if (part instanceof Blob) return part;
  throw new SottoError("INVALID_ARGUMENT", "the parts of a model must be URLs, Files or Blobs");
}

export function checkAddress(url) {
  if (!isAddress(url)) throw invalid("url", address);
  return absolute(url);
}

function absolute(source) {
  try {
    return new URL(source, globalThis.location?.href).href;
  } catch (cause) {
    const message = `${source} is not a URL: of a path, pass pathToFileURL(path).href (node:url)`;
    throw new SottoError("INVALID_ARGUMENT", message, cause);
  }
}

/** The conversation (chat.js) of checked options. */
export function conversation({ messages, tools, tool_choice, enable_thinking, chat_template_kwargs }) {
  return { messages, tools, tool_choice, enable_thinking, chat_template_kwargs };
}

/** The engine's request (generate.js) of checked options. */
export function engineRequest(options) {
  const { logit_bias = {}, stop = [], stop_token_ids = [], logprobs, top_logprobs } = options;
  return {
    sampling: samplingOf(options),
    logitBiases: Object.entries(logit_bias).map(([id, bias]) => [Number(id), bias]),
    stops: [stop].flat(),
    stopTokens: Array.from(stop_token_ids),
    maxTokens: options.max_tokens ?? options.max_completion_tokens ?? Infinity,
    lookup: options.lookup ?? true,
    nTop: logprobs === true ? top_logprobs ?? 0 : logprobs || undefined,
  };
}

function samplingOf(options) {
  const given = Object.keys(SAMPLING).filter((name) => name in options).map((name) => [name, options[name]]);
  const { repeat_last_n, seed = randomSeed(), ...sampling } = Object.fromEntries(given);
  return { ...sampling, seed, ...(repeat_last_n !== undefined && { penalty_last_n: repeat_last_n }) };
}

function randomSeed() {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}
