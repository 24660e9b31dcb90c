// wasi.test.mjs: the command-line program in WASI runtimes: node:wasi, and wasmtime where one is on the PATH. Its
// answers are byte for byte those of the npm package's program.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { writeTiny } from "../../models/make-tiny.mjs";
import { MODEL_PATH, PACKAGE, run } from "./support.mjs";

const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const PROGRAM = root("build/wasi/sotto.wasm");
const folder = await mkdtemp(join(tmpdir(), "sotto-"));
after(() => rm(folder, { recursive: true }));

const command = (...words) => (args, options) => run([...words, ...args], options);
const npm = command(process.execPath, fileURLToPath(new URL("bin/sotto.mjs", PACKAGE)));
const node = command(process.execPath, "--no-warnings", root("wasm/run-wasi.mjs"), PROGRAM);
const wasmtime = command("wasmtime", "run", `--dir=${dirname(MODEL_PATH)}`, `--dir=${folder}`, PROGRAM);
const hasWasmtime = spawnSync("wasmtime", ["--version"]).status === 0;

// The first bytes of the model as a file of its own.
async function truncated(nBytes) {
  const path = join(folder, `${nBytes}.gguf`);
  const [source, copy] = [await open(MODEL_PATH), await open(path, "w")];
  const { buffer } = await source.read(Buffer.alloc(nBytes), 0, nBytes);
  await copy.write(buffer);
  await Promise.all([source.close(), copy.close()]);
  return path;
}

// A copy of the model with another chat template, of the same length.
async function withTemplate(name, edit) {
  const path = join(folder, `${name}.gguf`);
  const bytes = await readFile(MODEL_PATH);
  const key = "tokenizer.chat_template";
  const begin = bytes.indexOf(key) + key.length + 12; // after the value's type and its length in 8 bytes
  const length = bytes.readUInt32LE(begin - 8);
  const template = edit(bytes.toString("latin1", begin, begin + length));
  assert.equal(template.length, length);
  bytes.write(template, begin, "latin1");
  await writeFile(path, bytes);
  return path;
}

// The model's beginning, with a text behind a key replaced by one of the same length.
async function edited(key, text, by) {
  const path = join(folder, `${by}.gguf`);
  const bytes = (await readFile(MODEL_PATH)).subarray(0, 4 << 20);
  bytes.write(by, bytes.indexOf(text, bytes.indexOf(key) + key.length));
  await writeFile(path, bytes);
  return path;
}

const ofFamily = (name) => edited("general.architecture", "llama", name);
const withPre = (name) => edited("tokenizer.ggml.pre", "smollm", name);

const TEXTS = String.raw`"Hello world"

"<|im_end|>"
 "\u00e9\ud83d\ude42 \"\\\/\b\f\n\r\t" 
"é🙂"
""
"\ud83d half \ude42\u0000\uD83D\u0041"
   `;
const IDS = "[504,3575,282]\n [ 19556 , 2,3,4 ] \n[0]";
const LONG_IDS = JSON.stringify(Array.from({ length: 520 }, (_, i) => 300 + (i * 37) % 4000)); // more than one wave

const FEW_IDS = "[1,5,9]\n[0]\n[3,3,3,3,3,30,31]";
const [bert, scores, decoder, wordy] = ["bert", "bert:labels", "qwen3:last", "llama"].map((name) => writeTiny(folder, name));

const WILD = ["--temperature", "3", "--top-p", "1", "--seed", "5", "-n", "8"]; // one token less of the prompt shows

// What both programs must answer alike: arguments, then standard input.
const ALIKE = [
  [["tokens", MODEL_PATH], TEXTS],
  [["tokens", MODEL_PATH, "--special", "--bos"], TEXTS],
  [["logits", MODEL_PATH], IDS],
  [["logits", MODEL_PATH, "--positions", "--top=3", "--kv", "f16"], IDS],
  [["logits", MODEL_PATH, "--level", "scalar"], "[0]"],
  [["logits", MODEL_PATH, "--top", "0", "--batch", "2"], IDS],
  [["logits", MODEL_PATH, "--positions", "--top", "1"], LONG_IDS],
  [["greedy", MODEL_PATH, "5"], IDS],
  [["embed", bert], FEW_IDS],
  [["embed", scores, "--kv", "int8", "--level", "scalar"], FEW_IDS],
  [["embed", decoder, "--batch", "2"], FEW_IDS],
  [["run", MODEL_PATH, "--raw", "-p", "Once upon a time", "--temperature", "0", "-n", "20"]],
  [["run", MODEL_PATH, "--raw", "--seed", "7", "--top-k", "50", "--top-p", "0.9", "--min-p", "0.01",
    "--repeat-penalty", "1.2", "--max-tokens", "20"], "The sea <|im_end|>\n\n"],
  [["run", MODEL_PATH, "--raw", "-p", "1 2 3", "--temperature", "0", "--ctx", "9"]],
  [["run", MODEL_PATH, "--system", "Be brief.", "-p", "Where is Rome?", ...WILD]],
];

