// import.js: a file of the person's becomes one that is kept, as if it had been fetched from an address: the page asks, and
// a worker writes, since only workers can.
import { newIoWorker } from "./client.js";
import { errorFromMessage, errorOf, orAbort, throwIfAborted } from "./errors.js";
import { listen, watch } from "./platform.js";
import { askToPersist, forgetKept } from "./store.js";

const NOWHERE = "https://imported.invalid/"; // RFC 2606: no such host will ever be

/** The address that an imported file has when it is given none. */
export function addressOf({ name = "model.gguf" }) {
  return new URL(encodeURIComponent(name), NOWHERE).href;
}

/** Keeps a file as what `url`, absolute, gives. What was kept of it goes, also when the import fails half-way. */
export async function importAs(file, url, { signal, onProgress, persist, ioWorkerUrl }) {
  throwIfAborted(signal);
  const magic = await file.slice(0, 4).text().catch((cause) => { throw errorOf("READ_FAILED", cause.message, cause); });
  if (magic !== "GGUF") throw errorOf("NOT_GGUF", `the file begins with ${JSON.stringify(magic)}`);
  askToPersist(persist);
  const worker = newIoWorker(ioWorkerUrl);
  try {
    await orAbort(new Promise((resolve, reject) => {
      watch(worker, (cause) => reject(errorOf("WORKER_DIED", `io-worker.js: ${cause.message}`, cause)));
      listen(worker, ({ loadedBytes, isKept, error }) => {
        if (error) reject(errorFromMessage(error));
        else if (isKept) resolve();
        else onProgress?.({ loadedBytes, totalBytes: file.size });
      });
      worker.postMessage({ file, url });
    }), signal);
  } catch (error) {
    worker.terminate();
    await forgetKept(url).catch(() => {}); // the error has been told
    throw error;
  }
  worker.terminate();
}
