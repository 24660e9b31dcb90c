// stream.js: how fast this thread reads memory, in a page, in Node or in a worker of its: what weights are compared with.

const BYTES = 96 << 20; // larger than the caches
const N_READS = 15;

/** GB/s, the median of some reads. module: build/bench/kernels.wasm. */
export function streamingRead(module) {
  const memory = new WebAssembly.Memory({ initial: 1024 });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const begin = Math.ceil(exports.__heap_base.value / 64) * 64;
  memory.grow(Math.ceil(BYTES / 65536));
  new Uint8Array(memory.buffer, begin).fill(1);
  const times = Array.from({ length: N_READS }, () => {
    const start = performance.now();
    exports.read_stream(begin, BYTES);
    return performance.now() - start;
  });
  return BYTES / times.toSorted((a, b) => a - b)[N_READS >> 1] / 1e6;
}
