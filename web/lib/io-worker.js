// io-worker.js: reads a source and hands its chunks to the compute worker, so that bytes flow while that computes; or
// writes a file to storage.
import { errorToMessage } from "./errors.js";
import { feed } from "./feed.js";
import { listen, parent } from "./platform.js";
import { readSource } from "./source.js";
import { openStore } from "./store.js";

const tell = (event) => parent.postMessage(event);

listen(parent, (request) => {
  if (request.port) return feed(request, tell);
  keepFile(request).then(() => tell({ isKept: true }), (error) => tell({ error: errorToMessage(error) }));
});

async function keepFile({ file, url }) {
  const kept = await (await openStore()).open(url);
  try {
    await kept.clear();
    await kept.reserve(file.size);
    for await (const { offset, bytes } of readSource(file)) {
      await kept.write(offset, bytes);
      if (kept.problem) throw kept.problem;
      tell({ loadedBytes: offset + bytes.length });
    }
  } finally {
    await kept.close({ totalBytes: file.size });
  }
  if (kept.problem) throw kept.problem; // of the last bytes
}
