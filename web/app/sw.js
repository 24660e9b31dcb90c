// The page's service worker: keeps the page's own files, so that it opens without a network, and answers for them with
// the headers that make the page cross-origin isolated, so that it has threads on hosts that cannot send headers.
// Models are none of its business: the library keeps them. A classic script: not every browser takes a module here.

importScripts("precache.js"); // PRECACHE: { version, files: { name: SHA-256 } }

const PREFIX = `sotto-app ${self.registration.scope} `; // a host may have several pages of this kind
const CACHE = PREFIX + PRECACHE.version;

const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

self.addEventListener("install", (event) => event.waitUntil(fill()));

self.addEventListener("activate", (event) => event.waitUntil(takeOver()));

self.addEventListener("fetch", (event) => {
  const name = nameOf(event.request);
  if (Object.hasOwn(PRECACHE.files, name)) event.respondWith(answer(name, event.request));
});

// A page offers to be the first of this version. Where others are open, they go on with theirs, files and all.
self.addEventListener("message", (event) => event.waitUntil((async () => {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const isAlone = windows.length === 1;
  event.ports[0].postMessage(isAlone);
  if (isAlone) await self.skipWaiting();
})()));

// All files or none: one that is not of this version, because the site is just being changed, ends the installation, and
// the browser tries again at a later visit.
async function fill() {
  const cache = await caches.open(CACHE);
  await Promise.all(Object.entries(PRECACHE.files).map(async ([name, sha256]) => {
    const response = await fetch(name, { cache: "no-cache" });
    const bytes = await response.arrayBuffer();
    if (!response.ok || await hashOf(bytes) !== sha256) throw new Error(`${name} is not of version ${PRECACHE.version}`);
    await cache.put(name, new Response(bytes, { headers: headersOf(response) }));
  }));
}

function headersOf(response) {
  const headers = new Headers(response.headers);
  headers.delete("Content-Encoding"); // the bytes are decoded
  for (const [name, value] of Object.entries(ISOLATION)) headers.set(name, value);
  return headers;
}

async function hashOf(bytes) {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function takeOver() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)));
  await self.clients.claim();
}

// The file that a request is for, as PRECACHE names it; undefined: none of ours.
function nameOf({ method, url }) {
  const path = url.split(/[?#]/, 1)[0];
  if (method !== "GET" || !path.startsWith(self.registration.scope)) return undefined;
  return path.slice(self.registration.scope.length) || "index.html";
}

// The browser may have thrown the cache away.
async function answer(name, request) {
  const cache = await caches.open(CACHE);
  return await cache.match(name) ?? fetch(request);
}
