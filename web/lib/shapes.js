// shapes.js: the engine's events in the shapes of OpenAI's API, and the stream that carries them.

/** Shapes of one answer of chat.completions: chunks while it streams, or one object. */
export class ChatShape {
  constructor(model) {
    this.envelope = { id: newId("chatcmpl"), created: now(), model };
  }

  first() {
    return this.#chunk({ role: "assistant", content: "" }, null, null);
  }

  part(event) {
    const { thought, text } = event;
    const delta = thought ? { reasoning_content: thought, ...(text && { content: text }) } : { content: text };
    return this.#chunk(delta, null, chatLogprobs([event]));
  }

  last(result) {
    return { ...this.#chunk({}, result.finishReason, null), usage: usage(result) };
  }

  whole(events, result) {
    const thought = events.map((event) => event.thought).join("");
    const message = { role: "assistant", content: textOf(events), ...(thought && { reasoning_content: thought }) };
    const choice = { index: 0, message, finish_reason: result.finishReason, logprobs: chatLogprobs(events) };
    return { ...this.envelope, object: "chat.completion", choices: [choice], usage: usage(result) };
  }

  #chunk(delta, finishReason, logprobs) {
    const choice = { index: 0, delta, finish_reason: finishReason, logprobs };
    return { ...this.envelope, object: "chat.completion.chunk", choices: [choice] };
  }
}

/** The same of completions. */
export class TextShape {
  #offset = 0; // of the next token's text in the answer

  constructor(model) {
    this.envelope = { id: newId("cmpl"), object: "text_completion", created: now(), model };
  }

  first() {
    return undefined;
  }

  part(event) {
    return this.#object(event.text, null, this.#logprobs([event]));
  }

  last(result) {
    return { ...this.#object("", result.finishReason, null), usage: usage(result) };
  }

  whole(events, result) {
    return { ...this.#object(textOf(events), result.finishReason, this.#logprobs(events)), usage: usage(result) };
  }

  #object(text, finishReason, logprobs) {
    return { ...this.envelope, choices: [{ index: 0, text, finish_reason: finishReason, logprobs }] };
  }

  #logprobs(events) {
    const known = events.filter((event) => event.logprob !== undefined);
    if (known.length === 0) return null;
    const tokens = known.map((event) => tokenText(event.bytes));
    return {
      tokens,
      token_logprobs: known.map((event) => event.logprob),
      top_logprobs: known.map(({ top }) => Object.fromEntries(top.map((t) => [tokenText(t.bytes), t.logprob]))),
      text_offset: tokens.map((token) => (this.#offset += token.length) - token.length),
    };
  }
}

// Not randomUUID: pages without HTTPS, a phone on the developer's network, lack it.
function newId(prefix) {
  const digits = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0"));
  return `${prefix}-${digits.join("")}`;
}

function now() {
  return Math.floor(Date.now() / 1000);
}

function chatLogprobs(events) {
  const known = events.filter((event) => event.logprob !== undefined);
  if (known.length === 0) return null;
  const entry = ({ bytes, logprob }) => ({ token: tokenText(bytes), logprob, bytes });
  return { content: known.map((event) => ({ ...entry(event), top_logprobs: event.top.map(entry) })), refusal: null };
}

function textOf(events) {
  return events.map((event) => event.text).join("");
}

function tokenText(bytes) {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}

function usage({ nPrompt, nCompletion, nCached, nDrafted, nAccepted }) {
  return {
    prompt_tokens: nPrompt,
    completion_tokens: nCompletion,
    total_tokens: nPrompt + nCompletion,
    prompt_tokens_details: { cached_tokens: nCached },
    completion_tokens_details: { accepted_prediction_tokens: nAccepted, rejected_prediction_tokens: nDrafted - nAccepted },
  };
}

/** A streamed answer: for await (const chunk of stream). Leaving the loop, or abort(), ends the computation. */
export class CompletionStream {
  #stream;

  constructor(stream, controller) {
    this.#stream = stream;
    this.controller = controller;
  }

  abort() {
    this.controller.abort();
  }

  toReadableStream() {
    return this.#stream;
  }

  // Not ReadableStream's own iterator: Safari lacks it.
  async *[Symbol.asyncIterator]() {
    const reader = this.#stream.getReader();
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        yield value;
      }
    } finally {
      reader.cancel().catch(() => {}); // of a stream that failed: its error has been thrown above
    }
  }
}
