// protocol.js: what threads say to each other.
//
//   to a compute worker     { id, method, params } a request, { abort: id } the signal of a request;
//                           or { helper } alone (threads.js), and it is a helper thread for good
//   from a compute worker   { id, event } zero or more, then { id, result } or { id, error }; load has the events
//                           { progress }, and { opened: info } from which on requests are taken;
//                           { helpers } once, which it wants started
//   to an I/O worker        { port, source, headers, keep, check, engine, portionBytes }, source: a list when the file is split;
//                           check: undefined, or { sha256 } to compare the file with, without which the hub is asked;
//                           engine: { url, shared } the module that hashes and reads headers; portionBytes: of a URL, what
//                           the first request asks for
//   from an I/O worker      { storage } where what arrives is kept, with { storageProblem } as an error's message why no
//                           more of it is, { waiting } how far the tab is that keeps it;
//                           last, when all chunks are out, { verified }, or { error } of a file that is the wrong one
//   to an I/O worker        or { file, url }: a Blob to keep as what the URL gives; from it { loadedBytes } zero or more,
//                           then { isKept: true } or { error }
//   on the port between     I/O -> compute: { chunk: { offset, bytes, totalBytes } } ..., { end: true } or { error };
//                           in the file's order until ranges are wanted, then in any
//                           compute -> I/O: { credit: n } send n more chunks, with the buffer of one that is read,
//                           { cancel: true },
//                           { want: [[begin, end], ...] } these ranges first, if you can; replaces an earlier wish
import { Buffers } from "./buffers.js";
import { errorFromMessage, errorToMessage } from "./errors.js";
import { listen } from "./platform.js";

const WINDOW = 4; // chunks under way at once

/**
 * Sends a source's chunks over a port, as many as the other side asks for, until the signal aborts. Returns whether all
 * are out; an error goes over the port. buffers gets those back that have been read.
 */
export async function sendChunks(port, chunks, { signal, buffers = new Buffers() } = {}) {
  let credit = 0;
  let isCancelled = false;
  let wake = () => {};
  listen(port, (message) => {
    credit += message.credit ?? 0;
    if (message.buffer) buffers.give(message.buffer);
    isCancelled ||= message.cancel === true;
    if (message.want) chunks.want?.(message.want); // a stream cannot seek
    wake();
  });
  signal?.addEventListener("abort", () => {
    isCancelled = true;
    wake();
  });
  try {
    for await (const chunk of chunks) {
      while (credit === 0 && !isCancelled) await new Promise((resolve) => (wake = resolve));
      if (isCancelled) return false;
      credit--;
      port.postMessage({ chunk }, [chunk.bytes.buffer]);
    }
    port.postMessage({ end: true });
    return true;
  } catch (error) {
    port.postMessage({ error: errorToMessage(error) });
    return false;
  } finally {
    port.close();
  }
}

/**
 * The chunks that sendChunks sends, at the pace of the one who takes them: the bytes of one are good until the next is
 * asked for. The method want(ranges) says which first.
 */
export function receiveChunks(port) {
  return Object.assign(receive(port), { want: (ranges) => port.postMessage({ want: ranges }) });
}

async function* receive(port) {
  const messages = [];
  let wake = () => {};
  listen(port, (message) => {
    messages.push(message);
    wake();
  });
  port.postMessage({ credit: WINDOW });
  try {
    for (;;) {
      while (messages.length === 0) await new Promise((resolve) => (wake = resolve));
      const { chunk, error } = messages.shift();
      if (error) throw errorFromMessage(error);
      if (!chunk) return;
      yield chunk;
      const { buffer } = chunk.bytes;
      port.postMessage({ credit: 1, buffer }, [buffer]);
    }
  } finally {
    port.postMessage({ cancel: true });
  }
}
