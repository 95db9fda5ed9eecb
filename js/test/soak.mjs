// Echoes ten million messages over the adapter for Node, plain and compressed, and looks at the
// memory after each tenth: `node --expose-gc soak.mjs [MESSAGES]`; `cargo xtask soak` runs it.

import { setTimeout as sleep } from "node:timers/promises";

import { MessageDecoder } from "../../pkg/dist/index.mjs";
import { connect, createServer } from "../../pkg/dist/node.mjs";

const messages = Number(process.argv[2] ?? 1e7);
const CONNECTIONS = 10;
const BURST = 200;

/** How much may come to it after the second tenth: of ten million, a leak of 2 bytes each is more. */
const MOST = { rss: 15 * 2 ** 20, heap: 4 * 2 ** 20, wasm: 0 };

const words = "the quick brown fox jumps over the lazy dog and runs away from it ".repeat(400);

/** Messages of 0 to 300 bytes, text and binary. One in two thousand has 20,000 bytes. */
function* payloads() {
  const bytes = new TextEncoder().encode(words);
  for (let i = 0; ; i = (i + 1) % 1_000_000) {
    const length = i % 2000 === 1999 ? 20_000 : (i * 37) % 301;
    const from = i % 1000;
    if (i % 2 === 0) yield words.slice(from, from + length);
    else yield bytes.subarray(from, from + length);
  }
}

function wasm() {
  const decoder = new MessageDecoder({ role: "client" });
  const { byteLength } = decoder.reserve(1).buffer;
  decoder.free();
  return byteLength;
}

async function measured() {
  for (let i = 0; i < 3; i++) {
    await sleep(20);
    globalThis.gc();
  }
  const { rss, heapUsed: heap } = process.memoryUsage();
  return { rss, heap, wasm: wasm() };
}

/** A connection that sends a burst, waits for its echo, and so on. */
async function client(port, deflate, next) {
  let left = 0;
  let done;
  const ws = await connect(`ws://127.0.0.1:${port}/`, {
    deflate,
    message: () => --left === 0 && done(),
  });
  return {
    async run(count) {
      while (count > 0) {
        left = Math.min(BURST, count);
        count -= left;
        const all = new Promise((resolve) => (done = resolve));
        for (let i = left; i > 0; i--) ws.send(next());
        await all;
      }
    },
    close: () => ws.close(),
  };
}

async function soak(name, deflate) {
  const server = createServer({ deflate, message: (ws, data) => ws.send(data) });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const source = payloads();
  const next = () => source.next().value;
  const clients = [];
  for (let i = 0; i < CONNECTIONS; i++) {
    clients.push(await client(server.address().port, deflate, next));
  }
  const tenths = [];
  for (let tenth = 1; tenth <= 10; tenth++) {
    await Promise.all(clients.map((one) => one.run(messages / 10 / CONNECTIONS)));
    const now = await measured();
    tenths.push(now);
    const shown = Object.entries(now).map(([what, bytes]) => `${what} ${(bytes / 2 ** 20).toFixed(1)}`);
    console.log(`${name}: ${(messages / 10) * tenth} messages: ${shown.join(", ")} MiB`);
  }
  for (const one of clients) one.close();
  await new Promise((resolve) => server.close(resolve));
  for (const [what, most] of Object.entries(MOST)) {
    const grown = tenths[9][what] - tenths[1][what];
    if (grown > most) throw new Error(`${name}: ${what} grew by ${grown} bytes, and may by ${most}`);
  }
}

await soak("plain", false);
await soak("compressed", {});
