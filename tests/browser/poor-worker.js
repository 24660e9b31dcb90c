// The I/O worker in a browser without "opfs", or without "caches" either, as the address's search says.

import "/sotto/io-worker.js";

const refuse = () => { throw new DOMException("this is a test", "SecurityError"); };
const without = location.search.slice(1).split(",");
if (without.includes("opfs") && navigator.storage) navigator.storage.getDirectory = refuse;
if (without.includes("caches")) Object.defineProperty(self, "caches", { get: refuse });
