// The page's side of keep.mjs: loads that are left half-way, that go on, and that need no network, in a browser `without`
// some of its storages.

const MODEL = () => new URL("/model.gguf", location.href).href;

export function optionsOf({ without }) {
  const options = { nCtx: 256, nThreads: 1 };
  if (!without.length) return options;
  return { ...options, ioWorkerUrl: new URL(`poor-worker.js?${without}`, import.meta.url) };
}

async function hashOf({ buffer }) {
  return Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", buffer))).join();
}

export const keepCases = {
  // Resolves while the load goes on: whoever asked leaves the page.
  "leave half-way": ({ load }, given) => new Promise((resolve, reject) => {
    const onProgress = ({ loadedBytes, totalBytes }) => loadedBytes > totalBytes / 2 && resolve(loadedBytes);
    load(MODEL(), { ...optionsOf(given), onProgress }).catch(reject);
  }),

  "load and answer": async ({ load }, given) => {
    const model = await load(MODEL(), optionsOf(given));
    const logits = await hashOf(await model.logits([1, 2, 3, 1000]));
    const { storage, storageProblem } = model.info;
    model.close();
    return { storage, problem: storageProblem && storageProblem.code, logits };
  },

  "two at once": async (context, given) => {
    const loads = await Promise.all([1, 2].map(() => keepCases["load and answer"](context, given)));
    return loads.map(({ logits }) => logits);
  },

  "list": async ({ kept, keptFile }) => {
    const files = (await kept()).filter(({ url }) => url === MODEL());
    return Promise.all(files.map(async ({ bytes, totalBytes, lastUsed }) => {
      const isWhole = (await keptFile(MODEL())).size === totalBytes;
      return { bytes, totalBytes, isRecent: Date.now() - lastUsed < 600_000, isWhole };
    }));
  },

  "forget": ({ forget }) => forget(MODEL()),
};
