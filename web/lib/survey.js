// survey.js: what a model would take of this device, as its worker sees it: from the file's header, and a probe.
import { inspect, readHeader } from "./inspect.js";
import { compile } from "./platform.js";
import { probe } from "./probe.js";

/**
 * url: the module's; chunks: of the file. Returns { fileBytes, memoryBytes, nCtx, speed, unsupported }, where all but the
 * first and last are undefined when the model does not open; speed: as probe.js; and bytesPerSecond, the least at which
 * chunks come: the source's latency, and this worker's start, are in it.
 */
export async function survey(url, chunks, options) {
  const begin = performance.now();
  let nBytes = 0;
  let totalBytes;
  async function* counted() {
    for await (const chunk of chunks) {
      nBytes += chunk.bytes.length;
      totalBytes = chunk.totalBytes;
      yield chunk;
    }
  }
  const engine = await readHeader(await compile(url), counted(), options);
  const bytesPerSecond = nBytes / (performance.now() - begin) * 1e3;
  const { fileBytes, nCtx, unsupported } = inspect(engine, totalBytes);
  const opens = nCtx !== undefined;
  return {
    fileBytes: totalBytes ?? fileBytes,
    memoryBytes: opens ? engine.memoryBytes : undefined,
    nCtx,
    speed: opens ? probe(engine) : undefined,
    unsupported,
    bytesPerSecond,
  };
}
