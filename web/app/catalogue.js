// The models that the page offers: catalog.json, and for each where its bytes are nearest: kept by this browser, beside
// the page, or at one of its sources.

import { kept } from "./sotto/index.js";

const here = new URL("./", import.meta.url);

/** @returns {Promise<Array<{name, title, bytes, licence, url, isHere}>>} in the catalogue's order; isHere: no download */
export async function loadCatalogue() {
  const response = await fetch(new URL("catalog.json", here));
  if (!response.ok) throw new Error(`catalog.json: HTTP status ${response.status}`);
  const { models } = await response.json();
  const whole = (await kept()).filter(({ bytes, totalBytes }) => bytes === totalBytes).map(({ url }) => url);
  return Promise.all(models.filter((model) => !model.testsOnly).map((model) => describe(model, whole)));
}

/** The model of the catalogue whose file that address is, if there is one. */
export function modelAt(models, url) {
  return models.find((model) => addressesOf(model).includes(url));
}

/** Where a model file of that name is, when it lies beside the page. */
export function localUrl(file) {
  return new URL(`models/${encodeURIComponent(file)}`, here).href;
}

async function describe(model, whole) {
  const urls = addressesOf(model);
  const [local] = urls;
  const keptUrl = urls.find((url) => whole.includes(url));
  const isHere = keptUrl !== undefined || await isServed(local, model.bytes);
  return { ...model, isHere, url: keptUrl ?? (isHere ? local : urls[1]) };
}

function addressesOf({ file, sources }) {
  return [localUrl(file), ...sources.map(({ url }) => url).filter(Boolean)];
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
