// template.js: chat templates: Jinja programs inside model files. They see Python's values and find Python's methods,
// so that is what they get here (template-values.js); what Sotto does not know is refused, never rendered differently.
import { SottoError } from "./errors.js";
import { parse } from "./template-parser.js";
import { run } from "./template-run.js";
import { TemplateFailure } from "./template-values.js";

/** What a file without a template gets. */
export const CHATML = "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n" +
  "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

export class Template {
  #body;

  /** @throws SottoError TEMPLATE_ERROR, when the source is no template or uses what Sotto does not know */
  constructor(source) {
    this.#body = typed(() => parse(source));
  }

  /** The text for `variables`, a Map of Python values (pythonValue()); `now` is what strftime_now() tells. */
  render(variables, { now = new Date() } = {}) {
    return typed(() => run(this.#body, variables, now));
  }
}

/** A JSON-like value as templates see it. JavaScript has one kind of number: a whole one is an int. Maps are ready. */
export function pythonValue(value) {
  if (value instanceof Map) return value;
  if (Array.isArray(value)) return value.map((item) => pythonValue(item ?? null));
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return new Map(entries.map(([key, item]) => [key, pythonValue(item)]));
}

function typed(work) {
  try {
    return work();
  } catch (cause) {
    throw new SottoError("TEMPLATE_ERROR", describe(cause), cause);
  }
}

function describe(cause) {
  if (cause.kind === "raised") return `the chat template refuses these messages: ${cause.message}`;
  if (cause instanceof RangeError) return `the chat template needs more than there is: ${cause.message}`;
  const place = cause instanceof TemplateFailure && cause.line ? ` in line ${cause.line}` : "";
  return `the chat template fails${place}: ${cause.message}`;
}
