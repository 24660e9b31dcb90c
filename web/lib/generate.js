// generate.js: one answer: prompt tokens -> sampled tokens -> text, until an end token, a stop string or a limit.
import { STRUCTS } from "./abi.js";
import { SottoError } from "./errors.js";
import { Breath } from "./engine.js";
import { Lookup } from "./lookup.js";

/**
 * request: { sampling, logitBiases: [[token, bias]], stops: [text], stopTokens: [token], maxTokens, nTop, lookup }.
 * onStart({ nPrompt, nCached }); onToken({ text, token, logprob, top }), where text may lag behind the tokens.
 * transcript: { text, tokens } of the prompt; grows by what was answered, as far as text and tokens agree.
 * Returns { finishReason, nPrompt, nCached, nCompletion, nDrafted, nAccepted }.
 */
export function generate(engine, tokens, request, { signal, transcript, onStart, onToken }) {
  if (tokens.length === 0) throw new SottoError("INVALID_ARGUMENT", "the prompt is empty: pass some text");
  return engine.instance.asyncScope(async () => {
    const breath = new Breath(signal);
    const nCached = engine.sync(tokens);
    onStart({ nPrompt: tokens.length, nCached });
    const sampler = openSampler(engine, request, tokens);
    const writer = new Writer(engine, request.stops, transcript);
    await breath.take();
    await engine.compute(breath);
    const lookup = request.lookup ? new Lookup(tokens) : null;
    const finishReason = await run({ engine, request, sampler, writer, onToken, breath, lookup });
    const { nDrafted = 0, nAccepted = 0 } = lookup ?? {};
    return { finishReason, nPrompt: tokens.length, nCached, nCompletion: writer.nTokens, nDrafted, nAccepted };
  });
}

async function run({ engine, request, sampler, writer, onToken, breath, lookup }) {
  let position = engine.nTokens - 1; // whose logits tell the next token
  let drafts = []; // guessed tokens behind it that have been computed along, and may yet turn out wrong
  for (;;) {
    const logits = engine.logitsAt(position);
    const token = sample(engine, sampler, logits);
    if (engine.isEnd(token) || request.stopTokens.includes(token)) return finish(writer, onToken, "stop");
    const { text, isStopped } = writer.write(token);
    onToken({ text, token, ...logprobs(engine, logits, token, request.nTop) });
    if (isStopped) return "stop";
    const isFull = position + 1 === engine.nCtx;
    if (isFull || writer.nTokens === request.maxTokens) return finish(writer, onToken, "length");
    position++;
    lookup?.push(token);
    if (drafts.length > 0 && drafts[0] === token) {
      drafts = drafts.slice(1);
      lookup.accept();
      continue;
    }
    engine.rewind(position);
    drafts = lookup?.draft().slice(0, engine.nCtx - position - 1) ?? [];
    engine.append([token, ...drafts]);
    await engine.compute(breath);
  }
}

function finish(writer, onToken, reason) {
  const text = writer.flush();
  if (text) onToken({ text });
  return reason;
}

/** A sampler of a request, which has seen these tokens, in the instance's current scope. */
export function openSampler(engine, { sampling, logitBiases }, tokens) {
  const { instance, exports, out } = engine;
  const options = instance.placeStruct("sotto_sampler_options");
  exports.sotto_sampler_defaults(options);
  instance.writeStruct("sotto_sampler_options", options, {
    ...sampling,
    n_logit_biases: logitBiases.length,
    logit_biases: placeBiases(instance, logitBiases),
  });
  const nBytes = exports.sotto_sampler_measure(engine.nVocab, options);
  instance.check("sotto_sampler_open", instance.allocate(nBytes), nBytes, engine.nVocab, options, out);
  const sampler = instance.u32(out);
  for (const token of tokens) exports.sotto_sampler_accept(sampler, token);
  return sampler;
}

function placeBiases(instance, logitBiases) {
  const { size } = STRUCTS.sotto_logit_bias;
  const block = instance.allocate(size * logitBiases.length);
  logitBiases.forEach(([token, bias], i) => {
    instance.writeStruct("sotto_logit_bias", block + size * i, { token, bias });
  });
  return block;
}

/** The next token. logits: an address. */
export function sample(engine, sampler, logits) {
  engine.instance.check("sotto_sampler_sample", sampler, logits, engine.out);
  return engine.instance.i32(engine.out);
}

// Of the raw logits: the token's own, and the n_top best. undefined: nobody asked.
function logprobs(engine, logits, token, nTop) {
  if (nTop === undefined) return {};
  const { instance, exports, nVocab, out } = engine;
  return instance.scope(() => {
    const tokens = instance.allocate(4 * nTop);
    const values = instance.allocate(4 * nTop);
    exports.sotto_logprobs(logits, nVocab, token, out, nTop, tokens, values);
    const entry = (id, logprob) => ({ bytes: Array.from(engine.tokenBytes(id, true)), logprob });
    const ids = Array.from(instance.i32s(tokens, nTop));
    const numbers = Array.from(instance.f32s(values, nTop));
    const own = instance.f32s(out, 1)[0];
    return { ...entry(token, own), top: ids.map((id, i) => entry(id, numbers[i])) };
  });
}

// Tokens -> text that may be shown. Keeps the transcript in step: its text is that of its tokens, exactly.
export class Writer {
  #decoder = new TextDecoder("utf-8", { ignoreBOM: true }); // the emitter gives whole characters
  #pending = { text: "", tokens: [], nHeld: 0 }; // since text and tokens last agreed; bytes held back

  constructor(engine, stops, transcript) {
    const { instance, exports, out } = engine;
    this.engine = engine;
    this.transcript = transcript;
    this.nTokens = 0;
    const encoded = encodeStops(stops);
    const at = instance.place(encoded);
    const nBytes = exports.sotto_emitter_measure(encoded.length);
    const block = instance.allocate(nBytes);
    instance.check("sotto_emitter_open", block, nBytes, engine.model, at, encoded.length, stops.length, out);
    this.emitter = instance.u32(out);
    this.cap = exports.sotto_emitter_out_cap(this.emitter);
    this.buffer = instance.allocate(this.cap);
  }

  write(token) {
    const { engine: { instance, out } } = this;
    this.nTokens++;
    instance.check("sotto_emitter_push", this.emitter, token, this.buffer, this.cap, out, out + 8);
    const text = this.#take();
    const isStopped = instance.u8[out + 8] !== 0;
    this.#record(token, text, instance.u32(out));
    return { text, isStopped };
  }

  flush() {
    const { engine: { instance, out } } = this;
    instance.check("sotto_emitter_flush", this.emitter, this.buffer, this.cap, out);
    return this.#take();
  }

  #take() {
    const { instance, out } = this.engine;
    return this.#decoder.decode(instance.bytes(this.buffer, instance.u32(out)));
  }

  #record(token, text, nBytes) {
    const pending = this.#pending;
    pending.text += text;
    pending.tokens.push(token);
    pending.nHeld += this.engine.tokenBytes(token).length - nBytes;
    if (pending.nHeld !== 0) return;
    this.transcript.text += pending.text;
    this.transcript.tokens.push(...pending.tokens);
    this.#pending = { text: "", tokens: [], nHeld: 0 };
  }
}

// Each a 4-byte little-endian length and its bytes, as sotto.h wants them.
function encodeStops(stops) {
  const encoder = new TextEncoder();
  return Uint8Array.from(stops.flatMap((stop) => {
    const bytes = encoder.encode(stop);
    return [...new Uint8Array(Uint32Array.of(bytes.length).buffer), ...bytes];
  }));
}
