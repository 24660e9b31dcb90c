// chat.test.mjs: messages, tools and calls become prompt tokens by the model's template, a second turn keeps the sampled
// tokens, and the thought of an answer is told from the rest.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Chat } from "../../build/sotto/chat.js";
import { ChatShape } from "../../build/sotto/shapes.js";
import { THOUGHT, ThoughtSplitter, thoughtTags } from "../../build/sotto/thought.js";

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
  const { text, tokens } = new Chat(engine).prompt({ messages: [user("Hi")] });
  assert.equal(text, "<s><user>Hi<end><assistant>");
  assert.equal(engine.detokenize(tokens), text, "the begin token is there once, though both add it");
});

test("a template without a begin token gets the tokenizer's", () => {
  const engine = fakeEngine(TEMPLATE.replace("{{ bos_token }}", ""));
  const { tokens } = new Chat(engine).prompt({ messages: [user("Hi")] });
  assert.equal(tokens[0], 1);
  assert.equal(tokens[1], 3);
});

test("a second turn keeps the tokens that were sampled", () => {
  const chat = new Chat(fakeEngine(TEMPLATE));
  const first = chat.prompt({ messages: [user("Hi")] });
  answer(first, "Hello", [999]); // one token, where the tokenizer would give five
  const second = chat.prompt({ messages: [user("Hi"), assistant("Hello"), user("Bye")] });
  assert.deepEqual(second.tokens.slice(0, first.tokens.length), first.tokens);
  assert.deepEqual(second.tokens.slice(first.tokens.length, first.tokens.length + 2), [2, 3]);
});

test("an answer that was edited is tokenized anew", () => {
  const engine = fakeEngine(TEMPLATE);
  const chat = new Chat(engine);
  answer(chat.prompt({ messages: [user("Hi")] }), "Hello", [999]);
  const { text, tokens } = chat.prompt({ messages: [user("Hi"), assistant("Howdy"), user("Bye")] });
  assert.equal(engine.detokenize(tokens), text);
});

test("text that goes on in the middle of a word is tokenized anew", () => {
  const engine = fakeEngine(TEMPLATE);
  const chat = new Chat(engine);
  answer(chat.prompt({ messages: [user("Hi")] }), "Hel", [999]);
  const { text, tokens } = chat.prompt({ messages: [user("Hi"), assistant("Hello"), user("Bye")] });
  assert.equal(engine.detokenize(tokens), text);
});

test("content may be a list of texts", () => {
  const content = [{ type: "text", text: "Hi " }, { type: "text", text: "there" }];
  assert.match(new Chat(fakeEngine(TEMPLATE)).prompt({ messages: [user(content)] }).text, /<user>Hi there<end>/);
});

test("a template that refuses the messages is TEMPLATE_ERROR with its reason", () => {
  const chat = new Chat(fakeEngine("{{ raise_exception('no system role') }}"));
  assert.throws(() => chat.prompt({ messages: [user("Hi")] }), { code: "TEMPLATE_ERROR", message: /no system role/ });
});

test("a template that cannot be read is TEMPLATE_ERROR, when it is used", () => {
  const chat = new Chat(fakeEngine("{% if %}"));
  assert.throws(() => chat.prompt({ messages: [user("Hi")] }), { code: "TEMPLATE_ERROR" });
});

test("a model without a template gets ChatML, and one warning", (t) => {
  const warn = t.mock.method(console, "warn", () => {});
  const chat = new Chat(fakeEngine(undefined));
  assert.equal(warn.mock.callCount(), 0);
  for (let i = 0; i < 2; i++) {
    assert.equal(chat.prompt({ messages: [user("Hi"), assistant("Ho"), user("  x ")] }).text, "<|im_start|>user\nHi<|im_end|>\n" +
      "<|im_start|>assistant\nHo<|im_end|>\n<|im_start|>user\n  x <|im_end|>\n<|im_start|>assistant\n");
  }
  assert.equal(warn.mock.callCount(), 1);
  assert.match(warn.mock.calls[0].arguments[0], /no chat template.*ChatML/);
});

test("a template sees Python's values", () => {
  const { text } = new Chat(fakeEngine("{{ tools }}{{ messages }}{{ 7 / 2 }}")).prompt({ messages: [{ ...user("Hi"), n: 1, x: 0.5 }] });
  assert.equal(text, "None[{'role': 'user', 'content': 'Hi', 'n': 1, 'x': 0.5}]3.5");
});

// ---- tools ----

const TOOLS = [{ type: "function", function: { name: "add", parameters: { type: "object", properties: {} } } }];
const call = (text) => ({ role: "assistant", tool_calls: [{ id: "c", type: "function", function: { name: "add", arguments: text } }] });

