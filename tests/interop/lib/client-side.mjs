// `wscodec connect` and a peer that is the server.

import { HOST } from "./stage.mjs";
import { longText, PROTOCOL } from "./messages.mjs";

const lines = () => {
  const long = longText().replaceAll("\n", " ").slice(0, 500_000);
  const many = Array.from({ length: 500 }, (_, count) => `line ${count}, größer – 世界 👍`);
  return [...many, "", long, "the end"];
};

/** Talks to the server behind `port`; `server` prints what it saw. */
export async function meet(stage, binary, server, port, args, plain) {
  const url = `ws://${HOST}:${port}/chat`;
  const said = lines();
  const run = (more) => stage.start(binary, ["connect", "-v", "--protocol", PROTOCOL, ...args, ...more, url]);
  const client = run([]);
  client.stdin.write(`${said.join("\n")}\n`);
  for (const [at, line] of said.entries()) {
    if ((await stage.line(client)) !== line) throw new Error(`line ${at} came as another`);
  }
  client.stdin.end();
  await stage.end(client);
  if (!client.errors().includes("ping, 5 bytes")) throw new Error("no ping came");
  const seen = JSON.parse((await stage.line(server, "ended ")).slice(6));
  const agreed = seen.extensions.includes("permessage-deflate");
  const good = seen.code === 1000 && seen.protocol === PROTOCOL && seen.pongs === 1;
  if (!good || agreed === plain) throw new Error(`the server saw ${JSON.stringify(seen)}`);

  // Binary, and closed by the server; with pings of our own while it waits.
  const other = run(["--ping", "0.05"]);
  await new Promise((resolve) => setTimeout(resolve, 300));
  other.stdin.write("close\n");
  await stage.end(other, 1);
  const { code } = JSON.parse((await stage.line(server, "ended ")).slice(6));
  const told = other.errors();
  if (code !== 4001 || !told.includes('closed with 4001 "genug 👋"')) throw new Error(`${code}: ${told}`);
  if (!/pong, |round trip/.test(told)) throw new Error("no pong came");
  return { agreed, did: ["fragments", "ping", "close", "4001"] };
}
