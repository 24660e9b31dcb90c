// cli.test.mjs: the command line: what goes where, exit codes, and the machine modes' format (that of shared oracle and
// speed programs of llama.cpp, whose numbers the fidelity tests compare).
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { writeTiny } from "../../models/make-tiny.mjs";
import { MODEL_PATH, PACKAGE, run } from "./support.mjs";

const SOTTO = fileURLToPath(new URL("bin/sotto.mjs", PACKAGE));

const sotto = (args, options) => run([process.execPath, SOTTO, ...args], options);

function lines(text) {
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

test("help is on standard output, wrong usage on standard error with code 2", async () => {
  for (const args of [["--help"], ["help"], ["run", "--help"], ["bench", "-h"]]) {
    const { code, stdout, stderr } = await sotto(args);
    assert.deepEqual([code, stderr], [0, ""], args.join(" "));
    assert.match(stdout, /^usage: sotto/);
  }
  const wrong = [[], ["fly"], ["run"], ["run", MODEL_PATH, "extra", "-p", "x"], ["run", MODEL_PATH, "--hot"],
    ["bench", MODEL_PATH, "--runs", "many"], ["run", "no-such-model", "-p", "x"]];
  for (const args of wrong) {
    const { code, stdout, stderr } = await sotto(args);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.ok(stderr.length > 0);
  }
});

test("run prints the answer alone", async () => {
  const args = ["run", MODEL_PATH, "-p", "Name the capital of France.", "--temperature", "0", "-n", "30"];
  const { code, stdout, stderr } = await sotto(args);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^[^\n]*Paris[^\n]*\n$/);
});

test("run reads the prompt from a pipe, and --raw goes on with it", async () => {
  const args = ["run", MODEL_PATH, "--raw", "--temperature", "0", "-n", "4"];
  const { code, stdout } = await sotto(args, { input: "1 2 3 4 5 6" });
  assert.equal(code, 0);
  assert.match(stdout, /^ 7 /);
});

test("a file that is no model ends with code 1 and the error's code", async () => {
  const { code, stdout, stderr } = await sotto(["run", SOTTO, "-p", "x"]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /NOT_GGUF/);
});

test("chat answers each line", async () => {
  const args = ["chat", MODEL_PATH, "--temperature", "0", "-n", "5"];
  const { code, stdout, stderr } = await sotto(args, { input: "Hello\n\nBye\n" });
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(stdout.trimEnd().split("\n").length, 2);
});

test("info reads the header alone", async () => {
  const { code, stdout } = await sotto(["info", MODEL_PATH]);
  assert.equal(code, 0);
  assert.match(stdout, /llama, 98\.4 MB, 272 tensors/);
  assert.match(stdout, /^types +Q8_0 31\.1 % \(1\), F32 0\.1 % \(61\), Q4_1 68\.7 % \(210\)$/m);
  assert.match(stdout, /^tokenizer +gpt2 \(smollm\), 49152 tokens\ntemplate +in the file\ncontext +8192$/m);
  assert.match(stdout, /^memory +\d+\.\d MB with a context of 4096$/m);
  assert.match(stdout, /^llama\.embedding_length +576$/m);
  assert.match(stdout, /^tokenizer\.ggml\.tokens +49152 x string$/m);
});

test("render prints what the template makes, and no newline", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sotto-"));
  const template = join(folder, "template.jinja");
  await writeFile(template, "{{ messages[0].content }} {{ n }} {{ d | tojson }} {{ strftime_now('%d %b %Y %H:%M') }}\n");
  const input = '{"messages": [{"content": "é"}], "n": 1.0, "d": {"10": 12345678901234567890, "2": null}}';
  const args = ["render", template, "--now", "2026-01-02T03:04:05"];
  const { code, stdout, stderr } = await sotto(args, { input });
  assert.deepEqual([code, stdout, stderr], [0, 'é 1.0 {"10": 12345678901234567890, "2": null} 02 Jan 2026 03:04', ""]);
  await writeFile(template, "{{ messages | pprint }}");
  const refused = await sotto(args, { input });
  assert.deepEqual([refused.code, refused.stdout], [1, ""]);
  assert.match(refused.stderr, /the filter "pprint".*TEMPLATE_ERROR/);
  const wrong = [[["render", template], "{"], [["render", template], "[1]"], [["render", template, "--now", "today"], input],
    [["render", join(folder, "none")], input], [["render"], input]];
  for (const [bad, json] of wrong) {
    const { code: status, stdout: printed } = await sotto(bad, { input: json });
    assert.deepEqual([status, printed], [2, ""], bad.join(" "));
  }
  await rm(folder, { recursive: true });
});

