// threads.js: the helper threads of a pool: further instances of the same module on the same memory. The compute
// thread describes them, its maker starts them: a thread that computes cannot. The pool does not wait for them.
import { keepAlive } from "./platform.js";

const STACK_BYTES = 256 << 10; // of each helper; kernels keep a few KB of locals

/** One description for each helper: all that it needs to join the pool. */
export function describeHelpers(instance, pool, nHelpers) {
  const { module, memory } = instance;
  return Array.from({ length: nHelpers }, (_, i) => {
    const stack = instance.allocate(STACK_BYTES) + STACK_BYTES; // it grows down
    return { module, memory, pool, index: i + 1, stack };
  });
}

/** Starts each helper in a worker that newWorker() makes. */
export function startHelpers(helpers, newWorker) {
  for (const helper of helpers) {
    const worker = newWorker();
    worker.postMessage({ helper });
    keepAlive(worker, false);
  }
}

/** The whole life of a helper: it returns when the pool is closed. */
export function runHelper({ module, memory, pool, index, stack }) {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  exports.__stack_pointer.value = stack;
  exports.sotto_pool_work(pool, index);
}
