// io-worker.js: reads a source and hands its chunks to the compute worker, so that bytes flow while that computes.
import { listen, parent } from "./platform.js";
import { sendChunks } from "./protocol.js";
import { readSource } from "./source.js";
import { openStore } from "./store.js";

listen(parent, async ({ port, source, headers, keep }) => {
  const store = keep ? await openStore() : null;
  sendChunks(port, readSource(source, { headers, store, onEvent: (event) => parent.postMessage(event) }));
});
