// chat.test.mjs: messages become prompt tokens by the model's template, and a second turn keeps the sampled tokens.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Chat } from "../../build/sotto/chat.js";

const TEMPLATE = "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}<end>{% endfor %}" +
  "{% if add_generation_prompt %}<assistant>{% endif %}";

// An engine whose tokens are characters, but for names in angle brackets, which are special.
function fakeEngine(template, { addBos = true } = {}) {
  const special = new Map([["<s>", 1], ["<end>", 2], ["<user>", 3], ["<assistant>", 4], ["<system>", 5]]);
  const names = new Map([...special].map(([name, id]) => [id, name]));
  return {
    header: { find: (key) => (key === "tokenizer.chat_template" ? template : undefined) },
    info: { bos_token: 1, eos_token: 2 },
    tokenize(text, { bos }) {
      const parts = text.match(/<\w+>|./gsu) ?? [];
      const ids = parts.map((part) => special.get(part) ?? 100 + part.codePointAt(0));
      return bos && addBos ? [1, ...ids] : ids;
    },
    detokenize: (ids) => ids.map((id) => names.get(id) ?? String.fromCodePoint(id - 100)).join(""),
    isSpecial: (id) => id < 100,
  };
}

const user = (content) => ({ role: "user", content });
const assistant = (content) => ({ role: "assistant", content });

// As generate() does: the answer is appended to the transcript, in tokens of the caller's choice.
function answer(transcript, text, tokens) {
  transcript.text += text;
  transcript.tokens.push(...tokens);
}

test("the template makes the prompt", () => {
  const engine = fakeEngine(TEMPLATE);
  const { text, tokens } = new Chat(engine).prompt([user("Hi")]);
  assert.equal(text, "<s><user>Hi<end><assistant>");
  assert.equal(engine.detokenize(tokens), text, "the begin token is there once, though both add it");
});

test("a template without a begin token gets the tokenizer's", () => {
  const engine = fakeEngine(TEMPLATE.replace("{{ bos_token }}", ""));
  const { tokens } = new Chat(engine).prompt([user("Hi")]);
  assert.equal(tokens[0], 1);
  assert.equal(tokens[1], 3);
});

test("a second turn keeps the tokens that were sampled", () => {
  const chat = new Chat(fakeEngine(TEMPLATE));
  const first = chat.prompt([user("Hi")]);
  answer(first, "Hello", [999]); // one token, where the tokenizer would give five
  const second = chat.prompt([user("Hi"), assistant("Hello"), user("Bye")]);
  assert.deepEqual(second.tokens.slice(0, first.tokens.length), first.tokens);
  assert.deepEqual(second.tokens.slice(first.tokens.length, first.tokens.length + 2), [2, 3]);
});

test("an answer that was edited is tokenized anew", () => {
  const engine = fakeEngine(TEMPLATE);
  const chat = new Chat(engine);
  answer(chat.prompt([user("Hi")]), "Hello", [999]);
  const { text, tokens } = chat.prompt([user("Hi"), assistant("Howdy"), user("Bye")]);
  assert.equal(engine.detokenize(tokens), text);
});

test("text that goes on in the middle of a word is tokenized anew", () => {
  const engine = fakeEngine(TEMPLATE);
  const chat = new Chat(engine);
  answer(chat.prompt([user("Hi")]), "Hel", [999]);
  const { text, tokens } = chat.prompt([user("Hi"), assistant("Hello"), user("Bye")]);
  assert.equal(engine.detokenize(tokens), text);
});

test("content may be a list of texts", () => {
  const content = [{ type: "text", text: "Hi " }, { type: "text", text: "there" }];
  assert.match(new Chat(fakeEngine(TEMPLATE)).prompt([user(content)]).text, /<user>Hi there<end>/);
});

test("a template that refuses the messages is TEMPLATE_ERROR with its reason", () => {
  const chat = new Chat(fakeEngine("{{ raise_exception('no system role') }}"));
  assert.throws(() => chat.prompt([user("Hi")]), { code: "TEMPLATE_ERROR", message: /no system role/ });
});

test("a template that cannot be read is TEMPLATE_ERROR, when it is used", () => {
  const chat = new Chat(fakeEngine("{% if %}"));
  assert.throws(() => chat.prompt([user("Hi")]), { code: "TEMPLATE_ERROR" });
});

test("a model without a template gets ChatML, and one warning", (t) => {
  const warn = t.mock.method(console, "warn", () => {});
  const chat = new Chat(fakeEngine(undefined));
  assert.equal(warn.mock.callCount(), 0);
  for (let i = 0; i < 2; i++) {
    assert.equal(chat.prompt([user("Hi"), assistant("Ho"), user("  x ")]).text, "<|im_start|>user\nHi<|im_end|>\n" +
      "<|im_start|>assistant\nHo<|im_end|>\n<|im_start|>user\n  x <|im_end|>\n<|im_start|>assistant\n");
  }
  assert.equal(warn.mock.callCount(), 1);
  assert.match(warn.mock.calls[0].arguments[0], /no chat template.*ChatML/);
});

test("a template sees Python's values", () => {
  const { text } = new Chat(fakeEngine("{{ tools }}{{ messages }}{{ 7 / 2 }}")).prompt([{ ...user("Hi"), n: 1, x: 0.5 }]);
  assert.equal(text, "None[{'role': 'user', 'content': 'Hi', 'n': 1, 'x': 0.5}]3.5");
});
