// What a person is asked before a download: how large the model is, whether it fits, and how fast it would be here.

import { bytes, bytesOf, duration, rough } from "./format.js";
import { estimate } from "./sotto/index.js";
import { element, errorNote } from "./transcript.js";

const dialog = document.getElementById("offer-dialog");
const facts = document.getElementById("offer-facts");
const problems = document.getElementById("offer-problems");
const accept = document.getElementById("offer-accept");

/** Asks about a model of the catalogue; options: of load(). Calls onAccept when the answer is yes. */
export async function offer(model, options, onAccept) {
  document.getElementById("offer-title").textContent = model.title;
  show({ Download: bytes(model.bytes), "This device": "being looked at …", Licence: model.licence });
  problems.replaceChildren();
  const closing = new AbortController();
  // The event may come after the dialog has been opened again.
  dialog.addEventListener("close", () => dialog.open || closing.abort(), { signal: closing.signal });
  accept.onclick = () => {
    dialog.close();
    onAccept();
  };
  dialog.showModal();
  try {
    const found = await estimate(model.url, { ...options, signal: closing.signal });
    if (closing.signal.aborted) return;
    show({ ...factsOf(found), Licence: model.licence });
    problems.replaceChildren(...found.problems.map((problem) => errorNote(problem)));
  } catch (error) {
    if (closing.signal.aborted) return;
    show({ Download: bytes(model.bytes), Licence: model.licence });
    problems.replaceChildren(errorNote(error));
  }
}

function factsOf(found) {
  const { fileBytes, fetchBytes, freeBytes, fitsStorage, memoryBytes, nCtx, tokensPerSecond, bandwidth, readySeconds } = found;
  const time = readySeconds && `about ${duration(readySeconds)}`;
  const rate = bandwidth && `${(bandwidth.bytesPerSecond / 1e6).toFixed(1)} MB/s`;
  const size = fetchBytes < fileBytes ? bytesOf(fetchBytes, fileBytes) : bytes(fileBytes);
  return {
    Download: [size, time && rate ? `${time} at ${rate}` : time].filter(Boolean).join(", "),
    Room: freeBytes === undefined ? undefined
      : `${bytes(freeBytes)} free: ${fitsStorage ? "it is kept, and opens without a network" : "too little to keep it"}`,
    Memory: memoryBytes && `${bytes(memoryBytes)}, with ${nCtx.toLocaleString("en")} tokens of context`,
    Speed: tokensPerSecond &&
      `reads about ${rough(tokensPerSecond.prefill)}, writes about ${rough(tokensPerSecond.decode)} tokens a second`,
  };
}

function show(values) {
  const known = Object.entries(values).filter(([, value]) => value !== undefined);
  facts.replaceChildren(...known.flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)]));
}
