// Talks to every peer, and prints a table. `cargo xtask interop` installs the peers and calls this:
// node run.mjs BINARY TOKIO FOLDER FACTS [--quick], with TOKIO the same on wscodec-tokio, and with what is
// installed as JSON in FACTS.

import { readFileSync } from "node:fs";

import { chromium } from "./lib/chromium.mjs";
import { meet as meetServer } from "./lib/client-side.mjs";
import { peers } from "./lib/peers.mjs";
import { proxy } from "./lib/proxies.mjs";
import { meet, serve } from "./lib/server-side.mjs";
import { Stage } from "./lib/stage.mjs";

const [binary, onTokio, folder, facts, ...options] = process.argv.slice(2);
const versions = JSON.parse(readFileSync(facts, "utf8"));
const quick = options.includes("--quick");
const { clients, servers } = peers(folder, versions);
const rows = [];
let failed = 0;

const shown = (flag) => (flag ? "yes" : "–");

async function row(role, peer, way, run) {
  const name = peer.how === "" ? peer.name : `${peer.name}, ${peer.how}`;
  const cells = [role, name, way === "direct" ? way : `${way} ${versions[way] ?? ""}`.trim()];
  if (peer.missing !== undefined) {
    rows.push([...cells, "–", "–", "–", `skipped: ${peer.missing}`]);
    return;
  }
  const stage = new Stage();
  try {
    const { agreed, up, down, did } = await run(stage);
    if (agreed === Boolean(peer.plain)) throw new Error(`compression agreed on: ${agreed}`);
    rows.push([...cells, shown(agreed), up === undefined ? " " : shown(up), down === undefined ? " " : shown(down), did.join(", ")]);
  } catch (error) {
    failed += 1;
    rows.push([...cells, "", "", "", `FAILED: ${error.message}`]);
    console.error(`${name} (${way}): ${error.stack}`);
  } finally {
    await stage.clean();
  }
}

const start = (stage, peer) => (url) => stage.start(peer.program, [...peer.args, url, ...peer.last]);

/** The server, with the client that `run` starts, behind a proxy or not. */
function asServer(peer, way, run, ours = binary) {
  return row(ours === binary ? "server" : "server on tokio", peer, way, async (stage) => {
    const args = peer.how.startsWith("windows") ? ["--threshold", "0"] : [];
    const server = await serve(stage, ours, args);
    const port = await through(stage, way, server.port);
    return run(stage, server, port);
  });
}

function through(stage, way, port) {
  return way === "direct" ? port : proxy(stage, folder, way, versions.programs[way], port);
}

const ARGS = {
  "no takeover": ["--no-takeover"],
  "windows 9": ["--window", "9"],
  "windows 10": ["--window", "10"],
};

function asClient(peer, way, ours = binary) {
  return row(ours === binary ? "client" : "client on tokio", peer, way, async (stage) => {
    const server = stage.start(peer.program, [...peer.args, ...peer.last]);
    const port = Number((await stage.line(server, "port ")).slice(5));
    const front = await through(stage, way, port);
    return meetServer(stage, ours, server, front, ARGS[peer.how] ?? [], Boolean(peer.plain));
  });
}

for (const peer of clients) {
  if (quick && (peer.how !== "" || !/npm ws|Python/.test(peer.name))) continue;
  await asServer(peer, "direct", (stage, server, port) => meet(stage, server, port, start(stage, peer)));
}
if (!quick) {
  const browser = { name: `Chromium ${versions.chromium ?? ""}`.trim(), how: "", missing: versions.missing.chromium };
  await asServer(browser, "direct", async (stage, server, port) => {
    const page = await chromium(stage, versions.programs.chromium, `ws://127.0.0.1:${port}/chat`);
    try {
      return await meet(stage, server, port, () => page);
    } finally {
      await page.close();
    }
  });
}
for (const peer of servers) {
  if (quick && peer.how !== "") continue;
  await asClient(peer, "direct");
}
for (const peer of clients) {
  if (quick && (peer.how !== "" || !/npm ws|Python/.test(peer.name))) continue;
  await asServer(peer, "direct", (stage, server, port) => meet(stage, server, port, start(stage, peer)), onTokio);
}
for (const peer of servers) {
  if (quick && peer.how !== "") continue;
  await asClient(peer, "direct", onTokio);
}
for (const way of quick ? [] : ["nginx", "haproxy"]) {
  const missing = versions.missing[way];
  const named = (peer) => ({ ...peer, missing: peer.missing ?? missing });
  for (const peer of clients.filter(({ name, how }) => how === "" && /npm ws|Python|undici/.test(name))) {
    await asServer(named(peer), way, (stage, server, port) => meet(stage, server, port, start(stage, peer)));
  }
  for (const peer of servers.filter(({ how }) => how === "")) await asClient(named(peer), way);
}

const header = ["we are the", "peer", "way", "deflate", "up", "down", "besides the messages"];
const all = [header, header.map(() => "---"), ...rows];
const widths = header.map((_, at) => Math.max(...all.map((cells) => cells[at].length)));
for (const cells of all) {
  console.log(`| ${cells.map((cell, at) => (cell === "---" ? "-".repeat(widths[at]) : cell.padEnd(widths[at]))).join(" | ")} |`);
}
const skipped = rows.filter((cells) => cells[6].startsWith("skipped")).length;
console.log(`${rows.length - failed - skipped} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 ? 1 : 0;
