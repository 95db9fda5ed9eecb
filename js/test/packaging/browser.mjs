// A page in headless Chromium, which posts what it found to the server that it came from.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, extname, join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

const LIMIT = 90_000;

const OPTIONS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-sync",
  "--no-first-run",
  "--no-default-browser-check",
  "--remote-debugging-port=0",
];

/** Chromium or Chrome, if there is one. */
function chromium() {
  const named = process.env.CHROMIUM;
  if (named) return named;
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  const folders = (process.env.PATH ?? "").split(delimiter);
  return names
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
}

/** Opens `/` of this folder, or `html` in its place, and gives what the page posted. */
export async function inBrowser(root, html) {
  const program = chromium();
  if (program === undefined) return undefined;
  let posted;
  const result = new Promise((resolve, reject) => {
    posted = { resolve, reject };
  });
  const server = createServer((request, response) => {
    // Isolated, so that there is a SharedArrayBuffer.
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    const path = normalize(new URL(request.url, "http://localhost").pathname);
    if (request.method === "POST") {
      const chunks = [];
      request.on("data", (chunk) => chunks.push(chunk));
      request.on("end", () => {
        response.end();
        posted.resolve(Buffer.concat(chunks).toString());
      });
      return;
    }
    if (path === "/" && html !== undefined) {
      response.setHeader("Content-Type", TYPES[".html"]);
      return response.end(html);
    }
    const file = join(root, path === "/" ? "index.html" : path);
    if (!existsSync(file) || !statSync(file).isFile()) return response.writeHead(404).end();
    response.setHeader("Content-Type", TYPES[extname(file)] ?? "application/octet-stream");
    response.end(readFileSync(file));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const profile = mkdtempSync(join(tmpdir(), "wscodec-chromium-"));
  const url = `http://127.0.0.1:${server.address().port}/`;
  // A group of its own: Chromium is many processes.
  const browser = spawn(program, [...OPTIONS, `--user-data-dir=${profile}`, url], {
    detached: process.platform !== "win32",
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  browser.stderr.on("data", (text) => (said += text));
  browser.on("error", posted.reject);
  const ended = once(browser, "exit");
  browser.on("exit", () => posted.reject(new Error(`Chromium ended early:\n${said}`)));
  const late = () => posted.reject(new Error(`the page told nothing:\n${said}`));
  const timer = setTimeout(late, LIMIT);
  try {
    return await result;
  } finally {
    clearTimeout(timer);
    stop(browser);
    await ended;
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
  }
}

function stop(child) {
  try {
    if (process.platform === "win32") child.kill();
    else process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}
