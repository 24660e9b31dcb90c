// fault-server.mjs: an HTTP server with one file that fails as it is told, and counts every byte that it sends.

import { once } from "node:events";
import { createServer } from "node:http";
import { gzipSync } from "node:zlib";

const PIECE_BYTES = 1 << 16; // written at once
const SLOW_BYTES_PER_MS = 1 << 13;
const MOMENT_MS = 40; // for what was written to reach the other side before a connection is destroyed

/**
 * A fault changes how requests are answered while it is in force:
 *   times           for how many requests (default: all); then the next fault of the list has its turn
 *   at              only requests that cover this byte of the file are struck, and count; "reset", "close" and "stall" strike it
 *   kind            "reset" destroys the connection, "close" ends it, "stall" sends no more, "drop" and "silence" do so before any header,
 *                   "slow", "empty" (no byte of those that are promised), "status" (status, headers), "ignoreRange",
 *                   "wrongRange", "wrongTotal", "unknownTotal", "gzip", "redirect" (status), "loop" (one without end),
 *                   "noLength", "shortLength" (half), "longLength", "change" (the file becomes `file`, with another ETag),
 *                   "hideHeaders" (none but the length)
 */
export class FaultServer {
  /** Of each request: { range, secret, begin, end }: end is where its sending stopped; without begin, no byte was sent. */
  requests = [];
  faults = [];
  etag = '"one"';
  bytesPerMs = Infinity;
  budgetBytes = Infinity; // that are still sent; then every connection stalls
  #server = createServer((request, response) => this.#route(request, response).catch(() => response.destroy()));

  /** elsewhere(request, response): answers what is not asked of the file. */
  constructor(file, elsewhere) {
    this.file = file;
    this.elsewhere = elsewhere;
  }

  async listen() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.url = `http://127.0.0.1:${this.#server.address().port}/model.gguf`;
    return this;
  }

  close() {
    this.#server.closeAllConnections();
    return new Promise((done) => this.#server.close(done));
  }

  /** Forgets what was sent, and fails from now on as the faults say, one after the other. */
  expect(...faults) {
    this.requests = [];
    this.budgetBytes = Infinity;
    this.faults = faults.map((fault) => ({ times: Infinity, ...fault }));
  }

  setFile(file, etag) {
    this.file = file;
    this.etag = etag;
  }

  get sentBytes() {
    return this.requests.reduce((sum, { begin = 0, end = 0 }) => sum + end - begin, 0);
  }

  #route(request, response) {
    return request.url.startsWith("/model.gguf") ? this.#answer(request, response) : this.elsewhere(request, response);
  }

  async #answer(request, response) {
    const log = { range: request.headers.range, secret: request.headers["x-secret"] };
    this.requests.push(log);
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.setHeader("Cross-Origin-Resource-Policy", "cross-origin");
    const range = this.#range(request);
    const fault = this.#strike(request, range);
    if (fault?.kind === "drop") return void response.destroy();
    if (fault?.kind === "silence") return;
    if (fault?.kind === "status") return void response.writeHead(fault.status, fault.headers).end();
    if (fault?.kind === "redirect") return this.#redirect(response, `${this.url}?moved`, fault);
    if (fault?.kind === "loop") return this.#redirect(response, this.url, fault);
    if (fault?.kind === "gzip") return this.#sendGzip(response, log);
    if (!range) return void response.writeHead(416, { "content-range": `bytes */${this.file.length}` }).end();
    const whole = fault?.kind === "ignoreRange" || log.range === undefined;
    const { begin, end } = whole ? { begin: 0, end: this.file.length } : range;
    response.writeHead(whole ? 200 : 206, this.#headers(begin, end, whole, fault?.kind));
    await this.#send(response, log, begin, end, fault);
  }

  #redirect(response, location, { status = 302 }) {
    response.writeHead(status, { location }).end();
  }

  // undefined: what was asked for is not there.
  #range(request) {
    const [, first = 0, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range) ?? [];
    const begin = Number(first);
    const end = last ? Math.min(Number(last) + 1, this.file.length) : this.file.length;
    return begin < this.file.length ? { begin, end } : undefined;
  }

  // The fault, if it strikes this request.
  #strike(request, range) {
    const covers = ({ at }) => at === undefined || (range?.begin <= at && at < range.end);
    const fault = this.faults.find(({ times }) => times > 0);
    if (!fault || !covers(fault) || request.url.endsWith("?moved")) return null;
    fault.times--;
    if (fault.kind === "change") this.setFile(fault.file, '"two"');
    return fault;
  }

  #headers(begin, end, whole, kind) {
    const length = (end - begin) * ({ shortLength: 0.5, longLength: 2 }[kind] ?? 1);
    const from = kind === "wrongRange" ? begin + 1 : begin;
    const total = { wrongTotal: this.file.length + 1, unknownTotal: "*" }[kind] ?? this.file.length;
    return {
      ...(kind !== "noLength" && { "content-length": Math.floor(length) }),
      ...(!["hideHeaders", "ignoreRange"].includes(kind) && { etag: this.etag, "accept-ranges": "bytes" }),
      ...(!whole && kind !== "hideHeaders" && { "content-range": `bytes ${from}-${end - 1}/${total}` }),
    };
  }

  async #send(response, log, begin, end, fault) {
    const { kind, at = begin } = fault ?? {};
    const middle = begin + Math.floor((end - begin) / 2);
    const stop = ["reset", "close", "stall"].includes(kind) ? at : { shortLength: middle, empty: begin }[kind] ?? end;
    const bytesPerMs = kind === "slow" ? SLOW_BYTES_PER_MS : this.bytesPerMs;
    Object.assign(log, { begin, end: begin });
    response.flushHeaders();
    while (log.end < stop && !response.destroyed) {
      if (this.budgetBytes === 0) return;
      const to = Math.min(log.end + Math.min(PIECE_BYTES, this.budgetBytes), stop);
      this.budgetBytes -= to - log.end;
      const hasRoom = response.write(this.file.subarray(log.end, to));
      if (!hasRoom) await roomIn(response);
      log.end = to;
      if (Number.isFinite(bytesPerMs)) await moment(PIECE_BYTES / bytesPerMs);
    }
    if (kind === "stall") return;
    if (!["reset", "close", "longLength", "empty"].includes(kind)) return void response.end();
    await moment(MOMENT_MS);
    if (kind === "close") response.socket.end(); // what the other side has not taken yet still goes there
    else response.destroy();
  }

  #sendGzip(response, log) {
    const bytes = gzipSync(this.file, { level: 1 });
    Object.assign(log, { begin: 0, end: this.file.length });
    response.writeHead(200, { "content-encoding": "gzip", "content-length": bytes.length, etag: 'W/"one"' });
    response.end(bytes);
  }
}

/**
 * Answers what is not asked of the file by what a site has: the page and the package come from the file's own origin, without
 * the policy that lets a page fetch from there alone.
 */
export function passOnTo(site) {
  return async (request, response) => {
    const { method } = request;
    const answer = await fetch(new URL(request.url, site), { method });
    const headers = Object.fromEntries(answer.headers);
    for (const name of ["content-encoding", "content-security-policy"]) delete headers[name];
    response.writeHead(answer.status, headers);
    response.end(method === "HEAD" ? undefined : new Uint8Array(await answer.arrayBuffer()));
  };
}

// Or its end.
function roomIn(response) {
  const wait = new AbortController();
  const events = ["drain", "close"].map((name) => once(response, name, { signal: wait.signal }));
  return Promise.race(events).finally(() => wait.abort());
}

function moment(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
