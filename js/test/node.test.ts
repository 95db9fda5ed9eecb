/** The adapter for Node, against ws and against bare sockets. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect as dial, type Server, type Socket } from "node:net";
import { duplexPair } from "node:stream";
import { test } from "node:test";

import WebSocket from "ws";
import { MessageEncoder, HandshakeError, type Outcome, Prepared, Upgrade } from "wscodec";
import {
  accept,
  connect,
  createServer,
  type NodeConnection,
  type NodeServerOptions,
} from "wscodec/node";

const limit = { timeout: 30_000 };

const HEAD =
  "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

async function serving(options: NodeServerOptions, run: (port: number) => Promise<void>) {
  const server = createServer(options);
  await listening(server, run);
}

async function listening(server: Server, run: (port: number) => Promise<void>): Promise<void> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  let done = false;
  try {
    await run((server.address() as AddressInfo).port);
    done = true;
  } finally {
    if (!done) for (const socket of sockets) socket.destroy();
    const closed = once(server, "close");
    server.close();
    await closed;
  }
}

/** A promise and what keeps it. */
function promised<T>(): { promise: Promise<T>; keep: (value: T) => void } {
  let keep!: (value: T) => void;
  const promise = new Promise<T>((resolve) => (keep = resolve));
  return { promise, keep };
}

