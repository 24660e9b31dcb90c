// chat.js: messages -> prompt tokens, by the model's own chat template. Keeps the tokens that were sampled: the same
// text tokenized again may give others, and the computed prefix would be lost.
import { parseJson } from "./json.js";
import { CHATML, Template, pythonValue } from "./template.js";
import { THOUGHT, ThoughtSplitter, thoughtTags } from "./thought.js";

// A call's arguments are JSON text in OpenAI's API. Most templates want the object, some the text.
const ARGUMENTS = '{"sotto": [1]}';
const CALL = { id: "call12345", type: "function", function: { name: "f", arguments: ARGUMENTS } };
const CALLING = [{ role: "user", content: "f" }, { role: "assistant", content: "", tool_calls: [CALL] }];

export class Chat {
  #template;
  #toolTemplate;
  #warning;
  #source;
  #tags; // of thoughtTags(), and
  #hiddenTags; // token -> its name, of those that make up tags and have no text otherwise: found for the first answer
  #transcript = { text: "", tokens: [] }; // of the last request and its answer

  constructor(engine) {
    this.engine = engine;
    const source = engine.header.find("tokenizer.chat_template");
    this.#source = source ?? CHATML;
    const toolSource = engine.header.find("tokenizer.chat_template.tool_use");
    this.#template = parse(this.#source);
    this.#toolTemplate = toolSource === undefined ? this.#template : parse(toolSource);
    if (source === undefined) this.#warning = "this model has no chat template: it gets ChatML, which it may not know";
  }

  /**
   * The transcript of a request { messages, tools?, tool_choice?, enable_thinking?, chat_template_kwargs? }: { text, tokens }
   * of its prompt, which generate() continues.
   */
  prompt(request) {
    const text = this.#render(request);
    this.#transcript = { text, tokens: this.#continue(text) ?? this.#tokenize(text) };
    return this.#transcript;
  }

  #render({ messages, tools, tool_choice, enable_thinking, chat_template_kwargs }) {
    this.#warn();
    const hasTools = tools?.length > 0 && tool_choice !== "none";
    const template = hasTools ? this.#toolTemplate : this.#template;
    const plain = messages.map(withPlainContent);
    const hasCalls = plain.some(({ tool_calls }) => tool_calls);
    return this.#fill(template, {
      ...chat_template_kwargs,
      ...(enable_thinking !== undefined && { enable_thinking }),
      ...(tool_choice !== undefined && { tool_choice }),
      messages: hasCalls && !this.#takesArgumentText(template) ? plain.map(withArgumentObjects) : plain,
      tools: hasTools ? tools : null,
    });
  }

  #fill(template, variables) {
    const { bos_token, eos_token } = this.engine.info;
    return template.render(pythonValue({
      tools: null, // transformers sets these two in any case
      documents: null,
      add_generation_prompt: true,
      bos_token: this.#tokenText(bos_token),
      eos_token: this.#tokenText(eos_token),
      ...variables,
    }));
  }

  #takesArgumentText(template) {
    try {
      return this.#fill(template, { messages: CALLING }).includes(ARGUMENTS);
    } catch {
      return false; // of an object: as transformers passes it
    }
  }

  /** What tells the thought from the answer to a prompt: split({ text, token }) -> { thought, text }, and flush(). */
  splitter(prompt) {
    const tags = (this.#tags ??= thoughtTags(this.#source, this.#renderThought()));
    const hidden = (this.#hiddenTags ??= this.#findHiddenTags());
    const splitter = new ThoughtSplitter(tags, prompt.trimEnd().endsWith(tags.open));
    return {
      split: ({ text, token }) => splitter.push(text + (hidden.get(token) ?? "")),
      flush: () => splitter.flush(),
    };
  }

  // Most templates that throw earlier thoughts away keep the last one's. It goes by one of three names.
  #renderThought() {
    const answer = { role: "assistant", content: "a", reasoning_content: THOUGHT, reasoning: THOUGHT, thinking: THOUGHT };
    const request = { messages: [{ role: "user", content: "q" }, answer], add_generation_prompt: false };
    try {
      return this.#fill(this.#template, { ...request, enable_thinking: true, thinking: true });
    } catch {
      return ""; // the source alone tells
    }
  }

  #findHiddenTags() {
    const tokens = this.engine.tokenize(Object.values(this.#tags).join(""), { special: true });
    const hidden = tokens.filter((token) => this.engine.detokenize([token]) === "");
    return new Map(hidden.map((token) => [token, this.#tokenText(token)]));
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

function withArgumentObjects(message) {
  if (!message.tool_calls) return message;
  return { ...message, tool_calls: message.tool_calls.map((call) => ({ ...call, function: withObject(call.function) })) };
}

function withObject(called) {
  if (typeof called?.arguments !== "string") return called;
  try {
    return { ...called, arguments: parseJson(called.arguments) };
  } catch {
    return called; // a model may have written what is no JSON
  }
}
