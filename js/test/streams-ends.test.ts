/** SocketStream: how it ends, and that it takes no more than its transport does. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as dial, createServer, type Server, type Socket } from "node:net";
import { Duplex as NodeDuplex } from "node:stream";
import { test } from "node:test";

import { MessageEncoder, UpgradeRequest } from "wscodec";
import {
  type Duplex,
  FrameDecoderStream,
  MessageDecoderStream,
  MessageEncoderStream,
  type Opened,
  SocketStream,
} from "wscodec/streams";

const limit = { timeout: 30_000 };

/** A client's request. */
const REQUEST = new TextEncoder().encode(
  "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
);

/** A transport of which the test decides what comes, and of which no write settles by itself. */
class Transport implements Duplex {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  readonly written: Uint8Array[] = [];
  input!: ReadableStreamDefaultController<Uint8Array>;
  cancelled: unknown = "not";
  closed = 0;
  end!: () => void;
  readonly ended = new Promise<void>((resolve) => (this.end = resolve));
  /** Whether writes settle. */
  flows = true;
  fails: Error | undefined;

  constructor() {
    this.readable = new ReadableStream({
      start: (controller) => void (this.input = controller),
      cancel: (reason) => void (this.cancelled = reason),
    });
    this.writable = new WritableStream(
      {
        write: (chunk) => {
          if (this.fails !== undefined) throw this.fails;
          this.written.push(chunk);
          return this.flows ? undefined : new Promise<void>(() => {});
        },
        // Neither settles: as with a peer that is gone without a word.
        close: () => {
          if (!this.flows) return new Promise<void>(() => {});
          this.end();
          return undefined;
        },
        abort: () => new Promise<void>(() => {}),
      },
      // Never says that it is full: only the promises of writes tell.
      { highWaterMark: 1000 },
    );
  }

  close(): void {
    this.closed++;
  }

  get sent(): string {
    return Buffer.concat(this.written).toString("latin1");
  }
}

async function open(options: object = {}): Promise<{ at: Transport; ws: SocketStream; opened: Opened }> {
  const at = new Transport();
  const ws = new SocketStream(at, { deflate: false, ...options, role: "server" });
  at.input.enqueue(REQUEST);
  return { at, ws, opened: await ws.opened };
}

/** The least that each side has to be told. */
function to(role: "client" | "server"): ConstructorParameters<typeof SocketStream>[1] {
  return role === "client" ? { role, host: "example.com" } : { role };
}

const aborted = { name: "WscodecError", code: "TERMINATED" };
const tooSlow = { name: "LimitError", code: "HANDSHAKE_TOO_SLOW" };

test("a handshake that does not end is given up, on both sides", limit, async () => {
  for (const role of ["client", "server"] as const) {
    for (const flows of [true, false]) {
      const at = new Transport();
      at.flows = flows;
      const ws = new SocketStream(at, { ...to(role), handshakeTimeout: 20 });
      await assert.rejects(ws.opened, tooSlow);
      await assert.rejects(ws.closed, tooSlow);
      assert.notEqual(at.cancelled, "not", "the transport was let go");
      assert.equal(at.closed, 1);
    }
  }
  // Also while the program decides, or the answer does not leave.
  const pending = await Promise.allSettled([
    open({ handshakeTimeout: 20, upgrade: () => new Promise(() => {}) }),
    (async () => {
      const at = new Transport();
      at.flows = false;
      at.input.enqueue(REQUEST);
      await new SocketStream(at, { role: "server", handshakeTimeout: 20 }).opened;
    })(),
  ]);
  for (const one of pending) {
    assert.equal(one.status === "rejected" && one.reason.code, "HANDSHAKE_TOO_SLOW");
  }
});

