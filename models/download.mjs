// download.mjs: a file by HTTP that goes on where it stopped, in this run or a later one. Plain Node, no packages.
import { rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const ANSWER_MS = 5000; // a server that says nothing for so long is taken for one that cannot be reached
const STALL_MS = 30_000; // a transfer that stands still for so long is broken off, and begun again
const RETRY_MS = 1000;

export const sizeOf = (path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Downloads what is missing of a file. A connection that breaks is made again for as long as each brings bytes.
 * @param {{bytes?: number, answerMs?: number, onProgress?: (done: number, total?: number) => void}} options
 *   bytes: of the whole file, if they are known: a server that has another number of them is refused */
export async function download(url, path, options = {}) {
  for (;;) {
    const before = sizeOf(path);
    try {
      return await downloadRest(url, path, options);
    } catch (error) {
      if (sizeOf(path) <= before) throw new Error(describe(error), { cause: error });
    }
    await sleep(RETRY_MS);
  }
}

async function downloadRest(url, path, options) {
  const { bytes, answerMs = ANSWER_MS, onProgress = () => {} } = options;
  const have = sizeOf(path);
  if (bytes && have === bytes) return;
  const watch = new AbortController();
  const answer = setTimeout(() => watch.abort(new Error(`no answer within ${answerMs / 1000} s`)), answerMs);
  const stall = setTimeout(() => watch.abort(new Error("the transfer stands still")), STALL_MS);
  try {
    const headers = { "Accept-Encoding": "identity", ...(have && { Range: `bytes=${have}-` }) };
    const response = await fetch(url, { headers, signal: watch.signal });
    clearTimeout(answer);
    const range = rangeOf(response, have);
    if (range.total < have) { // what is here is not the beginning of what is there
      rmSync(path);
      return await downloadRest(url, path, options);
    }
    if (range.start === range.total) return;
    if (bytes && range.total && range.total !== bytes) {
      throw new Error(`the file there has ${range.total} bytes, not ${bytes}`);
    }
    await save(response.body, path, range, (done) => {
      stall.refresh();
      onProgress(done, range.total);
    });
  } finally {
    clearTimeout(answer);
    clearTimeout(stall);
    watch.abort(); // an answer that is not read to its end would keep its connection, and the program, alive
  }
}

/** Where the answer's bytes begin, and how many the file has. */
function rangeOf({ status, headers }, have) {
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+)$/.exec(headers.get("Content-Range") ?? "");
  if (status === 416 && range) return { start: Number(range[2]), total: Number(range[2]) }; // there is no more of it
  if (status === 206 && Number(range?.[1]) === have) return { start: have, total: Number(range[2]) };
  if (status === 200) return { start: 0, total: Number(headers.get("Content-Length")) || undefined };
  throw new Error(`HTTP status ${status}`);
}

async function save(body, path, { start }, onBytes) {
  const file = await open(path, start ? "a" : "w");
  try {
    let done = start;
    for await (const chunk of body) {
      await file.appendFile(chunk);
      onBytes(done += chunk.length);
    }
  } finally {
    await file.close();
  }
}

// What fetch rejects with says no more than that it failed; why is in its cause.
const describe = (error) => error.cause?.message || error.cause?.code || error.message;
