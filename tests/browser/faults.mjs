// The faults of a server and of storage (tests/faults.mjs) in a real browser, over its real storage; and some of them from
// a page of another origin, where CORS hides the headers.

import assert from "node:assert/strict";
import { FaultServer, passOnTo } from "../fault-server.mjs";
import { FILE, Reader, networkCases, storageCases } from "../faults.mjs";

const MIB = 1 << 20;
const PLAIN = /^(reset|stall|status 503|noLength|ignoreRange)/; // faults that need no headers to be noticed

/**
 * browser: as drivers.mjs gives it; site: address of the page and the package; isChosen(case): whether it is run there.
 * bytesPerMs: of the server; a page may lose what has arrived when the connection breaks before it has taken it.
 */
export async function testFaults(t, browser, site, { isChosen, bytesPerMs = Infinity }) {
  const server = await new FaultServer(FILE, passOnTo(site)).listen();
  const runCase = async (name, given) => {
    const { value, error } = await browser.run(name, given);
    assert.equal(error, undefined, error);
    return value;
  };
  const read = (storage, url, options) => runCase("read a file", { storage, url, options });
  const test = async (storage, cases) => {
    for (const { name, run } of cases) {
      await runCase("forget a file", { url: server.url });
      server.setFile(FILE, '"one"');
      server.bytesPerMs = bytesPerMs;
      server.expect();
      await t.test(`${storage}: ${name}`, () => run({ server, reader: new Reader(server, read, storage, { lostBytes: MIB }) }));
    }
    t.diagnostic(`${cases.length} faults over ${storage}`);
  };
  try {
    const page = new URL("/tests/page.html", server.url);
    await browser.goto(page.href);
    const hasOpfs = await runCase("has OPFS");
    await test(hasOpfs ? "opfs" : "cache", [...networkCases, ...storageCases].filter(isChosen));
    if (hasOpfs) await test("cache", storageCases.filter(isChosen));
    page.hostname = "localhost";
    await browser.goto(page.href);
    await test("cache", networkCases.filter((given) => isChosen(given) && given.isEssential && PLAIN.test(given.name)));
  } finally {
    await server.close();
  }
}
