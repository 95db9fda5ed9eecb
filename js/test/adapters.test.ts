/** TLS, and handlers that throw, with the adapters of all runtimes. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import WebSocket from "ws";
import { accept, connect, createServer, type NodeServerOptions } from "wscodec/node";

import { bun, deno, freePort, node, started, within } from "./runtimes.ts";

const limit = { timeout: 60_000 };
const keys = new URL("adapters/", import.meta.url);
const [key, cert] = ["key.pem", "cert.pem"].map((name) => readFileSync(new URL(name, keys)));
const trusting = { ca: cert as Buffer };

/** A client of ws, when it is open. */
async function opened(url: string): Promise<WebSocket> {
  const client = new WebSocket(url, trusting);
  await once(client, "open");
  return client;
}

/** The code that a server closes with. */
async function closedWith(client: WebSocket): Promise<number> {
  const [code] = (await once(client, "close")) as [number];
  return code;
}

async function echoes(client: WebSocket): Promise<void> {
  const large = Buffer.alloc(300_000, "some bytes, not all the same ");
  for (const data of ["Grüße", large]) {
    client.send(data);
    const [came] = (await once(client, "message")) as [Buffer];
    assert.equal(Buffer.compare(came, Buffer.from(data)), 0);
  }
}

async function refusedWith(url: string): Promise<number> {
  const client = new WebSocket(url, trusting);
  client.on("error", () => {});
  const [, response] = (await once(client, "unexpected-response")) as [unknown, { statusCode: number }];
  client.terminate();
  return response.statusCode;
}

for (const [name, find] of [["node", node], ["deno", deno], ["bun", bun]] as const) {
  test(`${name}: TLS at both ends, and handlers that throw`, limit, async (t) => {
    const runtime = find();
    if ("skip" in runtime) return t.skip(runtime.skip);
    await within(async (folder) => {
      const port = await freePort();
      const adapter = new URL(`../../pkg/dist/${name}.mjs`, import.meta.url).href;
      const script = fileURLToPath(new URL("server.mjs", keys));
      const command = [...runtime.command, script, adapter, name, String(port), fileURLToPath(keys)];
      const said = await started(command, folder, port, async () => {
        const url = `wss://localhost:${port}/`;
        const steady = await opened(url);
        await echoes(steady);
        steady.send("dial");
        const [came] = (await once(steady, "message")) as [Buffer];
        assert.equal(came.toString(), "to myself");

        assert.equal(await closedWith(await opened(`${url}open`)), 1011);
        const pinging = await opened(url);
        pinging.ping();
        assert.equal(await closedWith(pinging), 1011);
        assert.equal(await refusedWith(`${url}upgrade`), 500);
        assert.equal(await refusedWith(`${url}later`), 500);
        const closing = await opened(`${url}close`);
        closing.close(4000);
        assert.equal(await closedWith(closing), 4000);

        // The other connections notice nothing of this.
        await echoes(steady);
        steady.close(1000);
        assert.equal(await closedWith(steady), 1000);
      });
      for (const what of ["open", "ping", "upgrade", "later", "close"]) {
        assert.match(said, new RegExp(`^reported: ${what}$`, "m"), said);
      }
      assert.match(said, /^closed: \/open 1011$/m);
      assert.match(said, /^closed: \/ 1011$/m);
      assert.doesNotMatch(said, /^closed: \/(upgrade|later) /m);
    });
  });
}

async function serving(server: Server, run: (port: number) => Promise<void>): Promise<void> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await run((server.address() as AddressInfo).port);
  } finally {
    const closed = once(server, "close");
    server.close();
    await closed;
  }
}

const echo: NodeServerOptions = { message: (ws, data) => ws.send(data) };

test("behind an https server", limit, async () => {
  const server = createHttpsServer({ key, cert });
  server.on("upgrade", (request, socket, head) => accept(request, socket, head, echo));
  await serving(server, async (port) => {
    const client = await opened(`wss://localhost:${port}/`);
    await echoes(client);
    client.close();
    await closedWith(client);
  });
});

test("a client trusts no one by itself, and learns of what is refused", limit, async () => {
  const server = createServer({ ...echo, tls: { key, cert } });
  server.on("tlsClientError", () => {});
  await serving(server, async (port) => {
    const url = `wss://localhost:${port}/`;
    await assert.rejects(connect(url), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    const ended = new Promise<number>((resolve) => {
      const tls = trusting;
      void connect(url, { tls, close: (_, { code }) => resolve(code) }).then((ws) => ws.close(4001));
    });
    assert.equal(await ended, 4001);
  });
});
