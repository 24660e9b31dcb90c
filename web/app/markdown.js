// A model's Markdown -> DOM. The words are a stranger's: raw HTML is shown as text, what remains goes through
// DOMPurify with a short list of tags, and pictures become links, so that nothing is ever fetched.

import { Marked } from "./vendor/marked.esm.js";
import DOMPurify from "./vendor/purify.es.mjs";

const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escapeHtml = (text) => text.replace(/[&<>"]/g, (character) => escapes[character]);

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => escapeHtml(text),
    image: ({ href, text }) => `<a href="${escapeHtml(href)}">${escapeHtml(text || href)}</a>`,
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
});

const PURIFY = {
  ALLOWED_TAGS: ["a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol",
    "p", "pre", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"],
  ALLOWED_ATTR: ["align", "href", "start", "title"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  RETURN_DOM_FRAGMENT: true,
};

/** Keeps an element equal to a growing text: only the blocks that changed are made again, so that a selection or
 * a copy button in a finished block stays. */
export class MarkdownView {
  #element;
  #blocks = []; // {raw, node} of each top-level block shown

  constructor(element) {
    this.#element = element;
  }

  update(text) {
    const tokens = marked.lexer(text).filter((token) => token.type !== "space");
    let same = 0;
    while (same < this.#blocks.length && this.#blocks[same].raw === tokens[same]?.raw) same++;
    for (const { node } of this.#blocks.splice(same)) node.remove();
    for (const token of tokens.slice(same)) {
      const node = renderBlock(token);
      this.#blocks.push({ raw: token.raw, node });
      this.#element.append(node);
    }
  }
}

function renderBlock(token) {
  const node = document.createElement("div");
  node.className = "block";
  node.append(token.type === "code" ? codeBlock(token) : DOMPurify.sanitize(marked.parser([token]), PURIFY));
  for (const link of node.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer";
  }
  for (const pre of node.querySelectorAll("pre")) if (!pre.closest(".code")) pre.replaceWith(nestedCode(pre));
  for (const table of node.querySelectorAll("table")) scrollable(table);
  return node;
}

function codeBlock({ text, lang }) {
  return codeFigure(text, /^[\w+#.-]+/.exec(lang ?? "")?.[0] ?? "");
}

/** Code inside a list or a quotation, where marked has rendered it already. */
function nestedCode(pre) {
  return codeFigure(pre.textContent.replace(/\n$/, ""), "");
}

function codeFigure(text, language) {
  const figure = document.createElement("div");
  figure.className = "code";
  const head = document.createElement("div");
  head.className = "code-head";
  const name = document.createElement("span");
  name.textContent = language;
  head.append(name, copyButton("Copy code", () => text));
  const pre = document.createElement("pre");
  pre.tabIndex = 0; // a keyboard can scroll it
  const code = document.createElement("code");
  code.textContent = text;
  pre.append(code);
  figure.append(head, pre);
  return figure;
}

function scrollable(table) {
  const frame = document.createElement("div");
  frame.className = "table-frame";
  frame.tabIndex = 0;
  table.replaceWith(frame);
  frame.append(table);
}

/** A button that copies what getText() returns, and says that it did. */
export function copyButton(label, getText) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(getText());
      button.textContent = "Copied";
    } catch {
      button.textContent = "The browser refused"; // no permission: selecting by hand still works
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  });
  return button;
}
