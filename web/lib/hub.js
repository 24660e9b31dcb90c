// hub.js: what Hugging Face's JSON interface says of a file.

const HOST = "huggingface.co";
const FILE = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/; // repository, revision, path
const ANSWER_MS = 10_000;

/** Whether the hub may know the digest of this address. */
export function isOnHub(url) {
  const { protocol, host, pathname } = new URL(url);
  return protocol === "https:" && host === HOST && FILE.test(pathname);
}

/**
 * The SHA-256 of the file at an address of the hub, in hexadecimal digits; undefined when it does not tell: then the file
 * is as good as one from elsewhere. headers: those that the file needs, which is on the same host.
 */
export async function digestOnHub(url, headers) {
  const [, repository, revision, path] = FILE.exec(new URL(url).pathname);
  try {
    const response = await fetch(`https://${HOST}/api/models/${repository}/paths-info/${revision}`, {
      method: "POST",
      headers,
      body: new URLSearchParams({ paths: decodeURIComponent(path) }),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const digest = (await response.json())[0].lfs.oid;
    return /^[0-9a-f]{64}$/.test(digest) ? digest : undefined;
  } catch {
    return undefined;
  }
}
