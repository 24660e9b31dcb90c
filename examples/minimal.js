// The script of minimal.html: loads a model, and streams the answer to each question into the page.

import { load } from "../build/sotto/index.js"; // from npm: "./node_modules/sotto/index.js"

const form = document.querySelector("form");
const status = document.querySelector("[role=status]");
const answer = document.querySelector("#answer");

const model = await load("/models/SmolLM2-135M-Instruct.Q4_1.gguf", {
  onProgress: ({ loadedBytes, totalBytes }) => {
    status.textContent = `Loading the model: ${Math.round(100 * loadedBytes / totalBytes)} %`;
  },
});
status.textContent = "Ready";
form.querySelector("button").disabled = false;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  answer.textContent = "";
  const messages = [{ role: "user", content: form.elements.question.value }];
  const stream = await model.chat.completions.create({ messages, stream: true, max_tokens: 200 });
  for await (const chunk of stream) answer.textContent += chunk.choices[0].delta.content ?? "";
});
