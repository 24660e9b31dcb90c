// Reads { url } by readToEnd over { storage }, with { options }.

import { CacheFolder } from "/sotto/cache.js";
import { OpfsFolder } from "/sotto/opfs.js";
import { readSource } from "/sotto/source.js";
import { Store } from "/sotto/store.js";
import { readToEnd } from "./fault-reader.js";

const FOLDERS = { opfs: OpfsFolder, cache: CacheFolder };

onmessage = async ({ data: { storage, url, options } }) => {
  const folder = await FOLDERS[storage].open();
  postMessage(await readToEnd({ readSource, Store }, folder, url, options));
};
