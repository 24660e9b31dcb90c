// make-templates.mjs: writes templates.vec, the constructs of tests/templates as Python's jinja2 renders them
// (`make golden-templates`, which calls this with a Python below build/ that has jinja2).
// A JSON value a line: [template, text], or [template, null, message] where the template raises and [template, null] where
// Python fails.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CONSTRUCTS } from "../templates/constructs.mjs";

const variables = readFileSync(new URL("../templates/variables.json", import.meta.url), "utf8");
const templates = Object.fromEntries(CONSTRUCTS.map((source, i) => [`${i}.`, source]));
const input = `{"now": "2026-01-02T03:04:05", "templates": ${JSON.stringify(templates)}, "conversations": {"": ${variables}}}`;
const reference = fileURLToPath(new URL("../templates/reference.py", import.meta.url));
const { stdout, stderr, status } = spawnSync(process.argv[2], [reference], { input, encoding: "utf8", maxBuffer: 2 ** 26 });
if (status !== 0) throw new Error(`${process.argv[2]} failed: ${stderr}`);

const lines = stdout.trimEnd().split("\n").map((line) => {
  const { template, text = null, kind, message } = JSON.parse(line);
  return JSON.stringify([templates[template], text, ...(kind === "raised" ? [message] : [])]);
});
writeFileSync(new URL("templates.vec", import.meta.url), `${lines.join("\n")}\n`);