/** A bare socket whose handshake is done, or what came instead. */
async function raw(port: number, more = ""): Promise<[Socket, string]> {
  const socket = dial(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(`${HEAD}${more}\r\n`);
  const [data] = (await once(socket, "data")) as [Buffer];
  return [socket, data.toString("latin1")];
}

const echo: NodeServerOptions = { message: (ws, data) => ws.send(data) };

test("ws and the server understand each other", limit, async () => {
  const outcome = promised<Outcome>();
  const options = { ...echo, protocols: ["chat"], close: (_: unknown, it: Outcome) => outcome.keep(it) };
  await serving(options, async (port) => {
    const client = new WebSocket(`ws://127.0.0.1:${port}/`, ["other", "chat"]);
    const seen: string[] = [];
    client.on("message", (data, binary) => seen.push(`${binary} ${(data as Buffer).length}`));
    await once(client, "open");
    assert.equal(client.protocol, "chat");
    assert.match(client.extensions, /permessage-deflate/);
    client.send("Grüße 🦀");
    client.send(Buffer.alloc(300_000, "not very random "));
    client.ping("there?");
    client.send("last");
    const [pong] = (await once(client, "pong")) as [Buffer];
    assert.equal(pong.toString(), "there?");
    while (seen.length < 3) await once(client, "message");
    assert.deepEqual(seen, ["false 12", "true 300000", "false 4"]);
    client.close(4000, "bye");
    const [code, reason] = (await once(client, "close")) as [number, Buffer];
    assert.deepEqual([code, reason.toString()], [4000, "bye"]);
    const { clean, sent, code: came } = await outcome.promise;
    assert.deepEqual([clean, sent, came], [true, 4000, 4000]);
  });
});

test("a client sends any header, and closes", limit, async () => {
  let authorization: string | undefined;
  const options: NodeServerOptions = {
    ...echo,
    upgrade(upgrade) {
      authorization = upgrade.request.header("authorization");
      return { "Set-Cookie": "id=1" };
    },
  };
  await serving(options, async (port) => {
    const got = promised<string | Uint8Array>();
    const end = promised<Outcome>();
    const ws = await connect(`ws://127.0.0.1:${port}/chat?room=1`, {
      headers: { Authorization: "Bearer 1234" },
      message: (_, data) => got.keep(data),
      close: (_, outcome) => end.keep(outcome),
    });
    assert.equal(authorization, "Bearer 1234");
    assert.equal(ws.state, "open");
    ws.begin("text", "in ");
    ws.finish("parts");
    assert.equal(await got.promise, "in parts");
    ws.close(1000, "done");
    assert.equal(ws.state, "closing");
    assert.equal(ws.send("too late"), false);
    const { code, reason, clean } = await end.promise;
    assert.deepEqual([code, reason, clean], [1000, "done", true]);
    assert.equal(ws.state, "gone");
    assert.equal(ws.send("much too late"), false);
  });
});

test("what is sent in one turn is one write", limit, async () => {
  const opened = promised<NodeConnection>();
  await serving({ open: opened.keep }, async (port) => {
    const [socket] = await raw(port);
    const ws = await opened.promise;
    let writes = 0;
    const write = ws.socket.write;
    ws.socket.write = function (this: Socket, ...args: any) {
      writes++;
      return (write as (...args: any) => boolean).apply(this, args);
    } as typeof write;
    for (let i = 0; i < 100; i++) ws.send(`message ${i % 10}`);
    const chunks: Buffer[] = [];
    while (Buffer.concat(chunks).length < 1100) {
      chunks.push(((await once(socket, "data")) as [Buffer])[0]);
    }
    assert.equal(writes, 1);
    socket.destroy();
  });
});

test("messages come in pieces if there is a handler for them", limit, async () => {
  let told = "";
  const options: NodeServerOptions = {
    deflate: {},
    piece(ws, piece) {
      if (piece.first) ws.data = 0;
      ws.data = (ws.data as number) + piece.length;
      if (!piece.last) return;
      told += `${piece.type} ${ws.data} `;
      ws.send(new Prepared(told));
    },
  };
  await serving(options, async (port) => {
    for (const deflate of [false, {}] as const) {
      const news = promised<string | Uint8Array>();
      let answers = 0;
      const message = (_: unknown, data: string | Uint8Array) => {
        if (++answers === 3) news.keep(data);
      };
      const ws = await connect(`ws://127.0.0.1:${port}/`, { deflate, message });
      ws.send("Grüße");
      ws.binary(randomBytes(3_000_000));
      ws.prepared(new Prepared(""));
      assert.equal(await news.promise, told);
      ws.close();
    }
  });
  assert.equal(told, "text 7 binary 3000000 text 0 ".repeat(2));
});

test("a fault is told with its code, and the connection ended", limit, async () => {
  const end = promised<Outcome>();
  await serving({ close: (_, outcome) => end.keep(outcome) }, async (port) => {
    const [socket] = await raw(port);
    socket.write(Buffer.from([0x81, 0])); // not masked
    const [data] = (await once(socket, "data")) as [Buffer];
    assert.deepEqual([data[0], data.readUInt16BE(2)], [0x88, 1002]);
    await once(socket, "end");
    socket.end();
    const { code, sent, clean, error } = await end.promise;
    assert.deepEqual([code, sent, clean, error?.code], [1006, 1002, false, "UNMASKED_FRAME"]);
  });
});

test("what is no request, or not granted, is refused", limit, async () => {
  const refused: [string, NodeServerOptions, RegExp][] = [
    ["Origin: https://elsewhere.example\r\n", {}, /^HTTP\/1\.1 403 /],
    ["", { upgrade: () => false }, /^HTTP\/1\.1 403 /],
    ["", { upgrade: async () => 503 }, /^HTTP\/1\.1 503 /],
    ["Bad Header: x\r\n", {}, /^HTTP\/1\.1 400 /],
  ];
  for (const [more, options, answer] of refused) {
    await serving({ ...options, open: () => assert.fail("it opened") }, async (port) => {
      const [socket, data] = await raw(port, more);
      assert.match(data, answer);
      if (!socket.readableEnded) await once(socket, "end");
      socket.end();
    });
  }
  await serving({ ...echo, origin: "any" }, async (port) => {
    const [socket, data] = await raw(port, "Origin: https://elsewhere.example\r\n");
    assert.match(data, /^HTTP\/1\.1 101 /);
    socket.destroy();
  });
});

test("a client learns why it was refused", limit, async () => {
  await serving({ upgrade: () => 401 }, async (port) => {
    await assert.rejects(connect(`ws://127.0.0.1:${port}/`), (error: any) => {
      assert.ok(error instanceof HandshakeError);
      assert.equal(error.code, "STATUS");
      assert.equal((error as any).response.status, 401);
      return true;
    });
  });
  await assert.rejects(connect("ws://127.0.0.1:1/"), { code: "ECONNREFUSED" });
  await assert.rejects(async () => connect("ftp://127.0.0.1/"), TypeError);
});

test("behind an http server, frames may come right behind the request", limit, async () => {
  const server = createHttpServer((_, response) => response.end("plain"));
  const options: NodeServerOptions = {
    ...echo,
    // It takes a while, and what came is kept.
    upgrade: async (upgrade) => {
      assert.ok(upgrade instanceof Upgrade);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
  server.on("upgrade", (request, socket, head) => accept(request, socket, head, options));
  await listening(server, async (port) => {
    const socket = dial(port, "127.0.0.1");
    const frame = new MessageEncoder({ role: "client" }).text("early").take();
    socket.write(Buffer.concat([Buffer.from(`${HEAD}\r\n`), frame]));
    let data = Buffer.alloc(0);
    while (!data.includes("early")) {
      data = Buffer.concat([data, ((await once(socket, "data")) as [Buffer])[0]]);
    }
    assert.match(data.toString("latin1"), /^HTTP\/1\.1 101 .*\r\n\r\n\x81\x05early$/s);
    socket.destroy();

    const bad = dial(port, "127.0.0.1");
    bad.write(`${HEAD.replace(": 13", ": 12")}\r\n`);
    const [answer] = (await once(bad, "data")) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 426 /);
    bad.destroy();
  });
});

test("with pauseReadingWhenFull a server stops reading from a peer that does not read", limit, async () => {
  const opened = promised<NodeConnection>();
  let messages = 0;
  const options: NodeServerOptions = {
    pauseReadingWhenFull: true,
    open: opened.keep,
    message(ws, data) {
      messages++;
      ws.send(data);
    },
  };
  await serving(options, async (port) => {
    const [socket] = await raw(port);
    const ws = await opened.promise;
    socket.pause();
    const frame = new MessageEncoder({ role: "client" }).binary(new Uint8Array(60_000)).take();
    // Far more than all buffers in between take: at some point nothing moves any more.
    for (let i = 0; i < 1000; i++) socket.write(frame);
    for (let before = -1; before !== messages; ) {
      before = messages;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert.ok(messages < 1000, "all came");
    assert.ok(ws.bufferedAmount < 2 ** 21, `${ws.bufferedAmount} bytes wait`);
    socket.resume();
    let length = 0;
    for await (const data of socket) {
      length += (data as Buffer).length;
      if (length === 1000 * 60_004) break;
    }
    assert.equal(messages, 1000);
  });
});

test("a peer for which too much waits is dropped, and the outcome says so", limit, async () => {
  const end = promised<Outcome>();
  const told: boolean[] = [];
  const options: NodeServerOptions = {
    maxBuffered: 2 ** 20,
    open(ws) {
      // A single message may be larger than the limit; the next one finds it passed.
      told.push(ws.send(new Uint8Array(2 ** 24)), ws.send("small"), ws.send("dropped"));
    },
    close: (_, outcome) => end.keep(outcome),
  };
  await serving(options, async (port) => {
    const socket = dial(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.pause();
    socket.write(`${HEAD}\r\n`);
    const { code, clean, error } = await end.promise;
    assert.deepEqual([code, clean, error?.code], [1006, false, "BUFFER_FULL"]);
    assert.deepEqual(told, [false, false, false]);
    socket.destroy();
  });
});

test("a silent peer is given up, an idle one closed, a slow handshake ended", limit, async () => {
  const end = promised<Outcome>();
  await serving(
    { heartbeat: 40, pongTimeout: 40, close: (_, outcome) => end.keep(outcome) },
    async (port) => {
      const [socket] = await raw(port);
      assert.equal((await end.promise).error?.code, "NO_PONG");
      socket.destroy();
    },
  );
  const idle = promised<Outcome>();
  await serving({ idle: 40, close: (_, outcome) => idle.keep(outcome) }, async (port) => {
    const client = new WebSocket(`ws://127.0.0.1:${port}/`);
    const [code] = (await once(client, "close")) as [number];
    assert.equal(code, 1001);
    assert.equal((await idle.promise).clean, true);
  });
  await serving({ handshakeTimeout: 40 }, async (port) => {
    const socket = dial(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write("GET / HT");
    const [answer] = (await once(socket, "data")) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 408 /);
    await once(socket, "close");
  });
});

test("a connection over any duplex", limit, async (t) => {
  if (duplexPair === undefined) return t.skip("this Node has no duplexPair");
  const [one, two] = duplexPair();
  const got = promised<string | Uint8Array>();
  const head = promised<string>();
  two.once("data", (data: Buffer) => {
    head.keep(data.toString());
    const key = /Sec-WebSocket-Key: (.*)\r\n/.exec(data.toString())?.[1] ?? "";
    void import("wscodec").then(({ acceptKey }) =>
      two.write(
        Buffer.from(
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
            `Sec-WebSocket-Accept: ${acceptKey(key)}\r\n\r\n\x81\x02hi`,
          "latin1",
        ),
      ),
    );
  });
  const ws = await connect("ws://example.com:8443/a?b", {
    socket: one,
    deflate: false,
    message: (_, data) => got.keep(data),
  });
  assert.equal(await got.promise, "hi");
  assert.match(await head.promise, /^GET \/a\?b HTTP\/1\.1\r\nHost: example.com:8443\r\n/);
  ws.terminate();
});
