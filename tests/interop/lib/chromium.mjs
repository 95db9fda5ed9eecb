// A page in Chromium without a window, which says over HTTP how it fares.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { HOST } from "./stage.mjs";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const page = (url) => `<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<script type="module">
  import { outlast, talk } from "/messages.mjs";
  const say = (line) => fetch("/say", { method: "POST", body: line });
  try {
    const extensions = await talk(WebSocket, ${JSON.stringify(url)});
    await say("talked " + JSON.stringify({ extensions, did: [] }));
    await outlast(WebSocket, ${JSON.stringify(url)}, () => say("ready"));
    await say("done");
  } catch (error) {
    await say("failed " + error.message);
  }
</script>
`;

/** Starts the browser; it looks like a process whose output is what the page says. */
export async function chromium(stage, program, url) {
  const said = [];
  let wake = () => {};
  const site = createServer(async (request, response) => {
    if (request.method === "POST") {
      said.push(await text(request));
      wake();
      response.end();
    } else if (request.url === "/messages.mjs") {
      response.writeHead(200, { "Content-Type": "text/javascript; charset=utf-8" });
      response.end(readFileSync(new URL("messages.mjs", import.meta.url)));
    } else response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(page(url));
  });
  site.listen(0, HOST);
  await once(site, "listening");
  const profile = mkdtempSync(join(tmpdir(), "interop-chromium-"));
  const args = [...FLAGS, `--user-data-dir=${profile}`, `http://${HOST}:${site.address().port}/`];
  const browser = stage.start(program, args, { stdio: "ignore", env: { ...process.env, TMPDIR: profile } });
  const next = async () => {
    while (said.length === 0) await new Promise((resolve) => (wake = resolve));
    const value = said.shift();
    if (value.startsWith("failed ")) throw new Error(value);
    return { value, done: false };
  };
  const close = async () => {
    site.closeAllConnections();
    site.close();
    try {
      process.kill(-browser.pid, "SIGKILL");
    } catch {
      // It ended by itself.
    }
    await browser.ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  const page_ended = async () => {
    for (;;) if ((await next()).value === "done") return 0;
  };
  return {
    lines: { next },
    errors: () => "",
    get ended() {
      return page_ended();
    },
    close,
  };
}