test("options of streams are checked when they are given", limit, () => {
  const wrong: [object, RegExp][] = [
    [{ handshakeTimeout: "10" }, /handshakeTimeout/],
    [{ handshakeTimeout: -1 }, /handshakeTimeout/],
    [{ handshakeTimeout: Number.NaN }, /handshakeTimeout/],
    [{ maxMesage: 5 }, /"maxMesage"; did you mean "maxMessage"/],
    [{ maxMessage: "1M" }, /maxMessage/],
    [{ closeTimeout: "5s" }, /closeTimeout/],
    [{ heartbeat: null }, /heartbeat/],
    [{ protocols: "chat" }, /protocols/],
    [{ deflate: { level: 99 } }, /level/],
    [{ deflate: { send: { contextTakeover: "false" } } }, /contextTakeover/],
    [{ role: "proxy" }, /role/],
  ];
  for (const [more, message] of wrong) {
    for (const role of ["client", "server"] as const) {
      const options = { ...to(role), ...more } as never;
      assert.throws(() => new SocketStream(new Transport(), options), message);
    }
  }
  assert.throws(() => new SocketStream(new Transport(), { role: "server", upgrade: {} } as never), /upgrade/);
  for (const Stream of [MessageDecoderStream, FrameDecoderStream, MessageEncoderStream]) {
    for (const more of [{ levle: 5 }, { role: "proxy" }, { pieces: true }, { deflate: { level: "6" } }]) {
      assert.throws(() => new Stream({ role: "server", ...more } as never), `${Stream.name}`);
    }
  }
});

test("terminate and close end a handshake at once", limit, async () => {
  for (const end of ["terminate", "close"] as const) {
    const at = new Transport();
    const ws = new SocketStream(at, { role: "client", host: "example.com" });
    ws[end]();
    await assert.rejects(ws.opened, aborted);
    await assert.rejects(ws.closed, aborted);
  }
  const reason = new Error("no more");
  const ws = new SocketStream(new Transport(), { role: "server" });
  ws.terminate(reason);
  await assert.rejects(ws.opened, (error) => error === reason);
  await assert.rejects(ws.closed, (error) => error === reason);
});

test("a transport that fails in the handshake fails both promises", limit, async () => {
  const failure = new Error("reset");
  for (const role of ["client", "server"] as const) {
    const at = new Transport();
    const ws = new SocketStream(at, to(role));
    at.input.error(failure);
    await assert.rejects(ws.opened, (error) => error === failure);
    await assert.rejects(ws.closed, (error) => error === failure);
    const ended = new Transport();
    const other = new SocketStream(ended, to(role));
    ended.input.close();
    await assert.rejects(other.opened);
    await assert.rejects(other.closed);
  }
});

test("terminate ends a connection whose peer reads nothing", limit, async () => {
  const { at, ws, opened } = await open();
  at.flows = false;
  const writer = opened.writable.getWriter();
  const reading = opened.readable.getReader().read();
  const writes = Promise.allSettled([1, 2, 3, 4].map(() => writer.write(new Uint8Array(50_000))));
  const closing = Promise.allSettled([writer.close(), reading]);
  // Until the second write waits.
  await new Promise((resolve) => setTimeout(resolve));
  ws.terminate();
  await assert.rejects(ws.closed, aborted);
  const settled = [...(await writes).slice(1), ...(await closing)];
  assert.deepEqual(
    settled.map((one) => one.status === "rejected" && one.reason.code),
    Array(settled.length).fill("TERMINATED"),
  );
  assert.equal(at.closed, 1);
  ws.close();
  ws.terminate();
});

test("close ends a connection whose peer reads nothing, within closeTimeout", limit, async () => {
  for (const how of ["close", "writer.close", "abort", "cancel"] as const) {
    const { at, ws, opened } = await open({ closeTimeout: 20 });
    at.flows = false;
    const writer = opened.writable.getWriter();
    const writes = Promise.allSettled([1, 2, 3].map(() => writer.write(new Uint8Array(50_000))));
    const ends: Promise<unknown>[] = [];
    if (how === "close") ws.close({ closeCode: 4000 });
    if (how === "abort") ends.push(writer.abort({ closeCode: 4000 }));
    if (how === "cancel") ends.push(opened.readable.cancel());
    // The write before it is stuck, so this one begins the close only when the clock does.
    if (how === "writer.close") {
      ends.push(writer.close());
      ws.close();
    }
    for (const end of ends) end.catch(() => {});
    await assert.rejects(ws.closed, { name: "PeerError", code: "NO_CLOSE" }, how);
    await writes;
    await Promise.allSettled(ends);
    assert.equal(at.closed, 1);
  }
});

