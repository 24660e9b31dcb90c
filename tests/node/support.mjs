// support.mjs: what the tests of the package share: its folder and the real model.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

export const PACKAGE = new URL("../../build/sotto/", import.meta.url);

const path = fileURLToPath(new URL("../../models/cache/SmolLM2-135M-Instruct.Q4_1.gguf", import.meta.url));
if (!existsSync(path)) throw new Error(`${path} is missing: run "make model" first`);

export const MODEL_PATH = path;
export const MODEL_URL = pathToFileURL(path).href;

// The answer's tokens lead by a wide margin, 1.0 in log-probability: no rounding of activations changes them.
export const QUESTION = { messages: [{ role: "user", content: "Name the capital of France." }] };

/** Collects a streamed answer: { text, chunks }. */
export async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const text = chunks.map(({ choices: [choice] }) => choice.text ?? choice.delta.content ?? "").join("");
  return { text, chunks };
}

/** Runs a command to its end: { code, stdout, stderr }. onOutput(child) hears of standard output as it comes. */
export function run([program, ...args], { input = "", onOutput = () => {} } = {}) {
  const child = spawn(program, args);
  const result = { stdout: "", stderr: "" };
  child.stdout.on("data", (data) => {
    result.stdout += data;
    onOutput(child);
  });
  child.stderr.on("data", (data) => { result.stderr += data; });
  child.stdin.on("error", () => {}); // of a command that does not read
  child.stdin.end(input);
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, ...result })));
}
