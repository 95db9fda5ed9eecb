/** The examples that inspect live connections: a tap in Node, and a proxy in Deno. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";

import WebSocket, { WebSocketServer } from "ws";
import type { InspectEvent } from "wscodec/inspect";

import { deno, example, freePort, node, script, started, within } from "./runtimes.ts";

const limit = { timeout: 120_000 };
const ws = new URL("../node_modules/ws/wrapper.mjs", import.meta.url);

/** Sends text and bytes, gets them back, and closes. */
async function talk(url: string): Promise<void> {
  const client = new WebSocket(url, ["chat"]);
  let seen = 0;
  client.on("message", () => seen++);
  await once(client, "open");
  client.send("Grüße");
  client.send(Buffer.alloc(200_000, "some bytes, not all the same "));
  while (seen < 2) await once(client, "message");
  client.close(4000, "bye");
  const [code] = (await once(client, "close")) as [number];
  assert.equal(code, 4000);
}

/** Holds what was shown to what was said. */
function judge(output: string, server: string): void {
  const lines = output.split("\n").filter((line) => line.startsWith("{"));
  const events = lines.map((line) => JSON.parse(line) as InspectEvent);
  const [conversation] = events.filter((event) => event.type === "conversation");
  assert.ok(conversation, output.slice(0, 2000));
  assert.equal(conversation.server, server);
  assert.ok(conversation.fromStart && !conversation.tls);
  const messages = events.filter((event) => event.type === "message");
  for (const dir of ["c2s", "s2c"]) {
    const [text, binary, ...rest] = messages.filter((message) => message.dir === dir);
    assert.deepEqual([text?.kind, text?.text], ["text", "Grüße"]);
    assert.deepEqual([binary?.kind, binary?.inflated ?? binary?.length, binary?.cut], ["binary", 200_000, true]);
    assert.deepEqual(rest, []);
    const close = events.find((event) => event.type === "frame" && event.closeCode === 4000 && event.dir === dir);
    assert.ok(close, `${dir}: no close frame`);
  }
  assert.deepEqual(events.filter((event) => event.type === "violation"), []);
  const end = events.find((event) => event.type === "end");
  assert.equal(end?.type === "end" ? end.closeReason : undefined, "bye");
}

test("node-tap.mjs shows the connections of a server that knows nothing of it", limit, async (t) => {
  const runtime = node();
  if ("skip" in runtime) return t.skip(runtime.skip);
  await within(async (folder) => {
    const port = await freePort();
    const tap = script(folder, "tap.mjs", example("node-tap.mjs"));
    const server = script(
      folder,
      "server.mjs",
      `import { createServer } from "node:http";
import { WebSocketServer } from ${JSON.stringify(ws.href)};
const http = createServer((_, response) => response.end("a page"));
const server = new WebSocketServer({ server: http, perMessageDeflate: true });
server.on("connection", (socket) => {
  socket.on("message", (data, binary) => socket.send(data, { binary }));
});
http.listen(${port}, "127.0.0.1");
`,
    );
    const command = [...runtime.command, "--import", new URL(`file://${tap}`).href, server];
    const said = await started(command, folder, port, async () => {
      const page = await fetch(`http://127.0.0.1:${port}/`);
      assert.equal(await page.text(), "a page");
      await talk(`ws://127.0.0.1:${port}/`);
    });
    judge(said, `127.0.0.1:${port}`);
  });
});

test("deno-proxy.mjs relays and shows", limit, async (t) => {
  const runtime = deno();
  if ("skip" in runtime) return t.skip(runtime.skip);
  const http = createServer();
  const upstream = new WebSocketServer({ server: http, perMessageDeflate: true });
  upstream.on("connection", (socket) => {
    socket.on("message", (data, binary) => socket.send(data, { binary }));
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const server = (http.address() as AddressInfo).port;
  try {
    await within(async (folder) => {
      const port = await freePort();
      const source = example("deno-proxy.mjs", port).replace("9000", String(server));
      const file = script(folder, "proxy.mjs", source);
      const said = await started([...runtime.command, file], folder, port, () =>
        talk(`ws://127.0.0.1:${port}/`),
      );
      judge(said, `127.0.0.1:${server}`);
    });
  } finally {
    upstream.close();
    http.closeAllConnections();
    http.close();
  }
});
