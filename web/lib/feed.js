// feed.js: a source's way to the compute worker: its chunks go over the port, and are looked at on the way.
import { errorToMessage } from "./errors.js";
import { digestOnHub } from "./hub.js";
import { compile } from "./platform.js";
import { sendChunks } from "./protocol.js";
import { readSource } from "./source.js";
import { openStore } from "./store.js";
import { Sha256, Verifier } from "./verify.js";

/**
 * request: as protocol.js says of what goes to an I/O worker, and signal. onEvent hears what comes from one. What fails
 * before all chunks are out goes over the port.
 */
export async function feed({ port, source, headers, keep, check, signal }, onEvent) {
  const store = keep ? await openStore() : null;
  const chunks = readSource(source, { headers, store, signal, sha256: check?.sha256, onEvent });
  const verifier = check && verifierOf(chunks, source, headers, check);
  if (!await sendChunks(port, verifier ?? chunks, { signal })) return;
  try {
    onEvent({ verified: await verifier?.verify() ?? false });
  } catch (error) {
    onEvent({ error: errorToMessage(error) });
  }
}

function verifierOf(chunks, source, headers, { sha256, moduleUrl, shared }) {
  const makeSha = async () => new Sha256(await compile(moduleUrl), { shared });
  const findDigest = async () => sha256 ?? digestOnHub(source, headers);
  return new Verifier(chunks, makeSha, findDigest);
}
