// probe.js: how fast this device would run a model of which only the header is there. The engine itself computes the
// model's first layers, with weights of zero, and is timed: the graph, the kernels and the threads are the real ones.
import { CHUNK_BYTES } from "./buffers.js";

const SLICE_TOKENS = 64; // of prefill: the engine's own default
const FILL_BYTES = 64 << 20; // of layers: more than most caches hold, so that they come from memory as they will later
const TIMED_MS = 80; // for each of prefill and decode
const MIN_STEPS = 5; // some while the compiler still works at it

/**
 * engine: its model and session are open, and nothing has arrived. Returns { prefill, decode }, tokens a second at the
 * beginning of a context, and { pack }, the file's bytes a second that find their places in memory.
 */
export function probe(engine) {
  const pack = fillLayers(engine);
  const { n_layers: nLayers } = engine.info;
  const decode = nLayers * secondsOfLayer(engine, 1);
  const prefill = nLayers * secondsOfLayer(engine, SLICE_TOKENS);
  const { layers, head } = bytesOfToken(engine.header);
  return { pack, prefill: SLICE_TOKENS / prefill, decode: 1 / (decode * (1 + head / layers)) };
}

// Layers are whole in the order in which they are wanted.
function fillLayers(engine) {
  const { instance, model, staging } = engine;
  const begin = performance.now();
  let bytes = 0;
  queue(engine, SLICE_TOKENS);
  for (const [from, to] of engine.wanted()) {
    if (bytes >= FILL_BYTES && step(engine)) break;
    for (let at = from; at < to; at += CHUNK_BYTES) { // the staging area is still zero
      instance.try("sotto_model_push", model, BigInt(at), staging, Math.min(CHUNK_BYTES, to - at));
    }
    bytes += to - from;
  }
  return bytes / (performance.now() - begin) * 1e3;
}

function queue(engine, nTokens) {
  engine.rewind(0);
  engine.append(new Array(Math.min(nTokens, engine.nCtx)).fill(0));
}

// Computes a layer: { isLast }; null when its weights are not there.
function step(engine) {
  try {
    return { isLast: !engine.step() };
  } catch (error) {
    if (error.code === "NOT_READY") return null;
    throw error;
  }
}

// Going through the layers that are there again and again: the lower quartile, since the compiler and whatever else the
// machine does only slow them down.
function secondsOfLayer(engine, nTokens) {
  const times = [];
  let spent = 0;
  queue(engine, nTokens);
  while (spent < TIMED_MS || times.length < MIN_STEPS) {
    const begin = performance.now();
    const computed = step(engine);
    const elapsed = performance.now() - begin;
    if (computed) times.push(elapsed);
    if (!computed || computed.isLast) queue(engine, nTokens);
    spent += elapsed;
  }
  return times.sort((a, b) => a - b)[times.length >> 2] / 1e3;
}

// Of the file, what a token reads: of a mixture the experts that it goes to. The head may be the embedding.
function bytesOfToken(header) {
  const key = (name) => header.find(`${header.find("general.architecture")}.${name}`);
  const share = (name) => (name.includes("_exps.") ? key("expert_used_count") / key("expert_count") : 1);
  const tensors = header.tensors();
  const find = (wanted) => tensors.find(({ name }) => name === wanted);
  const layers = tensors.filter(({ name }) => name.startsWith("blk."));
  return {
    layers: layers.reduce((sum, { name, nBytes }) => sum + nBytes * share(name), 0),
    head: (find("output.weight") ?? find("token_embd.weight")).nBytes,
  };
}
