// Reads a file of the fault server to its end, in Node and in a browser's worker, over storage that fails as it is told.

/**
 * library: { readSource, Store }; folder: of the storage. Options: fileBytes; wanted, ranges that come first; signal;
 * stallMs; freeBytes, that the browser says it has; storageFault, as failing() takes it. Returns { hash, receivedBytes,
 * isInOrder, events } or { error: { name, code, message }, events }; events tell where the file is kept, and why not.
 */
export async function readToEnd({ readSource, Store }, folder, url, options) {
  const { fileBytes, wanted, signal, stallMs = 5000, freeBytes = Infinity, storageFault } = options;
  const events = [];
  const onEvent = ({ storage, storageProblem }) => storage && events.push([storage, storageProblem?.code].join(" ").trim());
  const store = new Store(storageFault ? failing(folder, storageFault) : folder, async () => freeBytes);
  const source = readSource(url, { store, signal, stallMs, retryMs: 1, onEvent });
  const bytes = new Uint8Array(fileBytes);
  let receivedBytes = 0;
  let isInOrder = true;
  try {
    for await (const chunk of source) {
      if (wanted && receivedBytes === 0) source.want(wanted);
      isInOrder &&= chunk.offset === receivedBytes;
      bytes.set(chunk.bytes, chunk.offset);
      receivedBytes += chunk.bytes.length;
    }
  } catch ({ name, code, message }) {
    return { error: { name, code, message }, events };
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { hash, receivedBytes, isInOrder, events };
}

/**
 * A folder whose files fail: on "open"; on "read" of the byte `at`; on "write" and "save" when `at` bytes have been written
 * since it was opened. error: the name of the DOMException.
 */
function failing(folder, { on, at, error }) {
  const strike = () => { throw new DOMException("made to fail", error); };
  const wrap = (file) => {
    let writtenBytes = 0;
    const isStruck = {
      read: (offset, bytes) => offset <= at && at < offset + bytes.length,
      write: (_, bytes) => (writtenBytes += bytes.length) > at,
      save: () => writtenBytes >= at,
    };
    const call = (name) => (...given) => (isStruck[name]?.(...given) && on === name ? strike() : file[name](...given));
    const get = (_, name) => (typeof file[name] === "function" ? call(name) : file[name]);
    return new Proxy(file, { get });
  };
  return {
    storage: folder.storage,
    open: async (key) => (on === "open" ? strike() : wrap(await folder.open(key))),
    remove: (key) => folder.remove(key),
  };
}
