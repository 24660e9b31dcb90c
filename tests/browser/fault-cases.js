// The page's side of faults.mjs: one load in a worker, and an end of what is kept.

let worker;

export const faultCases = {
  "read a file": (_, given) => new Promise((resolve, reject) => {
    worker ??= new Worker(new URL("fault-worker.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(given);
  }),

  "has OPFS": () => typeof FileSystemFileHandle === "function",

  "forget a file": ({ forget }, { url }) => forget(url),
};