test("a peer that closes and does not end its side is let go, cleanly", limit, async () => {
  const { at, ws } = await open({ closeTimeout: 20 });
  at.input.enqueue(new MessageEncoder({ role: "client" }).close(4001, "done").take());
  const { closeCode, reason, clean } = await ws.closed;
  assert.deepEqual([closeCode, reason, clean], [4001, "done", true]);
  assert.match(at.sent, /\x88\x06\x0f\xa1done$/);
});

test("a code that came is told though the writable has failed", limit, async () => {
  const { at, ws, opened } = await open({ closeTimeout: 20_000 });
  at.fails = new Error("broken pipe");
  const writer = opened.writable.getWriter();
  await writer.write("x").catch(() => {});
  at.input.enqueue(new MessageEncoder({ role: "client" }).text("last words").close(1008, "policy").take());
  at.input.close();
  const reader = opened.readable.getReader();
  assert.equal((await reader.read()).value, "last words");
  const { closeCode, reason } = await ws.closed;
  assert.deepEqual([closeCode, reason], [1008, "policy"]);
});

test("a writable that has failed ends the connection within closeTimeout", limit, async () => {
  const { at, ws, opened } = await open({ closeTimeout: 20 });
  at.fails = new Error("broken pipe");
  const writer = opened.writable.getWriter();
  const writes = await Promise.allSettled([1, 2, 3].map(() => writer.write(new Uint8Array(70_000))));
  assert.ok(writes.some(({ status }) => status === "rejected"));
  await assert.rejects(ws.closed, { message: "broken pipe" });
});

test("a peer at fault is told, and let go within closeTimeout", limit, async () => {
  const { at, ws } = await open({ closeTimeout: 20 });
  at.input.enqueue(Uint8Array.of(0x81, 0));
  await assert.rejects(ws.closed, { code: "UNMASKED_FRAME" });
  assert.match(at.sent, /\x88[^]\x03\xea/);
});

test("only a verdict is a grant", limit, async () => {
  const refused = [
    null, 0, 200, "", "no", Number.NaN, new Error("no"), new Response("", { status: 403 }),
    new Map([["X", "a\r\nb"]]), { "X-Bad": "a\nb" }, { "bad name": "x" }, Promise.resolve("no"), () => {}, {},
    { then: (resolve: (value: unknown) => void) => resolve(null) },
  ];
  for (const verdict of refused) {
    const at = new Transport();
    const ws = new SocketStream(at, { role: "server", upgrade: () => verdict as never });
    at.input.enqueue(REQUEST);
    await assert.rejects(ws.opened, `${String(verdict)} is no verdict`);
    await assert.rejects(ws.closed);
    assert.match(at.sent, /^HTTP\/1\.1 500 /, String(verdict));
  }
  for (const [verdict, status] of [[false, 403], [Promise.resolve(429), 429]] as const) {
    const at = new Transport();
    const ws = new SocketStream(at, { role: "server", upgrade: () => verdict });
    at.input.enqueue(REQUEST);
    await assert.rejects(ws.opened, new RegExp(`status ${status}`));
    assert.match(at.sent, new RegExp(`^HTTP/1\\.1 ${status} `));
  }
  const thrown = new Error("not today");
  const at = new Transport();
  const ws = new SocketStream(at, { role: "server", upgrade: () => Promise.reject(thrown) });
  at.input.enqueue(REQUEST);
  await assert.rejects(ws.opened, (error) => error === thrown);
  assert.match(at.sent, /^HTTP\/1\.1 500 /);
  for (const verdict of [undefined, true, { "X-A": "1" }, [["X-A", "1"]], new Headers({ "X-A": "1" })]) {
    // A promise of another kind is awaited as well.
    const thenable = { then: (resolve: (value: unknown) => void) => resolve(verdict) };
    for (const granted of [verdict, Promise.resolve(verdict), thenable]) {
      const { at, ws } = await open({ upgrade: () => granted });
      assert.match(at.sent, /^HTTP\/1\.1 101 /);
      ws.terminate();
    }
  }
});

