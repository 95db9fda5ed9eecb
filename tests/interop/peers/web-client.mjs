// The runtime's own WebSocket (Node, Deno, Bun), or undici's.

import process from "node:process";

import { outlast, talk } from "../lib/messages.mjs";

const [url, from] = process.argv.slice(2);
const { WebSocket } = from === "undici" ? await import("undici") : globalThis;
try {
  const extensions = await talk(WebSocket, url);
  console.log(`talked ${JSON.stringify({ extensions, did: [] })}`);
  await outlast(WebSocket, url, () => console.log("ready"));
  process.exit(0);
} catch (error) {
  console.error(error.stack);
  process.exit(1);
}
