// The list of models to choose from, as it stands on the welcome page and in the dialog.

import { bytes } from "./format.js";
import { element } from "./transcript.js";

/** Fills a container. @param {{models, onModel: (model) => void, onFile: () => void}} picker */
export function fillPicker(container, { models, onModel, onFile }) {
  const list = element("ul", "models");
  for (const model of models) {
    const item = element("li");
    item.append(modelCard(model, onModel));
    list.append(item);
  }
  const open = element("button", "model-card open-card");
  open.type = "button";
  const facts = element("span", "model-facts", "From this device");
  facts.append(element("span", "by-mouse", ", or drop it anywhere on the page"));
  open.append(element("span", "model-title", "Open a GGUF file"), facts);
  open.addEventListener("click", onFile);
  const item = element("li");
  item.append(open);
  list.append(item);
  container.replaceChildren(list);
}

function modelCard(model, onModel) {
  const card = element("button", "model-card");
  card.type = "button";
  const where = model.isHere ? "on this device" : `${bytes(model.bytes)} to download`;
  const facts = [model.isHere ? bytes(model.bytes) : undefined, where, model.licence];
  card.append(element("span", "model-title", model.title),
    element("span", "model-facts", facts.filter(Boolean).join(" · ")));
  card.addEventListener("click", () => onModel(model));
  return card;
}
