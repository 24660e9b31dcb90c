// estimate.js: what a model would take of this device: what its worker has found out (survey.js), beside what is kept of
// the file, the room in storage, and the network.
import { Client } from "./client.js";
import { errorFromMessage, errorOf } from "./errors.js";
import { listKept, publicUrl, readKept } from "./store.js";

const BYTES_PER_MEGABIT = 1e6 / 8;

/** urls: of all parts, absolute; options: of load. See index.d.ts. */
export async function estimateModel(urls, { signal, ...options }) {
  const keptBytes = await bytesKept(urls);
  const client = new Client(await sourceOf(urls), { ...options, keep: false });
  const { fileBytes, memoryBytes, nCtx, speed, unsupported, bytesPerSecond } = await client.report("survey", signal);
  const fetchBytes = Math.max(0, fileBytes - keptBytes);
  const { quota, usage } = await globalThis.navigator?.storage?.estimate?.() ?? {};
  const freeBytes = quota === undefined ? undefined : quota - usage;
  const fitsStorage = freeBytes === undefined ? undefined : fetchBytes <= freeBytes;
  const problems = unsupported.map(errorFromMessage);
  if (fitsStorage === false) problems.push(errorOf("QUOTA", `${fetchBytes} bytes are to be kept, where ${freeBytes} are free`));
  const bandwidth = fetchBytes > 0 ? bandwidthOf(bytesPerSecond) : undefined;
  const fetchSeconds = bandwidth ? fetchBytes / bandwidth.bytesPerSecond : 0;
  return {
    fileBytes,
    fetchBytes,
    freeBytes,
    fitsStorage,
    memoryBytes,
    nCtx,
    tokensPerSecond: speed && { prefill: speed.prefill, decode: speed.decode },
    bandwidth,
    readySeconds: speed && Math.max(fetchSeconds, fileBytes / speed.pack),
    problems,
  };
}

async function bytesKept(urls) {
  const names = urls.map(publicUrl);
  return (await listKept()).filter(({ url }) => names.includes(url)).reduce((sum, { bytes }) => sum + bytes, 0);
}

// What is kept whole needs no network.
async function sourceOf(urls) {
  const files = await Promise.all(urls.map((url) => readKept(url).catch(() => undefined)));
  const parts = files.includes(undefined) ? urls : files;
  return parts.length > 1 ? parts : parts[0];
}

// Both can only be too low: a browser tells no more than 10 Mbit/s, and a header is over before a connection is at its best.
function bandwidthOf(bytesPerSecond) {
  const told = (globalThis.navigator?.connection?.downlink ?? 0) * BYTES_PER_MEGABIT;
  return told > bytesPerSecond ? { bytesPerSecond: told, from: "browser" } : { bytesPerSecond, from: "header" };
}