test("the template sees tools, unless the choice is none, and whatever else it is given", () => {
  const chat = new Chat(fakeEngine("{{ tools }}|{{ tool_choice }}|{{ enable_thinking }}|{{ level }}|{{ messages | length }}"));
  const messages = [user("Hi")];
  const text = (request) => chat.prompt({ messages, ...request }).text;
  assert.equal(text({}), "None||||1");
  assert.equal(text({ tools: [] }), "None||||1");
  assert.equal(text({ tools: TOOLS, tool_choice: "none" }), "None|none|||1");
  assert.equal(text({ tools: TOOLS, tool_choice: "auto" }), "[{'type': 'function', 'function': {'name': 'add', " +
    "'parameters': {'type': 'object', 'properties': {}}}}]|auto|||1");
  const kwargs = { level: "high", enable_thinking: true, messages: [] };
  assert.equal(text({ enable_thinking: false, chat_template_kwargs: kwargs }), "None||False|high|1");
  assert.equal(text({ chat_template_kwargs: kwargs }), "None||True|high|1");
});

test("a template of its own for tools is used with tools alone", () => {
  const engine = fakeEngine("plain");
  const { find } = engine.header;
  engine.header.find = (key) => (key === "tokenizer.chat_template.tool_use" ? "tools" : find(key));
  const chat = new Chat(engine);
  assert.equal(chat.prompt({ messages: [user("Hi")] }).text, "plain");
  assert.equal(chat.prompt({ messages: [user("Hi")], tools: TOOLS }).text, "tools");
});

test("a call's arguments are an object, or text for a template that writes them as they are", () => {
  const each = (body) => `{% for m in messages %}{% for c in m.tool_calls or [] %}${body}{% endfor %}{% endfor %}`;
  const text = (body, given) => new Chat(fakeEngine(each(body))).prompt({ messages: [user("1+1"), call(given)] }).text;
  const given = '{"b":1.0,"10":12345678901234567890}';
  assert.equal(text("{{ c.function.arguments | tojson }}", given), '{"b": 1.0, "10": 12345678901234567890}');
  assert.equal(text("{% for k, v in c.function.arguments.items() %}{{ k }}={{ v }};{% endfor %}", given),
    "b=1.0;10=12345678901234567890;");
  assert.equal(text("{{ '<' + c.function.arguments + '>' }}", given), `<${given}>`);
  assert.equal(text("{{ c.function.arguments | tojson }}", "{}"), "{}");
  assert.equal(text("{{ c.function.arguments | tojson }}", { a: [1] }), '{"a": [1]}');
  assert.equal(text("{{ c.function.arguments }}", "{broken"), "{broken");
});

// ---- thoughts ----

/** Of an answer that comes in pieces of n characters: { thought, text }. */
function split(answer, { tags = "<think></think>", isOpen = false, n = 1 } = {}) {
  const splitter = new ThoughtSplitter(thoughtTags(tags), isOpen);
  const pieces = answer.match(new RegExp(`[^]{1,${n}}`, "g")) ?? [];
  const parts = [...pieces.map((piece) => splitter.push(piece)), splitter.flush()];
  const join = (name) => parts.map((part) => part[name]).join("");
  return { thought: join("thought"), text: join("text") };
}

test("a thought is told from the answer, in whatever pieces it comes", () => {
  for (const n of [1, 2, 3, 7, 1000]) {
    const is = (answer, thought, text, options) =>
      assert.deepEqual(split(answer, { ...options, n }), { thought, text }, `${JSON.stringify(answer)} by ${n}`);
    is("<think>\nHm, 1 < 2.\n</thin? </think>\n\n Yes.\n", "Hm, 1 < 2.\n</thin?", "Yes.\n");
    is("\n<think>a</think>b<think>c</think>", "a", "b<think>c</think>");
    is("<think>\n\n</think>\n\nYes", "", "Yes");
    is(" <thin air", "", " <thin air");
    is("No <think> here", "", "No <think> here");
    is("<thi", "", "<thi");
    is("<think>cut off </th", "cut off </th", "");
    is("inside </think> out", "inside", "out", { isOpen: true });
    is("inside, for ever \n", "inside, for ever", "", { isOpen: true });
    is("[THINK]a[/THINK]b", "a", "b", { tags: "[THINK]" });
    is("", "", "");
    const granite = { tags: "<think></think><response></response>" };
    is("<think>a</think>\n<response>\nb </resp\n</response>\n", "a", "b </resp\n", granite);
    is("a </response>b", "", "ab", granite);
    is("a </resp", "", "a </resp", granite);
    const harmony = { tags: "<|channel|>analysis<|message|> <|channel|>final<|message|>" };
    const [think, say, turn] = ["<|channel|>analysis<|message|>", "<|channel|>final<|message|>", "<|end|><|start|>assistant"];
    is(`${think}a${turn}${think}b${turn}${say}c`, "ab", "c", harmony);
    is(`${say} c `, "", "c ", harmony);
    is(`${think}a${turn}<|channel|>commentary to=f<|message|>{}`, "a", "<|channel|>commentary to=f<|message|>{}", harmony);
    is(`${think}a${turn}<|chan`, "a", "<|start|>assistant<|chan", harmony);
  }
});