test("a loop that only reads answers pings, and the server ends the transport", limit, async () => {
  const { at, ws, opened } = await open();
  const reading = (async () => {
    const seen: unknown[] = [];
    const reader = opened.readable.getReader();
    for (let one = await reader.read(); !one.done; one = await reader.read()) seen.push(one.value);
    return seen;
  })();
  const client = new MessageEncoder({ role: "client" });
  at.input.enqueue(client.ping("there?").text("a").ping("still?").take());
  at.input.enqueue(client.close(1000).take());
  // The peer ends its side when ours has ended, as a client does.
  at.ended.then(() => at.input.close());
  assert.deepEqual(await reading, ["a"]);
  assert.equal((await ws.closed).clean, true);
  assert.match(at.sent, /\x8a\x06there\?\x8a\x06still\?\x88\x02\x03\xe8$/);
});

test("messages that nobody reads are not kept without limit after our close", limit, async () => {
  const { at, ws, opened } = await open({ closeTimeout: 20_000 });
  const reader = opened.readable.getReader();
  ws.close();
  const chunk = new MessageEncoder({ role: "client" }).binary(new Uint8Array(50_000)).take();
  for (let i = 0; i < 50; i++) at.input.enqueue(chunk);
  at.input.enqueue(new MessageEncoder({ role: "client" }).close().take());
  at.input.close();
  await ws.closed;
  let count = 0;
  while (!(await reader.read()).done) count++;
  assert.ok(count >= 1 && count <= 2, `${count} messages`);
});

const isBun = "Bun" in globalThis;
const skip = isBun ? "Bun's Duplex.toWeb differs" : false;

/** A server that answers the handshake and then reads nothing. */
async function silentServer(): Promise<{ server: Server; sockets: Socket[]; port: number }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.once("data", (head) => {
      socket.pause();
      socket.write(UpgradeRequest.parse(head)?.accept() as Uint8Array);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, sockets, port: (server.address() as { port: number }).port };
}

test("over Duplex.toWeb a writer waits for a peer that reads nothing", { ...limit, skip }, async () => {
  const { server, sockets, port } = await silentServer();
  try {
    const socket = dial(port, "127.0.0.1");
    await once(socket, "connect");
    const duplex = NodeDuplex.toWeb(socket) as unknown as Duplex;
    const ws = new SocketStream(duplex, { role: "client", host: "a", deflate: false });
    const writer = (await ws.opened).writable.getWriter();
    const chunk = new Uint8Array(256 * 1024);
    let taken = 0;
    const writing = (async () => {
      for (;;) {
        await writer.write(chunk);
        taken += chunk.length;
      }
    })();
    writing.catch(() => {});
    // Writes as long as that goes on; the kernel takes some megabytes.
    for (let before = -1; before < taken; ) {
      before = taken;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    assert.ok(taken < 32 * 2 ** 20, `${taken} bytes`);
    assert.ok(socket.writableLength < 2 ** 20, `${socket.writableLength} bytes in the socket`);
    ws.terminate();
    await assert.rejects(ws.closed, aborted);
    await assert.rejects(writing);
    assert.ok(socket.destroyed);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});

test("over Duplex.toWeb a close to a peer that reads nothing ends within closeTimeout", { ...limit, skip }, async () => {
  const { server, sockets, port } = await silentServer();
  try {
    const socket = dial(port, "127.0.0.1");
    await once(socket, "connect");
    const duplex = NodeDuplex.toWeb(socket) as unknown as Duplex;
    const options = { role: "client", host: "a", deflate: false, closeTimeout: 100 } as const;
    const ws = new SocketStream(duplex, options);
    const writer = (await ws.opened).writable.getWriter();
    const writes = Promise.allSettled(
      Array.from({ length: 100 }, () => writer.write(new Uint8Array(256 * 1024))),
    );
    ws.close();
    await assert.rejects(ws.closed, { code: "NO_CLOSE" });
    const settled = await writes;
    assert.ok(settled.some(({ status }) => status === "rejected"));
    assert.ok(socket.destroyed);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});
