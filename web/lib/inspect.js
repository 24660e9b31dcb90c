// inspect.js: what a file's header says of its model, and whether Sotto runs it: known before the rest is fetched.
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
  const opens = attempt(() => engine.openModel(totalBytes)) && attempt(() => engine.openSession());
  if (engine.model) attempt(() => engine.tokenize("a"));
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
