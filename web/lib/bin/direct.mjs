// direct.mjs: the engine in this very thread, without workers in between: for measurements and for machines.
import { Worker } from "node:worker_threads";
import { Engine } from "../engine.js";
import { chooseModule } from "../features.js";
import { compile } from "../platform.js";
import { checkLoad } from "../request.js";
import { readSource } from "../source.js";
import { startHelpers } from "../threads.js";

/** Opens the model at `url` with options of load(). */
export async function openEngine(url, options) {
  const checked = checkLoad(options);
  const { url: moduleUrl, nThreads } = chooseModule({ nThreads: 1, ...checked });
  const newWorker = () => new Worker(new URL("../compute-worker.js", import.meta.url));
  const onHelpers = (helpers) => startHelpers(helpers, newWorker);
  const engine = await Engine.open(await compile(moduleUrl), readSource(url), { ...checked, nThreads, onHelpers });
  await engine.ready;
  return engine;
}