test("thoughts of every template that llama.cpp carries are told from answers", () => {
  const rows = readFileSync(new URL("../golden/thoughts.vec", import.meta.url), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  for (const { name, words, rendering, turns } of rows) {
    const tags = thoughtTags(words, rendering);
    for (const [prompt, answer, hasThought] of turns) {
      const splitter = new ThoughtSplitter(tags, prompt.trimEnd().endsWith(tags.open));
      const parts = [...answer].map((letter) => splitter.push(letter)).concat(splitter.flush());
      const join = (part) => parts.map((found) => found[part]).join("");
      const expected = { thought: hasThought ? THOUGHT : "", text: "@answer@" };
      assert.deepEqual({ thought: join("thought"), text: join("text") }, expected, `${name}: ${JSON.stringify(prompt + answer)}`);
    }
  }
  assert.equal(rows.length, 70);
});

test("a thought streams: only what may be its end waits", () => {
  const splitter = new ThoughtSplitter(thoughtTags(""), true);
  assert.deepEqual(splitter.push("First, <"), { thought: "First,", text: "" });
  assert.deepEqual(splitter.push("b> "), { thought: " <b>", text: "" });
  assert.deepEqual(splitter.push("</think>x"), { thought: "", text: "x" });
});

test("the template tells the tags, and whether its prompt opens the thought", () => {
  const tags = (...sources) => thoughtTags(...sources).open;
  assert.equal(tags("{{ '[THINK]' }}{{ '[/THINK]' }}"), "[THINK]");
  assert.equal(tags("{{ m.content.split('</seed:think>') }}"), "<seed:think>");
  assert.equal(tags("no tags"), "<think>");
  assert.equal(tags("none in the source", `<a><muse>\n${THOUGHT}\n</muse>b`), "<muse>");
  const template = "{{ m }}{% if enable_thinking %}<think>\n{% else %}<think>\n\n</think>\n\n{% endif %}";
  const thoughtOf = (enable_thinking) => {
    const chat = new Chat(fakeEngine(template));
    const { text } = chat.prompt({ messages: [user("Hi")], enable_thinking });
    return chat.splitter(text).split({ text: "a</think>b" });
  };
  assert.deepEqual(thoughtOf(true), { thought: "a", text: "b" });
  assert.deepEqual(thoughtOf(false), { thought: "", text: "a</think>b" });
  const tag = "{% set tag = '<%smuse>' %}{% for m in messages %}{% if m.reasoning_content %}";
  const built = new Chat(fakeEngine(`${tag}{{ tag % '' }}{{ m.reasoning_content }}{{ tag % '/' }}{% endif %}{% endfor %}`));
  assert.deepEqual(built.splitter("").split({ text: "<muse>a</muse>b" }), { thought: "a", text: "b" });
});

test("tags that are control tokens, which have no text, are seen all the same", () => {
  const engine = fakeEngine("[THINK]");
  const names = new Map([[6, "[THINK]"], [7, "[/THINK]"]]);
  engine.tokenize = () => [6, 7];
  engine.detokenize = ([token], { special = false } = {}) => (special ? names.get(token) : "");
  const splitter = new Chat(engine).splitter("");
  const parts = [{ text: "", token: 6 }, { text: "a" }, { text: "", token: 7 }, { text: "b" }].map((event) => splitter.split(event));
  assert.deepEqual(parts.map(({ thought }) => thought).join(""), "a");
  assert.deepEqual(parts.map(({ text }) => text).join(""), "b");
});

test("an answer's shapes have the thought apart, and no word of it where there is none", () => {
  const shape = new ChatShape("m");
  const result = { finishReason: "stop", nPrompt: 1, nCompletion: 2, nCached: 0, nDrafted: 0, nAccepted: 0 };
  const message = (events) => shape.whole(events, result).choices[0].message;
  const delta = (event) => shape.part(event).choices[0].delta;
  const events = [{ thought: "a", text: "" }, { thought: "b", text: "c" }, { thought: "", text: "d" }];
  assert.deepEqual(message(events), { role: "assistant", content: "cd", reasoning_content: "ab" });
  assert.deepEqual(message(events.slice(2)), { role: "assistant", content: "d" });
  assert.deepEqual(events.map(delta), [{ reasoning_content: "a" }, { reasoning_content: "b", content: "c" }, { content: "d" }]);
});
