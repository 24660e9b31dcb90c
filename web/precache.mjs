// Lists what a folder of the chat page needs without a network, for web/app/sw.js: each file with its SHA-256, and a
// version that is another one when any of them is. Usage: node web/precache.mjs FOLDER > FOLDER/precache.js

import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

// The service worker's own scripts, and what only developers and Node read.
const LEFT_OUT = /^(?:sw|precache)\.js$|^sotto\/bin\/|^sotto\/(?:LICENSE|package\.json|catalog\.json)$|\.d\.ts$/;

const hashOf = (bytes) => createHash("sha256").update(bytes).digest("hex");

const [folder] = process.argv.slice(2);
const names = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(join(folder, "/").length).replaceAll("\\", "/"))
  .filter((name) => !LEFT_OUT.test(name)).sort();
const files = Object.fromEntries(names.map((name) => [name, hashOf(readFileSync(join(folder, name)))]));
const version = hashOf(JSON.stringify(files)).slice(0, 16);
process.stdout.write(`self.PRECACHE = ${JSON.stringify({ version, files }, null, 1)};\n`);
