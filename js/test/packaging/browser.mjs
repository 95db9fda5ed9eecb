// A page in headless Chromium, which posts what it found to the server that it came from.

import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

import { chromium, launch } from "./chromium.mjs";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

const LIMIT = 90_000;

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
  const url = `http://127.0.0.1:${server.address().port}/`;
  const browser = launch(program, url);
  browser.ended.then(() => posted.reject(new Error(`Chromium ended early:\n${browser.said()}`)), posted.reject);
  const late = () => posted.reject(new Error(`the page told nothing:\n${browser.said()}`));
  const timer = setTimeout(late, LIMIT);
  try {
    return await result;
  } finally {
    clearTimeout(timer);
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
}
