// The page's side of keep.mjs: loads that are left half-way, that go on, and that need no network.

const MODEL = () => new URL("/model.gguf", location.href).href;
const OPTIONS = { nCtx: 256, nThreads: 1 };

export const keepCases = {
  // Resolves while the load goes on: whoever asked leaves the page.
  "leave half-way": ({ load }) => new Promise((resolve, reject) => {
    const onProgress = ({ loadedBytes, totalBytes }) => loadedBytes > totalBytes / 2 && resolve(loadedBytes);
    load(MODEL(), { ...OPTIONS, onProgress }).catch(reject);
  }),

  "load and answer": async ({ load }) => {
    const model = await load(MODEL(), OPTIONS);
    const { choices } = await model.completions.create({ prompt: "One, two, three,", temperature: 0, max_tokens: 4 });
    const { storage } = model.info;
    model.close();
    return { storage, text: choices[0].text };
  },

  "two at once": async (context) => {
    const loads = await Promise.all([1, 2].map(() => keepCases["load and answer"](context)));
    return loads.map(({ text }) => text);
  },

  "list": async ({ kept }) => (await kept()).filter(({ url }) => url === MODEL())
    .map(({ bytes, totalBytes, lastUsed }) => ({ bytes, totalBytes, isRecent: Date.now() - lastUsed < 600_000 })),

  "forget": ({ forget }) => forget(MODEL()),
};
