// The dialogue of lib/dialogue.mjs, held by a page in Chromium without a window.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { PROTOCOL } from "../lib/dialogue.mjs";
import { HOST } from "../lib/stage.mjs";
import { answering } from "../lib/ws-answers.mjs";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const page = (url) => `<!doctype html>
<meta charset="utf-8">
<title>dialogue</title>
<link rel="icon" href="data:,">
<script type="module">
  import { talk } from "/lib/dialogue.mjs";
  const result = await talk(WebSocket, ${JSON.stringify(url)}).then(
    () => "done",
    (error) => error.message,
  );
  await fetch("/result", { method: "POST", body: result });
</script>
`;

/** Serves the page and its modules; `result` is what the page says at its end. */
async function serve(stage, url) {
  let report;
  const result = new Promise((resolve) => (report = resolve));
  const answers = {
    "GET /": ["text/html; charset=utf-8", () => page(url)],
    "POST /result": ["text/plain", async (request) => void report(await text(request))],
  };
  for (const name of ["data", "dialogue"]) {
    const file = new URL(`../lib/${name}.mjs`, import.meta.url);
    answers[`GET /lib/${name}.mjs`] = ["text/javascript; charset=utf-8", () => readFileSync(file)];
  }
  const server = createServer(async (request, response) => {
    const [type, body] = answers[`${request.method} ${request.url}`] ?? [];
    if (type === undefined) response.writeHead(404).end();
    else response.writeHead(200, { "Content-Type": type }).end((await body(request)) ?? "");
  });
  return { port: await stage.listen(server), result };
}

function chromium(options) {
  return async (stage) => {
    const { port, sent } = await answering(stage, options);
    const site = await serve(stage, `ws://${HOST}:${port}/chat?room=1`);
    const profile = mkdtempSync(join(tmpdir(), "chromium-"));
    stage.defer(() => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }));
    const url = `http://${HOST}:${site.port}/`;
    // What it leaves in the folder for temporary files goes with its profile.
    const env = { ...process.env, TMPDIR: profile };
    const browser = stage.start("chromium", [...FLAGS, `--user-data-dir=${profile}`, url], { env });
    const gone = browser.ended.then(() => "Chromium ended before the page did");
    const result = await Promise.race([site.result, gone]);
    if (result !== "done") throw new Error(result);
    return sent();
  };
}

const ABOUT = `The dialogue of \`lib/dialogue.mjs\`, held by a page: subprotocol ${PROTOCOL} chosen of
two; text, binary and empty messages, several at once, lengths around 125 and up to 66 000;
closed by the page with 1000 and a reason. The server pings before some answers and sends long
ones in fragments.`;

export default [
  {
    name: "chromium-deflate",
    peers: ["Chromium client", "ws server"],
    about: `${ABOUT} permessage-deflate with context takeover.`,
    run: chromium({ perMessageDeflate: { threshold: 0 } }),
  },
  {
    name: "chromium-deflate-no-takeover",
    peers: ["Chromium client", "ws server"],
    about: `${ABOUT} permessage-deflate; the server asks for no context takeover either way and a
client window of 11 bits.`,
    run: chromium({
      perMessageDeflate: {
        threshold: 0,
        serverNoContextTakeover: true,
        clientNoContextTakeover: true,
        clientMaxWindowBits: 11,
      },
    }),
  },
];
