// run.mjs: does another processor give the same bits? `make test-isa` runs answer.mjs in this machine's Node, in the
// same without AVX and FMA, and in an ARM64 one (build/isa/node) that qemu emulates, and compares all that comes out.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("../..", import.meta.url)));

const NO_AVX = ["--no-enable-avx", "--no-enable-avx2", "--no-enable-fma3"];
const RUN_MS = 600_000;

// Each engine's command, and the level that it must end at when it may choose: V8's baseline compiler spoils the
// relaxed dot where AVX is missing, so the self-test must refuse it there, and accept it from the optimising compiler. Which
// of the two relaxed dots is the faster one is for a clock to say.
const ENGINES = [
  { name: "x64", command: [process.execPath], best: "relaxed" },
  { name: "x64 without AVX and FMA", command: [process.execPath, ...NO_AVX], best: "simd128" },
  { name: "the same, optimised code only", command: [process.execPath, ...NO_AVX, "--no-liftoff"], best: "relaxed" },
  { name: "ARM64", command: ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", "build/isa/node"], best: "relaxed",
    note: " (emulated: a minute or two)" },
];

const runs = ENGINES.flatMap(({ best, ...engine }) => [
  { ...engine, args: [], expectedLevel: best },
  { ...engine, args: ["simd128"], expectedLevel: "simd128" },
  ...(best === "relaxed" ? ["relaxed", "dot"] : []).map((level) => ({ ...engine, args: [level], expectedLevel: level })),
]);

function answerOf({ command: [program, ...options], args }) {
  const output = execFileSync(program, [...options, "tests/isa/answer.mjs", ...args],
    { encoding: "utf8", timeout: RUN_MS, stdio: ["ignore", "pipe", "inherit"] });
  return JSON.parse(output);
}

// What is wrong with a run's answer, in words; nothing when it is right.
function faults(answer, { args, expectedLevel }, reference) {
  const differing = ["prompt", "answer", "text"].filter((key) => answer[key] !== reference[key]);
  const isLevel = answer.level === expectedLevel || (answer.level === "dot" && args.length === 0 && expectedLevel === "relaxed");
  return [...differing.map((key) => `${key} differs`), ...(isLevel ? [] : [`not ${expectedLevel}`])].join(", ");
}

const row = (...cells) => console.log(cells.map((cell, i) => cell.padEnd([30, 8, 17, 17, 0][i])).join(" ").trimEnd());

const answers = runs.map((run, i) => {
  const { name, args: [level = "its best level"], note = "" } = run;
  console.error(`${i + 1} of ${runs.length}: ${name}, ${level}${note} ...`);
  return answerOf(run);
});

row("engine", "level", "prompt's logits", "answer's logprobs", "");
const verdicts = answers.map((answer, i) => {
  const found = faults(answer, runs[i], answers[0]);
  row(runs[i].name, answer.level, answer.prompt, answer.answer, found || "same");
  return found;
});
for (const text of new Set(answers.map((answer) => answer.text))) console.log(`text: ${JSON.stringify(text)}`);

const nFailed = verdicts.filter((found) => found !== "").length;
console.log(`${runs.length - nFailed} passed, ${nFailed} failed`);
process.exitCode = nFailed ? 1 : 0;
