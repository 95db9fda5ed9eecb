/** The adapter for Node: sockets that are closed, used twice, or owned by others. */

import assert from "node:assert/strict";
import diagnostics from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect as dial, type Server, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import WebSocket from "ws";
import type { Outcome } from "wscodec";
import {
  accept,
  connect,
  createServer,
  type NodeConnection,
  type NodeServerOptions,
  shutdown,
} from "wscodec/node";

const limit = { timeout: 30_000 };
const inNode = !("Deno" in globalThis || "Bun" in globalThis);

const HEAD =
  "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

async function listening(server: Server, run: (port: number) => Promise<void>): Promise<void> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  try {
    await run((server.address() as AddressInfo).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

test("a client that left before accept is called costs nothing", { ...limit, skip: !inNode }, async () => {
  for (const leave of ["end", "destroy", "resetAndDestroy"] as const) {
    let opened = 0;
    const ended: Outcome[] = [];
    const options: NodeServerOptions = {
      closeTimeout: 200,
      open: () => void opened++,
      close: (_, outcome) => void ended.push(outcome),
    };
    const server = createHttpServer();
    const accepted: Socket[] = [];
    server.on("upgrade", (request, socket, head) => {
      accepted.push(socket as Socket);
      socket.on("error", () => {});
      // A program that asks its database first.
      void sleep(200).then(() => accept(request, socket, head, options));
    });
    await listening(server, async (port) => {
      const clients = Array.from({ length: 50 }, () => {
        const client = dial(port, "127.0.0.1");
        client.on("error", () => {});
        client.resume();
        client.write(HEAD);
        return client;
      });
      while (accepted.length < 50) await sleep(10);
      for (const client of clients) client[leave]();
      for (let tries = 0; tries < 200 && accepted.some((socket) => !socket.destroyed); tries++) {
        await sleep(50);
      }
      assert.deepEqual(accepted.filter((socket) => !socket.destroyed).length, 0, `${leave}: open sockets`);
      assert.equal(opened, ended.length, `${leave}: each open has its close`);
    });
  }
});

test("a socket is accepted once", { ...limit, skip: !inNode }, async () => {
  const server = createHttpServer();
  let second: unknown;
  server.on("upgrade", (request, socket, head) => {
    accept(request, socket, head, {});
    try {
      accept(request, socket, head, {});
    } catch (error) {
      second = error;
    }
  });
  await listening(server, async (port) => {
    const client = dial(port, "127.0.0.1");
    client.write(HEAD);
    const [answer] = (await once(client, "data")) as [Buffer];
    assert.equal(answer.toString().match(/HTTP\/1\.1 101/g)?.length, 1);
    assert.equal((second as { code?: string }).code, "SOCKET_IN_USE");
    client.destroy();
  });
});

test("connect on a socket that can't be used fails", limit, async () => {
  const destroyed = new Socket();
  destroyed.destroy();
  await assert.rejects(connect("ws://localhost/", { socket: destroyed }), { code: "SOCKET_CLOSED" });
  await listening(createServer(), async (port) => {
    const ws = await connect(`ws://127.0.0.1:${port}/`);
    const { socket } = ws as { socket: Duplex };
    await assert.rejects(connect("ws://localhost/", { socket }), { code: "SOCKET_IN_USE" });
    const closed = once(socket, "close");
    ws.terminate();
    await closed;
  });
});

test("accept refuses a request that fails the policy, and errors of the program with 500", limit, async () => {
  const server = createHttpServer();
  server.on("upgrade", (request: IncomingMessage, socket, head) => {
    accept(request, socket, head, { upgrade: () => 418 });
  });
  await listening(server, async (port) => {
    const client = new WebSocket(`ws://127.0.0.1:${port}/`);
    client.on("error", () => {});
    const [, response] = (await once(client, "unexpected-response")) as [unknown, IncomingMessage];
    assert.equal(response.statusCode, 418);
    client.terminate();
  });
});

test("diagnostics see the sockets of a server, unless it accepts them fast", { ...limit, skip: !inNode }, async () => {
  for (const fastAccept of [undefined, false, true]) {
    let seen = 0;
    const count = (): void => void seen++;
    diagnostics.subscribe("net.server.socket", count);
    try {
      const options: NodeServerOptions = { message: (ws, data) => ws.send(data), fastAccept };
      await listening(createServer(options), async (port) => {
        const client = new WebSocket(`ws://127.0.0.1:${port}/`);
        await once(client, "open");
        client.send("hello");
        const [came] = (await once(client, "message")) as [Buffer];
        assert.equal(came.toString(), "hello");
        client.close();
        await once(client, "close");
      });
    } finally {
      diagnostics.unsubscribe("net.server.socket", count);
    }
    assert.equal(seen, fastAccept ? 0 : 1);
  }
});

test("the data of a connection has a type", limit, async () => {
  interface User {
    readonly name: string;
    count: number;
  }
  const options: NodeServerOptions<User> = {
    upgrade(upgrade, ws) {
      ws.data = { name: upgrade.request.target.slice(1), count: 0 };
    },
    message(ws) {
      const { data }: NodeConnection<User> = ws;
      ws.send(`${data.name} ${++data.count}`);
    },
  };
  await listening(createServer<User>(options), async (port) => {
    const client = new WebSocket(`ws://127.0.0.1:${port}/ann`);
    await once(client, "open");
    client.send("");
    assert.equal(String((await once(client, "message"))[0]), "ann 1");
    client.close();
    await once(client, "close");
  });
});

test("connections of an http server end gracefully too", { ...limit, skip: !inNode }, async () => {
  const server = createHttpServer();
  const options: NodeServerOptions = { message: (ws, data) => ws.send(data) };
  server.on("upgrade", (request, socket, head) => accept(request, socket, head, options));
  await listening(server, async (port) => {
    const client = new WebSocket(`ws://127.0.0.1:${port}/`);
    await once(client, "open");
    const closed = once(client, "close");
    const ended = shutdown(options, { grace: 1000, code: 1012, reason: "a new version" });
    assert.equal((await closed)[0], 1012);
    await ended;
    const late = new WebSocket(`ws://127.0.0.1:${port}/`);
    late.on("error", () => {});
    const [, response] = (await once(late, "unexpected-response")) as [unknown, IncomingMessage];
    assert.equal(response.statusCode, 503);
    late.terminate();
  });
  await assert.rejects(shutdown({}), TypeError);
});
