// feed.js: a source's way to the compute worker: its chunks go over the port, and are looked at on the way.
import { Buffers } from "./buffers.js";
import { errorToMessage } from "./errors.js";
import { Header } from "./header.js";
import { digestOnHub } from "./hub.js";
import { Instance } from "./instance.js";
import { compile } from "./platform.js";
import { sendChunks } from "./protocol.js";
import { readSource } from "./source.js";
import { Split } from "./split.js";
import { openStore } from "./store.js";
import { Sha256, Verifier } from "./verify.js";

/**
 * request: as protocol.js says of what goes to an I/O worker, and signal. onEvent hears what comes from one. What fails
 * before all chunks are out goes over the port.
 */
export async function feed({ port, source, headers, keep, check, engine, portionBytes, signal }, onEvent) {
  const buffers = new Buffers();
  const store = keep ? await openStore() : null;
  const makeInstance = async () => Instance.create(await compile(engine.url), engine);
  const open = (part) => {
    const chunks = readSource(part, { headers, store, buffers, signal, sha256: check?.sha256, portionBytes, onEvent });
    if (!check) return chunks;
    const findDigest = async () => check.sha256 ?? digestOnHub(part, headers);
    return new Verifier(chunks, async () => new Sha256(await makeInstance()), findDigest);
  };
  const files = [source].flat().map(open);
  const whole = Array.isArray(source) ? new Split(files, async () => new Header(await makeInstance()), buffers) : files[0];
  if (!await sendChunks(port, whole, { signal, buffers })) return;
  try {
    const verified = await Promise.all(files.map((file) => file.verify?.() ?? false));
    onEvent({ verified: !verified.includes(false) });
  } catch (error) {
    onEvent({ error: errorToMessage(error) });
  }
}
