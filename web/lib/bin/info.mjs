// info.mjs: sotto info: what a file's header says. Reads no further than that.
import { chooseModule } from "../features.js";
import { Header } from "../header.js";
import { inspect, readHeader } from "../inspect.js";
import { Instance } from "../instance.js";
import { compile } from "../platform.js";
import { checkInspect } from "../request.js";
import { readSource } from "../source.js";
import { Split, partsOf } from "../split.js";
import { LOAD_OPTIONS, modelUrl, parse } from "./args.mjs";

const LONGEST = 72; // characters of a value that are shown

const OPTIONS = {
  ctx: { type: "number", help: "tokens of the context whose memory is told" },
  kv: LOAD_OPTIONS.kv,
};

export default async function info(_, args) {
  const parsed = parse("sotto info MODEL [options]", OPTIONS, args);
  if (!parsed) return 0;
  const { values: { ctx, kv }, positionals: [model] } = parsed;
  const options = { ...checkInspect({ nCtx: ctx, kvType: kv }), nThreads: 1, level: "best" }; // nothing is computed, so nothing is timed
  const module = await compile(chooseModule(options).url);
  const engine = await readHeader(module, readParts(module, partsOf(modelUrl(model))), options);
  const { header } = engine;
  console.log(`${describe(inspect(engine))}\n`);
  for (const [name, value] of header.keys()) console.log(`${name.padEnd(44)} ${show(value)}`);
  return 0;
}

// A split model's as one.
function readParts(module, urls) {
  const files = urls.map((url) => readSource(url));
  return files.length === 1 ? files[0] : new Split(files, () => new Header(Instance.create(module, { shared: false })));
}

function describe(report) {
  const { name = "unnamed", architecture = "unknown architecture", types, tokenizer, unsupported } = report;
  const nTensors = types.reduce((total, type) => total + type.nTensors, 0);
  const { model = "none", pre, nTokens = 0 } = tokenizer;
  const lines = [
    `${name}: ${architecture}, ${megabytes(report.fileBytes)}, ${nTensors} tensors`,
    `types        ${types.map(describeType).join(", ") || "none"}`,
    `tokenizer    ${model}${pre === undefined ? "" : ` (${pre})`}, ${nTokens} tokens`,
    `template     ${report.hasChatTemplate ? "in the file" : "none: chats are written in ChatML"}`,
    `context      ${report.nCtxTrain ?? "unknown"}`,
  ];
  if (report.nCtx !== undefined) lines.push(`memory       ${megabytes(report.memoryBytes)} with a context of ${report.nCtx}`);
  return [...lines, ...unsupported.map(({ code, message }) => `unsupported  ${message} [${code}]`)].join("\n");
}

function describeType({ name, nTensors, share }) {
  return `${name} ${(100 * share).toFixed(1)} % (${nTensors})`;
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function show(value) {
  if (typeof value === "object") return `${value.length} x ${value.type}`;
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text;
}
