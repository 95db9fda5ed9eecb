// The workers of examples/workers, as their users run them: unit tests by vitest, and `wrangler dev`.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";

import { freePort } from "./workerd.mjs";

const EXAMPLE = fileURLToPath(new URL("../../../examples/workers", import.meta.url));
/** Long enough for a start on a busy machine. */
const LIMIT = 120_000;
const SECRET = "secret-of-the-tests";

/** Copies the example beside the installed package, with the tools that it names. */
function prepare(folder, peers) {
  const { devDependencies } = manifest(EXAMPLE);
  const pinned = manifest(join(peers, "..")).devDependencies;
  for (const name of ["src", "test", "vitest.config.js", "wrangler.jsonc"]) {
    cpSync(join(EXAMPLE, name), join(folder, name), { recursive: true });
  }
  for (const [name, version] of Object.entries(devDependencies)) {
    if (pinned[name] !== version) throw new Error(`${name}: ${version}, and ${pinned[name]} here`);
    const link = join(folder, "node_modules", name);
    mkdirSync(join(link, ".."), { recursive: true });
    symlinkSync(join(peers, name), link, "junction");
  }
}

function manifest(folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

/** The unit tests; how many have passed. */
export async function unitTests({ folder, peers, run }) {
  prepare(folder, peers);
  const words = [join(peers, "vitest/vitest.mjs"), "run", "--reporter=json"];
  const said = await run(process.execPath, words, { cwd: folder, env: quiet() });
  const result = JSON.parse(said.slice(said.indexOf('{"num')).split("\n")[0]);
  if (!result.success || result.numPassedTests === 0) throw new Error(said);
  return `${result.numPassedTests} tests in vitest-pool-workers`;
}

/** Without requests to the network. */
function quiet() {
  const CLOUDFLARE_CF_FETCH_ENABLED = "false";
  return { ...process.env, CLOUDFLARE_CF_FETCH_ENABLED, WRANGLER_SEND_METRICS: "false", CI: "1" };
}

/** Both workers in `wrangler dev`, with the earliest and the latest of these compatibility dates. */
export async function inWrangler({ folder, tools, peers }) {
  prepare(folder, peers);
  const { WebSocket } = await import(pathToFileURL(join(tools, "ws/wrapper.mjs")).href);
  const { tokenFor } = await import(pathToFileURL(join(folder, "src/token.js")).href);
  const { default: backend } = await import(pathToFileURL(join(folder, "test/backend.js")).href);
  let url;
  const stop = await backend({ provide: (_, value) => (url = value) });
  try {
    const vars = { BACKEND: url, BACKEND_TOKEN: "1234", TOKEN_SECRET: SECRET };
    const lines = Object.entries(vars).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(join(folder, ".dev.vars"), lines.join(""));
    const token = await tokenFor("ada", SECRET, 600);
    const dates = ["2024-04-03", "2026-01-01", "2026-04-21"];
    for (const date of dates) {
      const said = await serving(folder, peers, date, async (port) => {
        await relayed(WebSocket, `ws://127.0.0.1:${port}/gateway`, token);
        await talked(WebSocket, `ws://127.0.0.1:${port}/rooms/${date}`, token);
      });
      const log = said.split("\n").find((line) => line.includes('"event":"closed"'));
      const { frames } = JSON.parse(log.slice(log.indexOf("{")));
      for (const direction of ["to backend", "from backend"]) {
        equal(frames[`${direction}: binary`], 1001, `${date}: ${direction}`);
      }
    }
    return `with the dates ${dates.join(", ")}`;
  } finally {
    await stop();
  }
}

/** 1,000 messages of 1 KiB and one of 8 MiB through the gateway, and the close code. */
async function relayed(WebSocket, url, token) {
  const options = { origin: "https://example.com", maxPayload: 2 ** 26 };
  const client = new WebSocket(url, ["chat", `bearer.${token}`], options);
  const closed = once(client, "close");
  await once(client, "open");
  equal(client.protocol, "chat", "the subprotocol");
  const sent = Array.from({ length: 1000 }, (_, i) => Buffer.alloc(1024, i));
  sent.push(Buffer.alloc(8 * 1024 * 1024, "some bytes, not all the same "));
  let at = 0;
  const all = new Promise((resolve, reject) => {
    client.on("message", (data) => {
      if (!data.equals(sent[at++])) reject(new Error(`message ${at - 1} differs`));
      if (at === sent.length) resolve();
    });
    closed.then(([code, reason]) => reject(new Error(`closed: ${code} ${reason}`)));
  });
  for (const message of sent) client.send(message);
  await all;
  client.close(4000, "bye");
  equal((await closed).join(" "), "4000 bye", "the gateway's close");
}

async function talked(WebSocket, url, token) {
  const headers = { Authorization: `Bearer ${token}` };
  const ends = [
    [(client) => client.close(4001, "see you"), "4001 see you"],
    [(client) => client.close(), "1005 "],
  ];
  for (const [end, expected] of ends) {
    const client = new WebSocket(url, ["room"], { headers });
    const lines = [];
    client.on("message", (data) => lines.push(String(data)));
    const closed = once(client, "close");
    await once(client, "open");
    client.send("hello");
    while (lines.length < 2) await once(client, "message");
    equal(lines.join(), "ada is here,ada: hello", "the room");
    end(client);
    equal((await closed).join(" "), expected, "the room's close");
  }
}

function equal(found, expected, name) {
  if (found !== expected) throw new Error(`${name}: ${found}, and expected ${expected}`);
}

/** `wrangler dev` with that compatibility date, until the function returns; what it printed. */
async function serving(folder, peers, date, use) {
  const port = String(await freePort());
  const words = ["dev", "--local", "--ip", "127.0.0.1", "--port", port, "--compatibility-date", date];
  const cli = join(peers, "wrangler/wrangler-dist/cli.js");
  const child = spawn(process.execPath, [cli, ...words, "--show-interactive-dev-session=false"], {
    cwd: folder,
    env: quiet(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
  const ended = once(child, "exit");
  try {
    const until = Date.now() + LIMIT;
    for (;;) {
      if (child.exitCode !== null || Date.now() > until) throw new Error(`wrangler: ${said}`);
      if (await fetch(`http://127.0.0.1:${port}/`).then(() => true, () => false)) break;
      await sleep(100);
    }
    await use(port).catch((error) => {
      throw new Error(`${date}: ${error.message}\n${said}`);
    });
    // The log of the last connection may still be on its way.
    for (let tries = 0; tries < 100 && !said.includes('"closed"'); tries++) await sleep(50);
    return said;
  } finally {
    child.kill();
    await ended;
  }
}
