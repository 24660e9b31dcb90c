// chat.js: messages -> prompt tokens, by the model's own chat template. Keeps the tokens that were sampled: the same
// text tokenized again may give others, and the computed prefix would be lost.
import { CHATML, Template, pythonValue } from "./template.js";

export class Chat {
  #template;
  #warning;
  #transcript = { text: "", tokens: [] }; // of the last request and its answer

  constructor(engine) {
    this.engine = engine;
    const source = engine.header.find("tokenizer.chat_template");
    this.#template = parse(source ?? CHATML);
    if (source === undefined) this.#warning = "this model has no chat template: it gets ChatML, which it may not know";
  }

  /** The transcript of a request: { text, tokens } of its prompt, which generate() continues. */
  prompt(messages) {
    const text = this.#render(messages);
    this.#transcript = { text, tokens: this.#continue(text) ?? this.#tokenize(text) };
    return this.#transcript;
  }

  #render(messages) {
    this.#warn();
    const { bos_token, eos_token } = this.engine.info;
    return this.#template.render(pythonValue({
      messages: messages.map(withPlainContent),
      tools: null, // transformers sets these two in any case
      documents: null,
      add_generation_prompt: true,
      bos_token: this.#tokenText(bos_token),
      eos_token: this.#tokenText(eos_token),
    }));
  }

  // Once, and not before a prompt is made: such a model may be meant for plain text.
  #warn() {
    if (this.#warning) console.warn(`sotto: ${this.#warning}`);
    this.#warning = undefined;
  }

  #tokenText(token) {
    return token < 0 ? "" : this.engine.detokenize([token], { special: true });
  }

  // The last request's tokens and those of what was added. Only a special token is a sure border.
  #continue(text) {
    const before = this.#transcript;
    if (before.tokens.length === 0 || !text.startsWith(before.text)) return null;
    const added = this.engine.tokenize(text.slice(before.text.length), { special: true });
    if (added.length === 0 || !this.engine.isSpecial(added[0])) return null;
    return [...before.tokens, ...added];
  }

  #tokenize(text) {
    const bos = this.#tokenText(this.engine.info.bos_token);
    const writesBos = bos !== "" && text.startsWith(bos); // many templates do it themselves
    return this.engine.tokenize(text, { special: true, bos: !writesBos });
  }
}

function parse(source) {
  try {
    return new Template(source);
  } catch (cause) {
    return { render: () => { throw cause; } }; // such a model still completes text
  }
}

function withPlainContent(message) {
  if (!Array.isArray(message.content)) return message;
  return { ...message, content: message.content.map((part) => part.text).join("") };
}
