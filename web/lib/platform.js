// platform.js: the few things that differ between a browser and Node: workers, files, the parent's port.
import { SottoError } from "./errors.js";

// getBuiltinModule, not import: browsers and bundlers never meet the name of a Node module.
const builtin = (name) => globalThis.process?.getBuiltinModule?.(`node:${name}`);
const threads = builtin("worker_threads");

/** The Worker class; Node's has no global name. */
export const Worker = globalThis.Worker ?? threads?.Worker;

/** In a worker: the port to the thread that started it. */
export const parent = threads?.parentPort ?? globalThis;

/** Calls onMessage(data) for each message of a port or worker. */
export function listen(port, onMessage) {
  if (port.on) port.on("message", onMessage);
  else port.onmessage = (event) => onMessage(event.data);
}

/** Calls onDeath(cause) when a worker cannot start, throws outside of any request, or exits. */
export function watch(worker, onDeath) {
  if (worker.on) {
    worker.on("error", onDeath);
    worker.on("exit", (code) => onDeath(new Error(`the worker exited with code ${code}`)));
  } else {
    worker.onerror = (event) => {
      event.preventDefault?.();
      onDeath(event.error ?? new Error(event.message || "the worker's script could not be loaded"));
    };
  }
}

/** Says whether an idle thread keeps Node's process alive. */
export function keepAlive(worker, alive) {
  if (alive) worker.ref?.();
  else worker.unref?.();
}

/** Compiles the module at `url`. */
export async function compile(url) {
  try {
    const files = url.startsWith("file:") && builtin("fs/promises");
    if (files) return await WebAssembly.compile(await files.readFile(new URL(url)));
    const response = await fetch(url);
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    // Streaming compilation insists on the MIME type, which small servers do not know.
    if (response.headers.get("content-type") !== "application/wasm") {
      return await WebAssembly.compile(await response.arrayBuffer());
    }
    return await WebAssembly.compileStreaming(response);
  } catch (cause) {
    const message = `the engine's module could not be loaded from ${url}: serve it there, or pass wasmUrl`;
    throw new SottoError("NOT_FOUND", `${message} (${cause.message})`, cause);
  }
}

/** Opens a file of Node's as { size, read(offset, bytes) -> how many were filled, close() }. */
export async function openFile(url) {
  const files = builtin("fs/promises");
  if (!files) throw new SottoError("INVALID_ARGUMENT", "a browser cannot open file: addresses: pass a File");
  const file = await files.open(new URL(url));
  const { size } = await file.stat();
  return {
    size,
    read: async (offset, bytes) => (await file.read(bytes, 0, bytes.length, offset)).bytesRead,
    close: () => file.close(),
  };
}

/** Lets the event loop run once, so that messages arrive; a timer would wait for 4 ms. */
export function pause() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** A promise with its resolve and reject. Nobody need listen when it rejects. */
export function defer() {
  let settle;
  const promise = new Promise((resolve, reject) => (settle = { resolve, reject }));
  promise.catch(() => {});
  return { promise, ...settle };
}
