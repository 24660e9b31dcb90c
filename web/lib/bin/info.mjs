// info.mjs: sotto info: what a file's header says. Reads no further than that.
import { chooseModule } from "../features.js";
import { Header } from "../header.js";
import { Instance } from "../instance.js";
import { compile } from "../platform.js";
import { readSource } from "../source.js";
import { modelUrl, parse } from "./args.mjs";

const LONGEST = 72; // characters of a value that are shown

export default async function info(_, args) {
  const parsed = parse("sotto info MODEL [options]", {}, args);
  if (!parsed) return 0;
  const header = await readHeader(modelUrl(parsed.positionals[0]));
  const tensors = header.tensors();
  console.log(`${header.find("general.name") ?? "unnamed"}: ${header.find("general.architecture")}, ` +
    `${(header.fileBytes / 1e6).toFixed(1)} MB, ${tensors.length} tensors (${countTypes(tensors)})\n`);
  for (const [name, value] of header.keys()) console.log(`${name.padEnd(44)} ${show(value)}`);
  return 0;
}

async function readHeader(url) {
  const module = await compile(chooseModule({ nThreads: 1 }).url);
  const header = new Header(Instance.create(module, { shared: false }));
  for await (const { bytes } of readSource(url)) {
    if (header.accept(bytes)) return header;
  }
  throw header.truncated();
}

function countTypes(tensors) {
  const types = [...new Set(tensors.map(({ type }) => type))];
  return types.map((type) => `${tensors.filter((tensor) => tensor.type === type).length} ${type}`).join(", ");
}

function show(value) {
  if (typeof value === "object") return `${value.length} x ${value.type}`;
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text;
}
