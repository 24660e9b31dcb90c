// Runs cases.js in Node, and prints { name, value } or { name, error } of each as one line of JSON.
// Usage: node in-node.mjs PACKAGE_FOLDER MODEL_URL

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { cases, runCase } from "./cases.js";

const [folder, modelUrl] = process.argv.slice(2);
const { load } = await import(pathToFileURL(resolve(folder, "index.js")));
const context = { load, modelUrl };
for (const name of Object.keys(cases)) console.log(JSON.stringify({ name, ...await runCase(context, name) }));
