// package.test.mjs: the assembled package: complete, typed, and fit for strict pages and no bundler.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { readme } from "../../models/supported.mjs";
import { PACKAGE } from "./support.mjs";

const FOLDER = fileURLToPath(PACKAGE);
const read = (name) => readFileSync(join(FOLDER, name), "utf8");
const files = readdirSync(FOLDER, { recursive: true }).map((name) => name.replaceAll("\\", "/"));
const sources = files.filter((name) => name.endsWith(".js"));
const manifest = JSON.parse(read("package.json"));
const abi = await import(new URL("abi.js", PACKAGE));
const api = await import(new URL("index.js", PACKAGE));

test("every file that package.json names is there", () => {
  const named = [manifest.types, ...Object.values(manifest.bin), "index.js", "index.d.ts"];
  const exported = JSON.stringify(manifest.exports).match(/\.\/[\w-]+(\.[\w-]+)+/g);
  for (const name of [...named, ...exported]) assert.ok(existsSync(join(FOLDER, name)), name);
});

test("the version is the engine's", () => {
  assert.equal(manifest.version, abi.SOTTO_VERSION);
});

test("README names the types and families that the engine has: else run make readme", () => {
  const { now, wanted } = readme();
  assert.equal(now, wanted);
});

test("imports are relative files that are there: no bundler is needed", () => {
  for (const name of sources) {
    for (const [, specifier] of read(name).matchAll(/^(?:import|export)\b[^"';]*from\s*["']([^"']+)["']/gm)) {
      assert.match(specifier, /^\.\//, `${name} imports ${specifier}`);
      assert.ok(existsSync(new URL(specifier, new URL(name, PACKAGE))), `${name} imports ${specifier}`);
    }
  }
});

test("nothing that a strict content security policy forbids", () => {
  for (const name of sources) {
    assert.doesNotMatch(read(name), /\beval\s*\(|new Function\b|createObjectURL|https?:\/\/\S*\.js\b/, name);
  }
});

test("each module is small, imports its memory alone, and exports what exports.txt lists", () => {
  const modules = files.filter((name) => name.endsWith(".wasm"));
  const listed = readFileSync(new URL("../../wasm/exports.txt", import.meta.url), "utf8").trim().split("\n");
  assert.deepEqual(listed, listed.toSorted());
  const kinds = ["relaxed-single", "relaxed-threads", "simd128-single", "simd128-threads"];
  assert.deepEqual(modules.toSorted(), kinds.map((kind) => `sotto-${kind}.wasm`));
  for (const name of modules) {
    const bytes = readFileSync(join(FOLDER, name));
    const module = new WebAssembly.Module(bytes);
    assert.deepEqual(WebAssembly.Module.imports(module), [{ module: "env", name: "memory", kind: "memory" }]);
    assert.deepEqual(WebAssembly.Module.exports(module).map((entry) => entry.name).toSorted(), listed);
    assert.ok(bytes.length < 400_000, `${name} has ${bytes.length} bytes`);
  }
});

test("the types name what the module exports", () => {
  const exported = [...read("index.d.ts").matchAll(/^export (?:function|class|const) (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(exported.toSorted(), Object.keys(api).toSorted());
});

test("the types name every error code", () => {
  const [, union] = /export type ErrorCode =([^;]+);/.exec(read("index.d.ts"));
  const typed = [...union.matchAll(/"(\w+)"/g)].map(([, code]) => code);
  const [, table] = /const JS_TEXT = \{([^}]+)\}/.exec(read("errors.js"));
  const ours = [...table.matchAll(/^ {2}(\w+):/gm)].map(([, code]) => code);
  const engines = Object.keys(abi.STATUS).filter((code) => code !== "OK");
  assert.deepEqual(typed.toSorted(), [...ours, ...engines].toSorted());
});

test("every way out is a sentence", () => {
  for (const code of Object.keys(abi.STATUS)) assert.ok(new api.SottoError(code).message.length > 8, code);
  for (const [, code] of read("errors.js").matchAll(/^ {2}([A-Z_]+): "/gm)) {
    assert.ok(new api.SottoError(code).message.length > 20, code);
  }
});

test("the types are strict, and refuse what is wrong", () => {
  const tsc = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));
  execFileSync(process.execPath, [tsc, "-p", fileURLToPath(new URL("../types", import.meta.url))], { stdio: "pipe" });
});

test("the features that Node has are found", () => {
  assert.deepEqual(api.features(), { simd128: true, relaxed: true, threads: true });
});
