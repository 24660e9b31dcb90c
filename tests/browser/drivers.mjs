// Starts a real browser and gives it one face: { goto(url), run(caseName, given), evaluate(expression), page?, close() }. Chromium and
// Firefox are driven by puppeteer-core (DevTools protocol and WebDriver BiDi), WebKitGTK by plain WebDriver.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";

const PATIENCE_MS = 120_000; // for one case: a slow machine that does something else besides
const CHROMIUM_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];

const firstOf = (...paths) => paths.find((path) => existsSync(path));

const programs = {
  chromium: firstOf("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"),
  firefox: firstOf("/usr/bin/firefox-esr", "/usr/bin/firefox"),
  webkitDriver: firstOf("/usr/bin/WebKitWebDriver"),
  miniBrowser: findMiniBrowser(),
  xvfb: firstOf("/usr/bin/Xvfb"),
};

/** Each browser that is tested: open() starts it; missing: why it cannot be, if so. */
export const browsers = {
  Chromium: {
    missing: !programs.chromium && "chromium is not installed",
    open: () => openPuppeteer({ browser: "chrome", executablePath: programs.chromium, args: CHROMIUM_ARGS }),
  },
  Firefox: {
    missing: !programs.firefox && "firefox-esr is not installed",
    open: () => openPuppeteer({ browser: "firefox", executablePath: programs.firefox }),
  },
  WebKitGTK: {
    missing: !(programs.webkitDriver && programs.miniBrowser && programs.xvfb) &&
      "webkit2gtk-driver, MiniBrowser (libwebkit2gtk-4.1-0) or xvfb is not installed",
    open: openWebKit,
  },
};

function findMiniBrowser() {
  const libraries = "/usr/lib";
  if (!existsSync(libraries)) return undefined;
  const folders = readdirSync(libraries).flatMap((name) => [`${libraries}/${name}/webkit2gtk-4.1`]);
  return firstOf(...folders.map((folder) => `${folder}/MiniBrowser`));
}

async function openPuppeteer(options) {
  const browser = await puppeteer.launch({ headless: true, protocolTimeout: PATIENCE_MS, ...options });
  const page = await browser.newPage();
  return {
    page,
    goto: (url) => page.goto(url, { waitUntil: "load", timeout: PATIENCE_MS }),
    run: (name, given = {}) => page.evaluate((...call) => globalThis.runCase(...call), name, given),
    evaluate: (expression) => page.evaluate(expression),
    close: () => browser.close(),
  };
}

// WebKitGTK may call a page loaded before its modules have run.
const RUN_CASE = `const [name, given, done] = arguments;
  const run = () => globalThis.runCase ? globalThis.runCase(name, given).then(done) : setTimeout(run, 20);
  run();`;

async function openWebKit() {
  const started = [];
  const stop = () => started.forEach((child) => child.kill());
  try {
    const { child: xvfb, line: display } = await startXvfb();
    started.push(xvfb);
    const port = await freePort();
    const env = { ...process.env, DISPLAY: `:${display}`, LIBGL_ALWAYS_SOFTWARE: "1" };
    started.push(spawn(programs.webkitDriver, [`--port=${port}`], { env, stdio: "ignore" }));
    const session = await openSession(`http://127.0.0.1:${port}`);
    return {
      goto: (url) => session.post("url", { url }),
      run: (name, given = {}) => session.post("execute/async", { script: RUN_CASE, args: [name, given] }),
      evaluate: (expression) => session.post("execute/sync", { script: `return ${expression}`, args: [] }),
      close: () => session.end().finally(stop),
    };
  } catch (error) {
    stop();
    throw error;
  }
}

/**
 * WebKitGTK as a person has it, { goto, run, close }. Under WebDriver it is a private window, which forgets what a page keeps
 * when that page is left; so this one is driven by its page (page.js), which asks the driver what to do.
 */
export async function openWebKitWithProfile() {
  const folder = mkdtempSync(join(tmpdir(), "sotto-webkit-"));
  const { child: xvfb, line: display } = await startXvfb();
  const env = { ...process.env, DISPLAY: `:${display}`, LIBGL_ALWAYS_SOFTWARE: "1", HOME: folder };
  for (const name of ["XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"]) delete env[name];
  let asked = defer(); // of the page's next question: the response to it
  let told = defer(); // of the page's next answer
  const server = createHttpServer(async (request, response) => {
    response.setHeader("Access-Control-Allow-Origin", "*");
    if (request.method === "GET") return asked.resolve(response);
    const parts = await request.toArray();
    response.end();
    told.resolve(JSON.parse(Buffer.concat(parts)));
  }).listen(0, "127.0.0.1");
  let browser;
  const command = async (message) => {
    const response = await asked.promise;
    asked = defer();
    response.end(JSON.stringify(message));
  };
  return {
    async goto(address) {
      const url = new URL(address);
      url.searchParams.set("driver", `http://127.0.0.1:${server.address().port}/`);
      if (browser) await command({ url: url.href });
      else browser = spawn(programs.miniBrowser, [url.href], { env, stdio: "ignore" });
      await inTime(asked.promise);
    },
    async run(name, given = {}) {
      told = defer();
      await command({ name, given });
      return inTime(told.promise);
    },
    async close() {
      for (const child of [browser, xvfb]) child?.kill();
      server.closeAllConnections();
      server.close();
      await new Promise((resolve) => setTimeout(resolve, 500)); // its processes write to the end
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function defer() {
  let resolve;
  const promise = new Promise((given) => (resolve = given));
  return { promise, resolve };
}

function inTime(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("the page does not answer")), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A display of its own; Xvfb writes the number that it took to file descriptor 3. */
function startXvfb() {
  const args = ["-displayfd", "3", "-screen", "0", "1024x768x24", "-nolisten", "tcp"];
  const child = spawn(programs.xvfb, args, { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  return new Promise((resolve, reject) => {
    child.stdio[3].once("data", (data) => resolve({ child, line: String(data).trim() }));
    child.once("exit", (code) => reject(new Error(`Xvfb ended with code ${code}`)));
  });
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function openSession(driver) {
  await untilListening(driver);
  const alwaysMatch = {
    "webkitgtk:browserOptions": { binary: programs.miniBrowser, args: ["--automation"] },
    timeouts: { script: PATIENCE_MS, pageLoad: PATIENCE_MS },
  };
  const { sessionId } = await ask(`${driver}/session`, "POST", { capabilities: { alwaysMatch } });
  return {
    post: (command, body) => ask(`${driver}/session/${sessionId}/${command}`, "POST", body),
    end: () => ask(`${driver}/session/${sessionId}`, "DELETE"),
  };
}

async function untilListening(driver) {
  for (let tries = 0; ; tries++) {
    try {
      return await ask(`${driver}/status`, "GET");
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function ask(url, method, body) {
  const response = await fetch(url, {
    method, body: body && JSON.stringify(body), signal: AbortSignal.timeout(PATIENCE_MS + 5000),
  });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`WebDriver: ${value.error}: ${value.message}`);
  return value;
}
