// The client of the dialogue with the runtime's own WebSocket: for Deno and Bun.

import process from "node:process";

import { talk } from "../lib/dialogue.mjs";

try {
  await talk(WebSocket, process.argv[2]);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
