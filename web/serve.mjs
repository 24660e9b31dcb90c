// A static file server for one's own machine: the chat page, the models beside it, and the headers that a
// careful host would send. `make run` starts it, and the browser tests import it.

import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const HOST = "127.0.0.1";
const PORTS_TO_TRY = 50;

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".gguf": "application/octet-stream",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
};

// What Sotto needs from a page's policy, and nothing more: https: is where catalogue models come from.
const CSP = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; " +
  "connect-src 'self' https:; img-src 'self' data:; style-src 'self'";

// Shared memory, and with it threads, exists only on a page that is isolated by these.
const ISOLATION = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

/** Serves folders until close() is called.
 * @param {{mounts: Record<string, string>, port?: number, isolation?: boolean}} options
 *   mounts: URL prefix, ending in "/", to folder; the longest prefix wins. port 0: any free one.
 * @returns {Promise<{url: string, close: () => Promise<void>}>} */
export async function serve({ mounts, port = 0, isolation = true }) {
  const server = createServer(fileHandler({ mounts, isolation }));
  await listen(server, port);
  return {
    url: `http://${HOST}:${server.address().port}/`,
    close: () => new Promise((done) => {
      server.close(done);
      server.closeAllConnections();
    }),
  };
}

/** The same as a handler of requests, for a server that has more to say. csp: the policy of its pages; null: none. */
export function fileHandler({ mounts, isolation = true, csp = CSP }) {
  const headers = {
    ...(csp && { "Content-Security-Policy": csp }),
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache", // ask again each time; the ETag makes that cheap
    ...(isolation && ISOLATION),
  };
  const folders = Object.entries(mounts).sort(([a], [b]) => b.length - a.length);
  return (request, response) => answer(request, response, folders, headers).catch(() => response.destroy());
}

async function listen(server, port) {
  const last = port === 0 ? 0 : Math.min(port + PORTS_TO_TRY, 65535);
  for (; ; port++) {
    try {
      return await new Promise((done, fail) => {
        server.once("error", fail);
        server.listen(port, HOST, () => {
          server.off("error", fail);
          done();
        });
      });
    } catch (error) {
      if (error.code !== "EADDRINUSE" || port >= last) throw error;
    }
  }
}

async function answer(request, response, folders, headers) {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("Allow", "GET, HEAD");
    return refuse(response, 405, "Only GET and HEAD are answered here.");
  }
  const file = await find(request.url, folders);
  if (!file) return refuse(response, 404, "There is no such file.");
  await send(request, response, file);
}

/** The file that a URL names, or nothing: one outside its folder, by ".." or by a link, does not exist. */
async function find(url, folders) {
  let path;
  try {
    path = decodeURIComponent(url.split("?", 1)[0]);
  } catch {
    return undefined;
  }
  const mount = folders.find(([prefix]) => path.startsWith(prefix));
  if (!mount || path.includes("\0")) return undefined;
  const [prefix, folder] = mount;
  const name = path.slice(prefix.length);
  try {
    const root = await realpath(folder);
    const file = await realpath(resolve(root, `./${name === "" || name.endsWith("/") ? `${name}index.html` : name}`));
    if (!file.startsWith(root + sep)) return undefined;
    const info = await stat(file);
    return info.isFile() ? { path: file, bytes: info.size, modified: info.mtimeMs } : undefined;
  } catch {
    return undefined;
  }
}

async function send(request, response, { path, bytes, modified }) {
  const etag = `"${bytes.toString(16)}-${Math.floor(modified).toString(16)}"`;
  response.setHeader("ETag", etag);
  response.setHeader("Accept-Ranges", "bytes");
  response.setHeader("Content-Type", TYPES[extname(path)] ?? "application/octet-stream");
  if (matches(request.headers["if-none-match"], etag)) return void response.writeHead(304).end();

  // A range of a file that has changed since would splice two files: If-Range asks for the whole one then.
  const wanted = request.headers["if-range"] === undefined || request.headers["if-range"] === etag;
  const range = wanted ? parseRange(request.headers.range, bytes) : undefined;
  if (range === null) {
    response.setHeader("Content-Range", `bytes */${bytes}`);
    return refuse(response, 416, "The file does not have that range.");
  }
  const { start, end } = range ?? { start: 0, end: bytes - 1 };
  if (range) response.setHeader("Content-Range", `bytes ${start}-${end}/${bytes}`);
  response.setHeader("Content-Length", end - start + 1);
  response.writeHead(range ? 206 : 200);
  if (request.method === "HEAD" || bytes === 0) return void response.end();
  await pipeline(createReadStream(path, { start, end, highWaterMark: 1 << 20 }), response);
}

function matches(header, etag) {
  return header !== undefined && header.split(",").some((one) => one.trim() === etag || one.trim() === "*");
}

/** One range of bytes, both ends included; undefined: send it all; null: the file does not reach that far. */
export function parseRange(header, bytes) {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return undefined;
  const fromEnd = match[1] === "";
  const start = fromEnd ? Math.max(0, bytes - Number(match[2])) : Number(match[1]);
  const end = fromEnd || match[2] === "" ? bytes - 1 : Math.min(Number(match[2]), bytes - 1);
  if (!fromEnd && match[2] !== "" && Number(match[2]) < start) return undefined;
  return start > end ? null : { start, end };
}

function refuse(response, status, sentence) {
  response.setHeader("Content-Type", "text/plain; charset=utf-8");
  response.writeHead(status).end(`${sentence}\n`);
}

async function main() {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "8080" },
      root: { type: "string", default: "build/app" },
      models: { type: "string", default: "models/cache" },
      "no-isolation": { type: "boolean", default: false },
    },
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new Error("--port takes a number from 0 to 65535");
  const { url } = await serve({
    mounts: { "/": values.root, "/models/": values.models },
    port,
    isolation: !values["no-isolation"],
  });
  console.log(`Sotto is at ${url} (Ctrl+C ends it)`);
}

if (process.argv[1] && fileURLToPath(import.meta.url) === await realpath(process.argv[1])) {
  main().catch((error) => {
    console.error(`serve: ${error.message}`);
    process.exitCode = 1;
  });
}
