// stream-worker.mjs: one of the threads of Node that read memory at the same time.
import { parentPort, workerData } from "node:worker_threads";
import { streamingRead } from "./stream.js";

parentPort.postMessage(streamingRead(workerData));
