// template.test.mjs: chat templates give what Python's jinja2 gives, construct by construct (tests/golden/templates.vec), or
// say that they cannot; and the values that JSON and JavaScript bring.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseJson } from "../../build/sotto/json.js";
import { Template, pythonValue } from "../../build/sotto/template.js";

const read = (name) => readFileSync(new URL(name, import.meta.url), "utf8");
const variables = parseJson(read("../templates/variables.json"));
const golden = read("../golden/templates.vec").trimEnd().split("\n").map((line) => JSON.parse(line));
const now = new Date("2026-01-02T03:04:05");

const render = (source, values = variables) => new Template(source).render(values, { now });

for (const [source, text, message] of golden) {
  test(JSON.stringify(source), () => {
    if (text !== null) return assert.equal(render(source), text);
    const kind = message === undefined ? "failed" : "raised";
    return assert.throws(() => render(source), (error) => error.code === "TEMPLATE_ERROR" &&
      (error.cause.kind === kind || (kind === "failed" && error.cause.kind === "unsupported")) &&
      (message === undefined || error.cause.message === message));
  });
}

test("what Sotto does not know is refused by name, never rendered in another way", () => {
  const refused = {
    "{{ dict.items }}": /the text of a Callable/,
    "{{ list | map('string') }}": /the text of a Generator/,
    "{{ {true: 1} }}": /the key True/,
    "{{ 'a' | truncate(3) }}": /the filter "truncate"/,
    "{{ name.swapcase() }}": /the method swapcase of str/,
    "{{ (name | safe).replace('a', 'b') }}": /the method replace of text that is marked as safe/,
    "{{ '%5d' % 3 }}": /the directive %5/,
    "{{ '{:>5}'.format(3) }}": /the field \{:>5\}/,
    "{{ strftime_now('%U') }}": /%U in strftime_now/,
    "{{ name.__class__ }}": /the attribute __class__ of str/,
    "{{ range(*list) }}": /"\*" before an argument/,
    "{{ 2 ** 99999 }}": /the number 2 \*\* 99999/,
    "{{ 'a' * 99999999 }}": /repeated 99999999 times/,
    "{{ 'ßa'.title() }}": /the title case of ß/,
    "\n{% block x %}{% endblock %}": /in line 2: it uses the statement \{% block %\}/,
  };
  for (const [source, message] of Object.entries(refused)) {
    assert.throws(() => render(source), { code: "TEMPLATE_ERROR", message }, source);
    assert.throws(() => render(source), ({ cause }) => cause.kind === "unsupported", source);
  }
});

test("a template that does not end is stopped", () => {
  const endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% set c = a %}{% endfor %}";
  assert.throws(() => render(endless), { code: "TEMPLATE_ERROR", message: /more than 5000000 steps/ });
  assert.throws(() => render("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"), { code: "TEMPLATE_ERROR" });
  assert.throws(() => render("(".repeat(10) + "{{" + "(".repeat(1e5)), { code: "TEMPLATE_ERROR" });
});

test("errors tell the line", () => {
  assert.throws(() => render("a\n\n{% if one %}\n{{ missing.x }}{% endif %}"), /in line 4: "missing" is not defined/);
  assert.throws(() => render("a\n{% if one %}\n"), /in line 2/);
});

test("JSON as Python reads it", () => {
  const json = '{"10": 1.0, "2": 12345678901234567890123, "a": [-0, -0.0, 1e3, true, null, NaN, "\\u00e9\\n"], "10": 2}';
  const value = parseJson(json);
  assert.equal(render("{{ v }}", new Map([["v", value]])),
    "{'10': 2, '2': 12345678901234567890123, 'a': [0, -0.0, 1000.0, True, None, nan, 'é\\n']}");
  for (const wrong of ["", "{", "[1,]", "{a: 1}", "01", "1.", '"\n"', "[1] 2", "'a'", "+1", '{"a" 1}']) {
    assert.throws(() => parseJson(wrong), SyntaxError, wrong);
  }
});

test("values of JavaScript", () => {
  const values = pythonValue({ a: 1, b: 1.5, c: [null, undefined, true], d: { e: "x", f: undefined } });
  assert.equal(render("{{ a }} {{ b }} {{ c }} {{ d }}", values), "1 1.5 [None, None, True] {'e': 'x'}");
});
