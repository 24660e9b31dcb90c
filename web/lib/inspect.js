// inspect.js: what a file's header says of its model, and whether Sotto runs it: known before the rest is fetched.
import { STATUS } from "./abi.js";
import { Engine } from "./engine.js";
import { errorToMessage } from "./errors.js";
import { Instance } from "./instance.js";
import { Template } from "./template.js";

/** Reads chunks up to the header's end. Returns an engine that knows the header and has opened nothing. */
export async function readHeader(module, chunks, options) {
  const engine = new Engine(Instance.create(module, { shared: options.nThreads > 1 }), options, chunks);
  for await (const { bytes } of chunks) {
    if (engine.header.accept(bytes)) return engine;
  }
  throw engine.header.truncated();
}

/**
 * Opens the model and a session, which weights would then fill, and reports: ModelReport in index.d.ts. totalBytes: the
 * file's, when they are known.
 */
export function inspect(engine, totalBytes) {
  const { header } = engine;
  const unsupported = [];
  const attempt = (work) => tryFor(unsupported, work);
  const problems = problemsOf(engine);
  const mayOpen = problems.every(({ code }) => code === "UNSUPPORTED_TOKENIZER"); // which is no hindrance to token ids
  const opens = mayOpen && attempt(() => engine.openModel(totalBytes)) && attempt(() => engine.openSession());
  unsupported.push(...problems);
  const template = header.find("tokenizer.chat_template");
  if (template !== undefined) attempt(() => new Template(template));
  return {
    name: header.find("general.name"),
    architecture: header.find("general.architecture"),
    fileBytes: header.fileBytes,
    types: shares(header.tensors()),
    tokenizer: tokenizerOf(header),
    hasChatTemplate: template !== undefined,
    nCtxTrain: header.find(`${header.find("general.architecture")}.context_length`),
    nCtx: opens ? engine.nCtx : undefined,
    memoryBytes: opens ? engine.modelBytes + engine.sessionBytes : undefined,
    unsupported,
  };
}

// What the engine knows without opening anything; first what load() would reject with.
function problemsOf(engine) {
  const { instance, exports, header } = engine;
  const problems = [];
  if (!tryFor(problems, () => engine.checkParts())) return problems;
  for (;;) {
    const status = exports.sotto_model_problem(header.gguf, problems.length, instance.errorStruct);
    if (status === STATUS.OK) return problems;
    const { code, message } = errorToMessage(instance.lastError(status));
    problems.push({ code, message });
  }
}

function tryFor(unsupported, work) {
  try {
    work();
    return true;
  } catch (error) {
    const { code, message } = errorToMessage(error);
    unsupported.push({ code, message });
    return false;
  }
}

// In the order in which the file has them first.
function shares(tensors) {
  const allBytes = sum(tensors);
  const names = [...new Set(tensors.map(({ type }) => type))];
  return names.map((name) => {
    const ofType = tensors.filter(({ type }) => type === name);
    const bytes = sum(ofType);
    return { name, nTensors: ofType.length, bytes, share: allBytes ? bytes / allBytes : 0 };
  });
}

function sum(tensors) {
  return tensors.reduce((total, { nBytes }) => total + nBytes, 0);
}

function tokenizerOf(header) {
  const find = (name) => header.find(`tokenizer.ggml.${name}`);
  return { model: find("model"), pre: find("pre"), nTokens: find("tokens")?.length };
}
