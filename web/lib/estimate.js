// estimate.js: what a model would take of this device, from its file's header alone.
import { Engine } from "./engine.js";
import { SottoError } from "./errors.js";
import { chooseModule } from "./features.js";
import { Header } from "./header.js";
import { fetchStretch } from "./http.js";
import { Instance } from "./instance.js";
import { compile } from "./platform.js";
import { listKept, publicUrl } from "./store.js";

const PORTION_BYTES = 1 << 20; // of the header, asked for at once: at most so much is fetched in vain
const STALL_MS = 20_000;
const RETRY_MS = 250;

/** url: absolute; options: of load. See index.d.ts. */
export async function estimateModel(url, { headers, signal = new AbortController().signal, ...options }) {
  const { url: moduleUrl, nThreads } = chooseModule(options);
  const instance = Instance.create(await compile(moduleUrl), { shared: nThreads > 1 });
  const header = new Header(instance);
  const remote = { url, headers, stallMs: STALL_MS, retryMs: RETRY_MS };
  await readHeader(header, remote, signal);
  const fileBytes = remote.totalBytes ?? header.fileBytes;
  const kept = (await listKept()).find((file) => file.url === publicUrl(url));
  const fetchBytes = fileBytes - (kept?.bytes ?? 0);
  const { quota, usage } = await globalThis.navigator?.storage?.estimate?.() ?? {};
  const freeBytes = quota === undefined ? undefined : quota - usage;
  return {
    fileBytes,
    fetchBytes,
    freeBytes,
    fitsStorage: freeBytes === undefined ? undefined : fetchBytes <= freeBytes,
    ...measure(instance, header, fileBytes, { ...options, nThreads }),
  };
}

// One request after the other: only the header's own bytes tell how long it is.
async function readHeader(header, remote, signal) {
  for (let at = 0; at < (remote.totalBytes ?? Infinity);) {
    for await (const { offset, bytes } of fetchStretch(remote, { position: at, end: at + PORTION_BYTES, signal })) {
      if (offset < at) continue; // a server without ranges began again
      at = offset + bytes.length;
      if (header.accept(bytes)) return;
    }
  }
  throw header.truncated();
}

// The memory is taken, and given back with the instance: no page of it is touched, but a browser that refuses says so.
function measure(instance, header, fileBytes, options) {
  try {
    return { ...Engine.reserve(instance, header, fileBytes, options), problem: null };
  } catch (error) {
    if (error instanceof SottoError) return { memoryBytes: undefined, nCtx: undefined, problem: error };
    throw error;
  }
}
