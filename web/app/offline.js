// Registers the service worker (sw.js), and moves this page to a newer version of itself when that disturbs nobody.

/**
 * Resolves when the page may begin; never, when it is about to be reloaded.
 * @param {() => boolean} isIdle whether a reload would lose nothing
 */
export async function setUpOffline(isIdle) {
  const workers = navigator.serviceWorker;
  if (!workers) return; // the page is not served securely, or the window is private
  const isFirstVisit = !workers.controller;
  workers.addEventListener("controllerchange", () => {
    // The first worker serves what the page has already, but for the isolation that the host may not give.
    const isBetter = !isFirstVisit || !crossOriginIsolated;
    if (isBetter && isIdle()) location.reload();
  });
  try {
    const before = await workers.getRegistration();
    if (before?.waiting && await activate(before.waiting)) await new Promise(() => {});
    const registration = await workers.register("sw.js", { updateViaCache: "none" });
    registration.addEventListener("updatefound", () => {
      const worker = registration.installing;
      worker.addEventListener("statechange", () => {
        if (registration.waiting === worker && isIdle()) activate(worker);
      });
    });
  } catch (error) {
    console.warn("Sotto: the page will not open without a network:", error);
  }
}

/** Resolves to whether the worker takes over now: only where no other tab uses the older version. */
function activate(worker) {
  const { port1, port2 } = new MessageChannel();
  worker.postMessage("activate", [port2]);
  return new Promise((resolve) => { port1.onmessage = ({ data }) => resolve(data); });
}
