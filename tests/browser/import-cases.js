// The page's side of import.mjs: files that are brought into storage and out of it, and secrets, which never come there.

const MODEL = () => new URL("/model.gguf", location.href).href;
const OPTIONS = { nCtx: 256, nThreads: 1 };
const SECRET = "Zu64kxq";

async function firstWords(model) {
  const { choices } = await model.completions.create({ prompt: "One, two, three,", temperature: 0, max_tokens: 4 });
  model.close();
  return choices[0].text;
}

async function digestOf(blob) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer())).join();
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

// Where in a site's storage a word stands: names and small files of the private file system, caches' names and headers.
async function placesOf(word) {
  const places = [];
  const look = (text, place) => text.includes(word) && places.push(place);
  const visit = async (folder) => {
    for await (const [name, handle] of folder.entries()) {
      look(name, "a file's name");
      if (handle.kind === "directory") await visit(handle);
      else if (!name.endsWith(".gguf")) look(await (await handle.getFile()).text(), "a file");
    }
  };
  if (navigator.storage?.getDirectory) await visit(await navigator.storage.getDirectory());
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      const headers = [...request.headers, ...(await cache.match(request)).headers].flat();
      look([request.url, ...headers].join("\n"), "a cache");
    }
  }
  for (const store of [localStorage, sessionStorage]) look(JSON.stringify(store), "a page's storage");
  return places;
}

export const importCases = {
  // The address is asked for with what must not be stored: a parameter and a header that are secret.
  "load with secrets": async ({ load, kept, forget }) => {
    const model = await load(`${MODEL()}?token=${SECRET}`, { ...OPTIONS, headers: { "x-secret": SECRET } });
    const { storage } = model.info;
    const text = await firstWords(model);
    const isKept = (await kept()).some(({ url }) => url === MODEL());
    const places = await placesOf(SECRET);
    await forget(MODEL());
    return { storage, text, isKept, places };
  },

  "import and export": async (context) => {
    const { importFile, keptFile, kept, forget, load, estimate } = context;
    const blob = await (await fetch(MODEL())).blob();
    const progress = [];
    const onProgress = ({ loadedBytes, totalBytes }) => progress.push(loadedBytes / totalBytes);
    let url;
    try {
      url = await importFile(new File([blob], "my model.gguf"), { onProgress });
    } catch ({ code }) {
      return { code };
    }
    const { fetchBytes, problems } = await estimate(url, OPTIONS); // without a network
    const model = await load(url, OPTIONS);
    const text = await firstWords(model);
    const exported = await keptFile(url);
    const isSame = await digestOf(exported) === await digestOf(blob);
    const wrong = await importFile(new File(["%PDF-1.7"], "my model.gguf")).catch(({ code }) => code);
    const isStill = (await kept()).some((model) => model.url === url);
    await forget(url);
    const isGone = await keptFile(url) === undefined;
    return { url, text, isSame, wrong, isStill, isGone, progress: progress.at(-1), fetchBytes, problems: problems.length };
  },

  "a Blob of IndexedDB": async ({ load }) => {
    const blob = await (await fetch(MODEL())).blob();
    const request = indexedDB.open("models", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("files");
    const db = await done(request);
    const store = () => db.transaction("files", "readwrite").objectStore("files");
    await done(store().put(blob, "model"));
    const text = await firstWords(await load(await done(store().get("model")), OPTIONS));
    db.close();
    await done(indexedDB.deleteDatabase("models"));
    return text;
  }
};
