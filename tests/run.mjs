// run.mjs: runs the parts of the test suite and adds them up. usage: node tests/run.mjs [c] [types] [node] [browser]
// Every part's own output is shown; the closing line counts single tests.
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const node = "node_modules/.bin/node";
const list = (folder, pattern) => readdirSync(folder).filter((name) => pattern.test(name)).map((name) => `${folder}/${name}`);

const parts = {
  c: () => list("tests", /^test_.*\.c$/).map((file) => [file.replace(/^tests\/(.*)\.c$/, "build/test/$1")]),
  types: () => [["node_modules/.bin/tsc", "--project", "tests/types/tsconfig.json"]],
  node: () => [[node, "--no-warnings", "--test", "--test-concurrency=1", "--test-reporter=spec", ...list("tests/node", /\.test\.mjs$/)]],
  browser: () => [[node, "--no-warnings", "--test", "--test-concurrency=1", "--test-reporter=spec",
    "tests/browser/serve.test.mjs", "tests/browser/run.mjs"]],
};

// The counts that a program's closing lines tell: ours ("3 passed, 0 failed"), node:test's ("pass 3"); else its exit code's.
function count(output, code) {
  const plain = output.match(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/m);
  if (plain) return { passed: +plain[1], failed: +plain[2], skipped: +(plain[3] ?? 0) };
  const word = (name) => +(output.match(new RegExp(`^(?:ℹ|#) ${name} (\\d+)$`, "m"))?.[1] ?? 0);
  if (/^(?:ℹ|#) tests \d+$/m.test(output)) {
    return { passed: word("pass"), failed: word("fail") + word("cancelled"), skipped: word("skipped") };
  }
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

function run(command) {
  console.log(`\n== ${command.join(" ").slice(0, 100)}`);
  return new Promise((done) => {
    const child = spawn(command[0], command.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text) => { output += text; process.stdout.write(text); });
    }
    child.on("error", (error) => { console.log(error.message); done({ passed: 0, failed: 1, skipped: 0 }); });
    child.on("close", (code) => {
      const counts = count(output, code);
      if (code !== 0 && counts.failed === 0) counts.failed = 1; // it died after counting
      done(counts);
    });
  });
}

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(parts);
const total = { passed: 0, failed: 0, skipped: 0 };
const started = performance.now();
for (const command of chosen.flatMap((name) => parts[name]())) {
  const counts = await run(command);
  for (const key of Object.keys(total)) total[key] += counts[key];
}
console.log(`\nin ${Math.round((performance.now() - started) / 1000)} s`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed || !total.passed ? 1 : 0;
