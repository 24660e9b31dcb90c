// io-worker.js: reads a source and hands its chunks to the compute worker, so that bytes flow while that computes.
import { listen, parent } from "./platform.js";
import { sendChunks } from "./protocol.js";
import { readSource } from "./source.js";

listen(parent, ({ port, source, headers }) => sendChunks(port, readSource(source, { headers })));
