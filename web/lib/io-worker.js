// io-worker.js: reads a source and hands its chunks to the compute worker, so that bytes flow while that computes.
import { feed } from "./feed.js";
import { listen, parent } from "./platform.js";

listen(parent, (request) => feed(request, (event) => parent.postMessage(event)));
