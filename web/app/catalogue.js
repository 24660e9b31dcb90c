// The models that the page offers: catalog.json, and for each where its bytes are nearest.

const here = new URL("./", import.meta.url);

/** @returns {Promise<Array<{name, title, bytes, licence, url, isLocal}>>} in the catalogue's order */
export async function loadCatalogue() {
  const response = await fetch(new URL("catalog.json", here));
  if (!response.ok) throw new Error(`catalog.json: HTTP status ${response.status}`);
  const { models } = await response.json();
  return Promise.all(models.filter((model) => !model.testsOnly).map(describe));
}

async function describe(model) {
  const local = new URL(`models/${encodeURIComponent(model.file)}`, here).href;
  const isLocal = await isServed(local, model.bytes);
  return { ...model, isLocal, url: isLocal ? local : model.sources.find((source) => source.url)?.url };
}

/** Whether this server has the file whole: a static host may answer anything for a name that it does not know. */
async function isServed(url, bytes) {
  try {
    const response = await fetch(url, { method: "HEAD" });
    return response.ok && Number(response.headers.get("Content-Length")) === bytes;
  } catch {
    return false;
  }
}