let answers; // of the npm package's program
before(async () => {
  answers = [];
  for (const [args, input] of ALIKE) answers.push(await npm(args, { input }));
});

if (!hasWasmtime) test("wasmtime", { skip: "there is none on the PATH" }, () => {});

for (const [name, sotto] of [["node:wasi", node], ...(hasWasmtime ? [["wasmtime", wasmtime]] : [])]) {
  test(`${name}: help is on standard output, wrong usage on standard error with code 2`, async () => {
    for (const args of [["--help"], ["help"], ["run", "--help"], ["bench", MODEL_PATH, "-h"]]) {
      const { code, stdout, stderr } = await sotto(args);
      assert.deepEqual([code, stderr], [0, ""], args.join(" "));
      assert.match(stdout, /^usage: sotto/);
    }
    const wrong = [[], ["fly"], ["run"], ["greedy", MODEL_PATH], ["run", MODEL_PATH, "extra", "-p", "x"],
      ["run", MODEL_PATH, "--hot"], ["run", MODEL_PATH, "-p"], ["run", MODEL_PATH, "--raw=yes"],
      ["run", MODEL_PATH, "--json"], ["run", MODEL_PATH, "--temperature", "warm"], ["run", MODEL_PATH, "-n", "0"],
      ["run", MODEL_PATH, "--top-k", "1.5"], ["run", MODEL_PATH, "--kv", "f64"],
      ["bench", MODEL_PATH, "--runs", "many"], ["greedy", MODEL_PATH, "x"],
      ["run", join(folder, "none.gguf"), "-p", "x"], ["run", "/nowhere/none.gguf", "-p", "x"]];
    for (const args of wrong) {
      const { code, stdout, stderr } = await sotto(args);
      assert.deepEqual([code, stdout], [2, ""], args.join(" "));
      assert.match(stderr, args.length ? /^sotto: ./ : /^usage/);
    }
  });

  test(`${name}: answers are those of the npm package's program`, async () => {
    for (const [i, [args, input]] of ALIKE.entries()) {
      assert.equal(answers[i].code, 0, answers[i].stderr);
      assert.deepEqual(await sotto(args, { input }), answers[i], args.join(" "));
    }
  });

  test(`${name}: all logits in a file`, async () => {
    const [ours, theirs] = [join(folder, "ours.f32"), join(folder, "theirs.f32")];
    const args = ["logits", MODEL_PATH, "--positions", "--top", "1", "--full"];
    await sotto([...args, ours], { input: IDS });
    await npm([...args, theirs], { input: IDS });
    const bytes = await readFile(ours);
    assert.equal(bytes.length, 8 * 49152 * 4);
    assert.ok(bytes.equals(await readFile(theirs)));
  });

  test(`${name}: info`, async () => {
    const { code, stdout } = await sotto(["info", MODEL_PATH]);
    const lines = (text) => text.split("\n").filter((line) => !/epsilon/.test(line)); // JavaScript has no floats
    assert.equal(code, 0);
    assert.deepEqual(lines(stdout), lines((await npm(["info", MODEL_PATH])).stdout));
    assert.match(stdout, /^llama\.attention\.layer_norm_rms_epsilon +1e-05$/m);
    assert.match(stdout, /^memory +\d+\.\d MB with a context of 4096$/m);
    const options = ["--ctx", "512", "--kv", "f16"];
    for (const path of [MODEL_PATH, await ofFamily("xlama"), await withPre("smoxxm")]) {
      assert.deepEqual(lines((await sotto(["info", path, ...options])).stdout), lines((await npm(["info", path, ...options])).stdout));
    }
    assert.match((await sotto(["info", await ofFamily("xlama")])).stdout, /^unsupported .*'xlama'.*\[UNSUPPORTED_ARCHITECTURE\]$/m);
  });

  test(`${name}: run answers a question alone`, async () => {
    const args = ["run", MODEL_PATH, "-p", "Name the capital of France.", "--temperature", "0", "-n", "30"];
    const { code, stdout, stderr } = await sotto(args);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^[^\n]*Paris[^\n]*\n$/);
  });

  test(`${name}: run writes Gemma's turns, and says when it knows no form`, async () => {
    const unknown = (template) => template.replaceAll("im_start", "im_begun");
    const gemma = (template) => unknown(template).replace(/^.{15}/, "<start_of_turn>");
    const turns = "<start_of_turn>user\nBe brief.\n\nHello<end_of_turn>\n<start_of_turn>model\n";
    const cases = [[await withTemplate("unknown", unknown), "Hello", /^sotto: the file has no chat template of .*\n$/],
      [await withTemplate("gemma", gemma), turns, /^$/]];
    for (const [path, written, note] of cases) {
      const { stdout, stderr } = await sotto(["run", path, "-p", "Hello", "--system", "Be brief.", ...WILD]);
      assert.equal(stdout, (await sotto(["run", path, "-p", written, "--raw", ...WILD])).stdout);
      assert.match(stderr, note);
    }
  });

  test(`${name}: bench prints what speed prints`, async () => {
    const plan = "--prompt 16 --new 2 --depth 8 --runs 2".split(" ");
    const spread = '\\{"median":\\d+\\.\\d,"min":\\d+\\.\\d,"max":\\d+\\.\\d\\}';
    const { stdout } = await sotto(["bench", MODEL_PATH, ...plan, "--json"]);
    assert.match(stdout, new RegExp(`^\\{"threads":1,"load_ms":\\d+,"prefill":${spread},"decode":${spread}\\}\\n$`));
    const { prefill, decode } = JSON.parse(stdout);
    for (const { median, min, max } of [prefill, decode]) assert.ok(0 < min && min <= median && median <= max);
    const words = await sotto(["bench", MODEL_PATH, ...plan]);
    assert.match(words.stdout, /^loaded in .*\nprefill of 16 .*\ndecode of 2 .*\n$/);
  });

  test(`${name}: files that are no model, or not all of one`, async () => {
    const paper = join(folder, "paper.gguf");
    await writeFile(paper, "%PDF-1.7\n".repeat(10));
    const short = await Promise.all([0, 1000, 1.5e6, 50e6].map(truncated));
    for (const [path, reason] of [[paper, "NOT_GGUF"], ...short.map((file) => [file, "TRUNCATED"])]) {
      const { code, stdout, stderr } = await sotto(["run", path, "-p", "x"]);
      assert.deepEqual([code, stdout], [1, ""], path);
      assert.match(stderr, new RegExp(`^sotto: [^\\n]* \\[${reason}\\]\\n$`));
    }
  });

  test(`${name}: requests that are wrong`, async () => {
    const notTexts = ["Hello", '"a', '"a" b', '"\\x"', '"\\u12g4"', '"a\tb"', "[1]", '"\\'];
    const notIds = ["[", "[1", "[1,]", "[1 2]", "[01]", "[1.5]", "[99999999999]", "[-]", "[1]]", '"1"'];
    for (const [command, inputs] of [["tokens", notTexts], ["logits", notIds]]) {
      for (const input of inputs) {
        const { code, stdout, stderr } = await sotto([command, MODEL_PATH], { input });
        assert.deepEqual([code, stdout], [2, ""], input);
        assert.match(stderr, /^sotto: line 1 of standard input is not a JSON .*: byte \d+ is wrong\n$/);
      }
    }
    const embed = await sotto(["embed", wordy], { input: "[1]" });
    assert.equal(embed.code, 1);
    assert.match(embed.stderr, /^sotto: .* \[NO_POOLING\]\n$/);
    const refused = [["[49152]", "INVALID_ARGUMENT"], ["[-1]", "INVALID_ARGUMENT"], ["[]", "INVALID_ARGUMENT"],
      [JSON.stringify(Array(8193).fill(1)), "CONTEXT_FULL"]];
    for (const [input, reason] of refused) {
      const { code, stderr } = await sotto(["logits", MODEL_PATH, "--positions"], { input });
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`\\[${reason}\\]\\n$`));
    }
  });
}

test("node:wasi: a reader that leaves early is no error", async () => { // wasmtime does not tell it from others
  const leave = ({ stdout }) => stdout.destroy();
  const leaveUnread = ({ stdout }) => {
    stdout.pause();
    setTimeout(() => stdout.destroy(), 100);
  };
  for (const onOutput of [leave, leaveUnread]) {
    const { code, stderr } = await node(["tokens", MODEL_PATH], { input: '"x"\n'.repeat(20000), onOutput });
    assert.deepEqual([code, stderr], [0, ""]);
  }
});
