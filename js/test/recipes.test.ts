/** The recipes of pkg/RECIPES.md, run as they are written but for ports. */

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo, Server } from "node:net";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import WebSocket, { WebSocketServer } from "ws";
import {
  Connect,
  MessageEncoder,
  MessageDecoder,
  type OwnedMessage,
  Upgrade,
  UpgradeRequest,
} from "wscodec";

import { example, freePort, node, script, started, within } from "./runtimes.ts";

const limit = { timeout: 60_000 };
const root = new URL("../../", import.meta.url);
const recipes = readFileSync(new URL("pkg/RECIPES.md", root), "utf8");

/** A block of JavaScript below a heading, counted from 0. */
function recipe(heading: string, index = 0): string {
  const part = recipes.split(/^##+ /m).find((part) => part.startsWith(`${heading}\n`));
  const block = [...(part ?? "").matchAll(/^```js\n(.*?)^```$/gms)][index]?.[1];
  assert.ok(block, `there is such a recipe: ${heading}`);
  return block;
}

/** Runs it with the built package, and gives what it exports. */
async function run<T>(source: string): Promise<T> {
  const built = source.replace(/"wscodec(?:\/(\w+))?"/g, (_, name = "index") =>
    JSON.stringify(new URL(`pkg/dist/${name}.mjs`, root).href),
  );
  return within(async (folder) => {
    const path = script(folder, "recipe.mjs", built);
    return (await import(pathToFileURL(path).href)) as T;
  });
}

/** The URL of a recipe's server, which was to listen on any port. */
async function listening(server: Server): Promise<string> {
  if (!server.listening) await once(server, "listening");
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function closed(server: Server): Promise<void> {
  server.close();
  await once(server, "close");
}

async function opened(url: string): Promise<WebSocket> {
  const client = new WebSocket(url);
  await once(client, "open");
  return client;
}

async function message(client: WebSocket): Promise<string> {
  const [data] = (await once(client, "message")) as [Buffer];
  return data.toString();
}

/** The other side's end of the connection may come later. */
async function filled(list: readonly unknown[]): Promise<void> {
  while (list.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

const anyPort = (source: string) => {
  assert.match(source, /listen\(8080/);
  return source.replace("listen(8080", "listen(0");
};

test("read both sides of a connection", async () => {
  type Sniffer = (log: (side: string, message: OwnedMessage) => void) => {
    fromClient(chunk: Uint8Array): void;
    fromServer(chunk: Uint8Array): void;
  };
  const { sniffer } = await run<{ sniffer: Sniffer }>(recipe("Read both sides of a connection"));
  const seen: [string, OwnedMessage][] = [];
  const sees = sniffer((side, message) => seen.push([side, message]));
  const offer = new Connect({ host: "example.com" });
  sees.fromClient(offer.bytes.subarray(0, 40));
  sees.fromClient(offer.bytes.subarray(40));
  const upgrade = new Upgrade(UpgradeRequest.parse(offer.bytes) as UpgradeRequest);
  const answer = upgrade.accept();
  const server = upgrade.session();
  const text = "compressed ".repeat(20);
  sees.fromServer(answer.subarray(0, 40));
  sees.fromServer(Buffer.concat([answer.subarray(40), server.text(text).take()]));
  assert.ok(offer.push(answer));
  const client = offer.session();
  for (const chunk of [client.text(text).text(text).take(), client.close(1000, "bye").take()]) {
    sees.fromClient(chunk);
  }
  assert.deepEqual(seen, [
    ["server", { type: "text", data: text }],
    ["client", { type: "text", data: text }],
    ["client", { type: "text", data: text }],
    ["client", { type: "close", code: 1000, reason: "bye" }],
  ]);
});

test("inspect a stream", async () => {
  type Inspector = (direction: string, log: (line: string) => void) => (chunk: Uint8Array) => void;
  const { inspector } = await run<{ inspector: Inspector }>(recipe("Inspect a stream"));
  const lines: string[] = [];
  const passed = inspector("from client", (line) => lines.push(line));
  const bytes = new MessageEncoder({ role: "client" }).text("Hello").binary(new Uint8Array(70_000)).take();
  for (let at = 0; at < bytes.length; at += 1000) passed(bytes.subarray(at, at + 1000));
  assert.deepEqual(lines, [
    "from client: opcode 1, 5 bytes at 0",
    "from client: opcode 2, 70000 bytes at 11",
  ]);
});

test("write a proxy", limit, async () => {
  const upstream = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(upstream, "listening");
  const reasons: string[] = [];
  upstream.on("connection", (socket) => {
    socket.send("welcome");
    socket.on("message", (data, binary) => socket.send(data, { binary }));
    socket.on("close", (code, reason) => reasons.push(`${code} ${reason}`));
  });
  const { port } = upstream.address() as AddressInfo;
  const source = anyPort(recipe("Write a proxy")).replace(":9000/", `:${port}/`);
  const { proxy } = await run<{ proxy: Server }>(source);
  const client = await opened(await listening(proxy));
  const received: string[] = [];
  client.on("message", (data, binary) => received.push(`${binary} ${(data as Buffer).length}`));
  client.send("early");
  client.send(randomBytes(3_000_000)); // which no compression makes small
  client.send("x".repeat(500));
  while (received.length < 4) await once(client, "message");
  assert.deepEqual(received, ["false 7", "false 5", "true 3000000", "false 500"]);
  client.close(4001, "enough");
  await once(client, "close");
  await filled(reasons);
  assert.deepEqual(reasons, ["4001 enough"]);

  const connection = once(upstream, "connection") as Promise<[WebSocket]>;
  const other = await opened(await listening(proxy));
  const [socket] = await connection;
  socket.close(4002, "over there");
  const [code] = await once(other, "close");
  assert.equal(code, 4002);
  upstream.close();
  await closed(proxy);
});

test("call a server from a worker: examples.test.ts runs it", () => {
  const source = readFileSync(new URL("examples/js/worker-client.mjs", root), "utf8");
  const heading = "Call a server from a worker, with an Authorization header";
  assert.equal(recipe(heading), source.replace(/^(\/\/.*\n)+\n/, ""));
});

test("broadcast", limit, async () => {
  const { server } = await run<{ server: Server }>(anyPort(recipe("Broadcast")));
  const url = await listening(server);
  const clients = [await opened(url), await opened(url), await opened(url)] as const;
  const heard = clients.slice(1).map(message);
  clients[0].on("message", () => assert.fail("not to the sender"));
  clients[0].send("to all");
  assert.deepEqual(await Promise.all(heard), ["to all", "to all"]);
  for (const client of clients) {
    client.close();
    await once(client, "close");
  }
  await closed(server);
});

test("large messages in pieces", limit, async () => {
  const heading = "Take and send large messages in pieces";
  const { server } = await run<{ server: Server }>(anyPort(recipe(heading)));
  type Upload = (url: string, chunks: AsyncIterable<Uint8Array>) => Promise<string>;
  const { upload } = await run<{ upload: Upload }>(recipe(heading, 1));
  const chunk = randomBytes(100_000);
  async function* chunks() {
    for (let i = 0; i < 100; i++) yield chunk;
  }
  const hash = createHash("sha256");
  for (let i = 0; i < 100; i++) hash.update(chunk);
  assert.equal(await upload(await listening(server), chunks()), hash.digest("hex"));
  await closed(server);
});

test("a heartbeat", limit, async () => {
  const heading = "Notice who is gone: a heartbeat";
  const source = anyPort(recipe(heading)).replace("30_000", "30").replace("10_000", "30");
  const { server, lost } = await run<{ server: Server; lost: string[] }>(source);
  const client = new WebSocket(await listening(server), { autoPong: false });
  await once(client, "open");
  await once(client, "close");
  await filled(lost);
  assert.deepEqual(lost, ["NO_PONG"]);
  await closed(server);
});

test("a heartbeat without an adapter", async () => {
  type Turn = (now: number) => { bytes: Uint8Array; again: number | undefined };
  const { turn } = await run<{ turn: Turn }>(recipe("Notice who is gone: a heartbeat", 1));
  assert.equal(turn(0).bytes.length, 0);
  assert.equal(turn(29_999).again, 30_000);
  const { bytes } = turn(30_000);
  const decoder = new MessageDecoder({ role: "client" }).push(bytes);
  assert.equal(decoder.next() && decoder.type, "ping");
});

test("compress", limit, async () => {
  const port = await freePort();
  const source = recipe("Compress").replaceAll("8080", String(port));
  const { server, answer } = await run<{ server: Server; answer: Promise<string> }>(source);
  assert.equal(await answer, "a".repeat(10_000));
  const client = new WebSocket(`ws://127.0.0.1:${port}/`);
  const [{ headers }] = await once(client, "upgrade");
  const agreed = headers["sec-websocket-extensions"];
  assert.equal(agreed, "permessage-deflate; client_no_context_takeover");
  client.on("error", () => {});
  client.terminate();
  await closed(server);
});

test("share between threads", limit, async (t) => {
  const source = readFileSync(new URL("examples/js/threads.mjs", root), "utf8");
  assert.equal(recipe("Share between threads"), source.replace(/^(\/\/.*\n)+\n/, ""));
  const runtime = node();
  if ("skip" in runtime) return t.skip(runtime.skip);
  await within(async (folder) => {
    const port = await freePort();
    const file = script(folder, "threads.mjs", example("threads.mjs", port));
    const said = await started([...runtime.command, file], folder, port, async () => {
      const client = await opened(`ws://127.0.0.1:${port}/`);
      for (const data of ["Grüße", Buffer.alloc(100_000)]) {
        client.send(data);
        await once(client, "message");
      }
      client.close();
      await once(client, "close");
    });
    assert.match(said, /^text: Grüße\nbinary: 100000 bytes$/m);
  });
});

test("share without any copy", async () => {
  type Shared = {
    received(chunk: Uint8Array): void;
    next(): Uint8Array | undefined;
    release(): boolean;
  };
  const { received, next, release } = await run<Shared>(recipe("Without any copy"));
  received(new MessageEncoder({ role: "server" }).text("Hello").binary(Uint8Array.of(1, 2)).take());
  assert.equal(String.fromCharCode(...(next() ?? [])), "Hello");
  const second = next();
  assert.deepEqual([...(second ?? [])], [1, 2]);
  assert.ok(second?.buffer instanceof SharedArrayBuffer);
  assert.equal(release(), false, "the second is not released yet");
});