test("tokens", async () => {
  const input = '"Hello world"\n\n"<|im_end|>"\n"\\u00e9\\ud83d\\ude42"\n""\n';
  const plain = await sotto(["tokens", MODEL_PATH], { input });
  assert.equal(plain.code, 0);
  assert.match(plain.stdout, /^\{"ids":\[19556,905\]\}\n/);
  assert.ok(lines(plain.stdout)[1].ids.length > 1);
  assert.deepEqual(lines(plain.stdout)[3], { ids: [] });
  const special = await sotto(["tokens", MODEL_PATH, "--special", "--bos"], { input });
  assert.deepEqual(lines(special.stdout)[1], { ids: [2] });
});

test("only a newline ends a request", async () => {
  const { code, stdout } = await sotto(["tokens", MODEL_PATH], { input: '"a\u2028b\u2029c"\r\n"the last one"' });
  assert.equal(code, 0);
  assert.equal(lines(stdout).length, 2);
});

test("logits of the last position and of all, and raw in a file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sotto-"));
  const full = join(folder, "full.f32");
  const input = "[504,3575,282]\n";
  const last = await sotto(["logits", MODEL_PATH, "--top", "3"], { input });
  const args = ["logits", MODEL_PATH, "--positions", "--top", "3", "--full", full, "--kv", "f32"];
  const all = await sotto(args, { input });
  assert.equal(last.code + all.code, 0);
  assert.match(last.stdout, /^\{"position":2,"top":\[(,?\[\d+,-\d+\.\d{6}\]){3}\]\}\n$/);
  const rows = lines(all.stdout);
  assert.deepEqual(rows.map(({ position }) => position), [0, 1, 2]);
  assert.deepEqual(rows[2], lines(last.stdout)[0]);
  assert.ok(rows[0].next < 0 && !("next" in rows[2]));
  const { buffer } = new Uint8Array(await readFile(full));
  const logits = new Float32Array(buffer);
  assert.equal(logits.length, 3 * 49152);
  assert.equal(logits.subarray(2 * 49152).indexOf(Math.max(...logits.subarray(2 * 49152))), rows[2].top[0][0]);
  await rm(folder, { recursive: true });
});

test("greedy", async () => {
  const { code, stdout } = await sotto(["greedy", MODEL_PATH, "4"], { input: "[504,3575,282]\n[19556]\n" });
  assert.equal(code, 0);
  const [first, second] = lines(stdout);
  assert.deepEqual([first.ids.length, first.logprobs.length, second.ids.length], [4, 4, 4]);
  const logits = await sotto(["logits", MODEL_PATH, "--top", "1"], { input: "[504,3575,282]\n" });
  assert.deepEqual(lines(logits.stdout)[0].top[0], [first.ids[0], first.logprobs[0]]);
});

test("requests that are wrong", async () => {
  assert.equal((await sotto(["tokens", MODEL_PATH], { input: "Hello\n" })).code, 2);
  assert.match((await sotto(["logits", MODEL_PATH], { input: "[49152]\n" })).stderr, /INVALID_ARGUMENT/);
  const embed = await sotto(["embed", MODEL_PATH], { input: "[1]\n" });
  assert.match(embed.stderr, /NO_POOLING/);
});

test("bench prints what speed prints", async () => {
  const plan = "--threads 2 --prompt 16 --new 2 --depth 8 --runs 1 --json".split(" ");
  const { code, stdout } = await sotto(["bench", MODEL_PATH, ...plan]);
  assert.equal(code, 0);
  const number = "\\d+(\\.\\d)?";
  const spread = `\\{"median":${number},"min":${number},"max":${number}\\}`;
  assert.match(stdout, new RegExp(`^\\{"threads":2,"load_ms":\\d+,"prefill":${spread},"decode":${spread}\\}\\n$`));
});

test("bench takes tokens that a small vocabulary has", async () => {
  const tiny = writeTiny(fileURLToPath(new URL("../../build/tiny", import.meta.url)), "llama");
  assert.equal((await sotto(["bench", tiny, ..."--prompt 40 --new 2 --runs 1".split(" ")])).code, 0);
});

test("a reader that leaves early is no error", async () => {
  const input = '"x"\n'.repeat(20000);
  const { code, stderr } = await sotto(["tokens", MODEL_PATH], { input, onOutput: (child) => child.stdout.destroy() });
  assert.deepEqual([code, stderr], [0, ""]);
});

test("an interrupt ends an answer with code 130", async () => {
  let isSent = false;
  const onOutput = (child) => {
    if (!isSent) child.kill("SIGINT");
    isSent = true;
  };
  const args = ["run", MODEL_PATH, "--raw", "-p", "1 2 3 4", "--temperature", "0"];
  const { code, stderr } = await sotto(args, { onOutput });
  assert.deepEqual([code, stderr], [130, ""]);
});
