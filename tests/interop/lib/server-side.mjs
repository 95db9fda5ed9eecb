// `wscodec serve` and a peer that is the client.

import { HOST } from "./stage.mjs";
import { MESSAGES } from "./messages.mjs";

/** About what a conversation would take in each direction if nothing were compressed. */
const PLAIN = MESSAGES.reduce((sum, { length }) => sum + length, 0);

/** Starts an echo server; its port and log. */
export async function serve(stage, binary, args = []) {
  const server = stage.start(binary, [
    ...["serve", "--listen", `${HOST}:0`, "--protocol", "chat", "--log", "info", "--stats", "0.1"],
    ...args,
  ]);
  const line = await stage.line(server, "listening on ");
  server.port = Number(line.split(":").at(-1));
  return server;
}

/** The last figures that the server wrote. */
function figures(server) {
  const line = server.errors().split("\n").findLast((text) => text.startsWith("stats "));
  const pairs = (line ?? "stats ").split(" ").slice(1).map((pair) => pair.split("="));
  return Object.fromEntries(pairs.map(([name, value]) => [name, Number(value)]));
}

/**
 * Lets a client talk to the server behind `port`, then stops the server under it. Tells what was
 * agreed on and done.
 */
export async function meet(stage, server, port, start) {
  const client = start(`ws://${HOST}:${port}/chat`);
  const { did } = JSON.parse((await stage.line(client, "talked ")).slice(7));
  const agreed = server.errors().includes("open /chat chat permessage-deflate");
  await stage.line(client, "ready");
  // The figures of the conversation are written by then.
  await new Promise((resolve) => setTimeout(resolve, 300));
  const { bytes_in, bytes_out } = figures(server);
  process.kill(server.pid, "SIGTERM");
  await stage.end(client);
  await stage.end(server);
  const closes = server.errors().match(/ closed 4000 "tschüß 👋"/g) ?? [];
  if (closes.length !== 1) throw new Error(`the server's log: ${server.errors()}`);
  const small = (bytes) => (agreed && bytes < 0.75 * PLAIN * (did.includes("fragments") ? 1.5 : 1));
  return { agreed, up: small(bytes_in), down: small(bytes_out), did: [...did, "close", "1001"] };
}
