// emscripten.test.mjs: libsotto.a as an application sees it: its names, the example as its README builds it, which must
// answer in the words of the npm package; relaxed SIMD, -pthread and C++.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { MODEL_PATH, PACKAGE } from "./support.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BUILD = join(ROOT, "build/emscripten");
const ARCHIVES = ["libsotto.a", "libsotto-relaxed.a"];
const QUESTION = "Why is the sky blue?";
const skip = !existsSync(join(BUILD, "libsotto.a")) && 'run "make emscripten" first';

const PATH = [join(BUILD, "bin"), process.env.PATH].join(delimiter);
const run = (command, ...args) =>
  promisify(execFile)(command, args, { cwd: ROOT, env: { ...process.env, PATH }, maxBuffer: 1 << 26 });
const node = async (...args) => (await run(process.execPath, ...args)).stdout;

let folder; // for programs; below the build folder, whose package.json says that they are CommonJS
before(async () => { if (!skip) folder = await mkdtemp(join(BUILD, "test-")); });
after(async () => { if (!skip) await rm(folder, { recursive: true }); });

// The command that the README shows, with its last words and other parts replaced.
async function buildExample(program, replacements = []) {
  const [command] = /^emcc [^`]*?answer\.js$/m.exec(await readFile(join(ROOT, "examples/README.md"), "utf8"));
  const replaced = [["build/emscripten/answer.js", program], ...replacements].reduce((text, [from, to]) => {
    assert.ok(text.includes(from), `the README's command has ${from}`);
    return text.replace(from, to);
  }, command);
  await run("sh", "-c", replaced);
}

test("the archives define the functions of sotto.h and no other global names", { skip }, async () => {
  const exported = (await readFile(join(ROOT, "wasm/exports.txt"), "utf8")).match(/^sotto_\w+$/gm);
  for (const archive of ARCHIVES) {
    const { stdout } = await run("emnm", "--extern-only", "--defined-only", join(BUILD, archive));
    const names = [...stdout.matchAll(/^[0-9a-f]+ \w (\S+)$/gm)].map(([, name]) => name);
    assert.deepEqual(names.toSorted(), exported.toSorted());
  }
});

test("the README's command builds a program that answers in the words of the npm package", { skip }, async () => {
  const program = join(folder, "answer.js");
  await buildExample(program);
  const prompt = `<|im_start|>user\n${QUESTION}<|im_end|>\n<|im_start|>assistant\n`;
  const sotto = fileURLToPath(new URL("bin/sotto.mjs", PACKAGE));
  const expected = await node(sotto, "run", MODEL_PATH, "--raw", "--temperature", "0", "-n", "200", "-p", prompt);
  assert.match(expected, /blue/);
  assert.equal(await node(program, MODEL_PATH, QUESTION), expected);

  const broken = run(process.execPath, program, "LICENSE", QUESTION);
  await assert.rejects(broken, ({ code, stderr }) => code === 1 && /NOT_GGUF/.test(stderr));
});

// A linker refuses -pthread for objects without atomics, but not once they have been merged into one.
test("the archives have atomics, for -pthread", { skip }, async () => {
  for (const archive of ARCHIVES) assert.ok((await readFile(join(BUILD, archive))).includes("+\x07atomics"), archive);
});

test("relaxed SIMD and -pthread answer in the same words", { skip }, async () => {
  const variants = {
    plain: [],
    relaxed: [["libsotto.a", "libsotto-relaxed.a"]],
    threads: [["-sALLOW_MEMORY_GROWTH", "-pthread -sINITIAL_MEMORY=512MB"]],
  };
  const answers = [];
  for (const [name, replacements] of Object.entries(variants)) {
    const program = join(folder, `${name}.js`);
    await buildExample(program, [["-O3", "-O1"], ...replacements]);
    answers.push(await node(program, MODEL_PATH, "What is the capital of France?"));
  }
  assert.match(answers[0], /Paris/);
  assert.deepEqual(answers, Array(3).fill(answers[0]));
});

test("C++ reads the header and may use the engine's inner names", { skip }, async () => {
  const source = join(folder, "version.cpp");
  const program = join(folder, "version.js");
  await writeFile(source, `#include "sotto.h"\n#include <cstdio>
    extern "C" bool arena_measures(const void *) { return false; } // the engine has one of this type
    int main() { std::puts(sotto_version()); return arena_measures(nullptr); }\n`);
  const strict = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];
  const archive = join(BUILD, "libsotto.a");
  await run("emcc", ...strict, `-I${BUILD}`, source, archive, "-sWASM_BIGINT", "-o", program);
  const { SOTTO_VERSION } = await import(new URL("abi.js", PACKAGE));
  assert.equal(await node(program), `${SOTTO_VERSION}\n`);
});
