// pip.mjs: asks pip where the wheels of Python packages are.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

// Debian 12's pip downloads a wheel whole to report on it; this one reads the wheel's metadata alone. It runs from its
// own wheel, so that nothing gets installed.
const PIP = "pip==25.3";

/** The addresses of packages' wheels, from pip's own report. @param {Array<{name, version}>} packages */
export async function locateWheels(packages) {
  const folder = mkdtempSync(join(tmpdir(), "sotto-pip-"));
  try {
    await python("-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PIP);
    const pip = join(folder, readdirSync(folder)[0], "pip");
    const report = JSON.parse(await python(pip, "install", "--dry-run", "--ignore-installed", "--no-deps",
      "--only-binary=:all:", "--use-feature=fast-deps", "--quiet", "--report", "-",
      ...packages.map(({ name, version }) => `${name}==${version}`)));
    const urls = new Map(report.install.map(({ metadata, download_info }) => [metadata.name, download_info.url]));
    return packages.map(({ name }) => urls.get(name));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function python(...args) {
  try {
    return (await promisify(execFile)("python3", args, { maxBuffer: 1 << 26 })).stdout;
  } catch (error) {
    if (error.code === "ENOENT" || /No module named pip/.test(error.stderr)) {
      throw new Error("Python's pip is missing; install it (Debian: apt-get install python3-pip)", { cause: error });
    }
    const complaint = lastError(error.stderr) ?? error.message;
    throw new Error(`pip says: ${complaint} (it says so, too, when it has no network)`, { cause: error });
  }
}

const lastError = (text) => text.split("\n").findLast((line) => line.startsWith("ERROR: "))?.slice("ERROR: ".length);
