/** Streams: what comes out, and that nothing runs ahead of who reads. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { MessageEncoder, type OwnedMessage, Upgrade, type WscodecError } from "wscodec";
import {
  type Duplex,
  FrameDecoderStream,
  MessageDecoderStream,
  MessageEncoderStream,
  type Opened,
  SocketStream,
} from "wscodec/streams";

const limit = { timeout: 30_000 };

/** Two ends of a transport that holds one chunk each way. */
function pair(): [Duplex, Duplex] {
  const [a, b] = [0, 1].map(
    () => new TransformStream<Uint8Array, Uint8Array>(undefined, { highWaterMark: 1 }),
  ) as [TransformStream<Uint8Array, Uint8Array>, TransformStream<Uint8Array, Uint8Array>];
  return [
    { readable: a.readable, writable: b.writable },
    { readable: b.readable, writable: a.writable },
  ];
}

function from<T>(chunks: Iterable<T>): ReadableStream<T> {
  const iterator = chunks[Symbol.iterator]();
  return new ReadableStream<T>(
    {
      pull(controller) {
        const { value, done } = iterator.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );
}

async function all<T>(stream: ReadableStream<T>): Promise<T[]> {
  const found: T[] = [];
  const reader = stream.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return found;
    found.push(value);
  }
}

/** Lets everything happen that can without anyone reading. */
async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
}

test("messages to bytes to messages", limit, async () => {
  const bytes = from(["text", new Uint8Array(3), { type: "ping", data: "p" } as const])
    .pipeThrough(new MessageEncoderStream({ role: "client" }))
    .pipeThrough(new MessageDecoderStream({ role: "server" }));
  assert.deepEqual(await all(bytes), [
    { type: "text", data: "text" },
    { type: "binary", data: new Uint8Array(3) },
    { type: "ping", data: new TextEncoder().encode("p") },
  ]);
});

test("what a decoder gives an encoder takes, compressed too", limit, async () => {
  const deflate = { level: 6 };
  const text = "over and over again ".repeat(100);
  const wire = new MessageEncoder({ role: "client", deflate }).text(text).pong("x").close().take();
  const again = from([wire.subarray(0, 5), wire.subarray(5)])
    .pipeThrough(new MessageDecoderStream({ role: "server", deflate }))
    .pipeThrough(new MessageEncoderStream({ role: "server" }))
    .pipeThrough(new MessageDecoderStream({ role: "client" }));
  const found = await all<OwnedMessage>(again);
  assert.deepEqual(found.map(({ type }) => type), ["text", "pong", "close"]);
  assert.deepEqual(found[0], { type: "text", data: text });
});

test("frames, and pieces of those that are cut", limit, async () => {
  const encoder = new MessageEncoder({ role: "client" });
  const wire = encoder.begin("text", "ab").finish("cdef").take();
  const frames = await all(
    from([wire.subarray(0, 16), wire.subarray(16)]).pipeThrough(
      new FrameDecoderStream({ role: "server" }),
    ),
  );
  const seen = frames.map(({ opcode, fin, first, last, payload }) => [
    opcode,
    fin,
    first,
    last,
    new TextDecoder().decode(payload),
  ]);
  assert.deepEqual(seen, [
    [1, false, true, true, "ab"],
    [0, true, true, false, "cd"],
    [0, true, false, true, "ef"],
  ]);
});

test("a fault is the stream's error, after what came before it", limit, async () => {
  const wire = new MessageEncoder({ role: "client" }).text("fine").take();
  const reader = from([wire, Uint8Array.of(0x81, 0)])
    .pipeThrough(new MessageDecoderStream({ role: "server" }))
    .getReader();
  await settled();
  assert.deepEqual(await reader.read(), { value: { type: "text", data: "fine" }, done: false });
  await assert.rejects(reader.read(), { code: "UNMASKED_FRAME", closeCode: 1002 });
  const cut = from([wire.subarray(0, 3)]).pipeThrough(new MessageDecoderStream({ role: "server" }));
  await assert.rejects(all(cut), { code: "UNEXPECTED_EOF" });
});

test("a decoder takes no more than is read", limit, async () => {
  const chunk = new MessageEncoder({ role: "client" }).binary(new Uint8Array(32 * 1024)).take();
  let taken = 0;
  function* endless(): Generator<Uint8Array> {
    for (;;) {
      taken++;
      yield chunk;
    }
  }
  const stream = from(endless()).pipeThrough(new MessageDecoderStream({ role: "server" }));
  await settled();
  assert.ok(taken <= 5, `${taken} chunks`);
  const reader = stream.getReader();
  for (let i = 0; i < 20; i++) await reader.read();
  await settled();
  assert.ok(taken >= 20 && taken <= 26, `${taken} chunks`);
  await reader.cancel();
});

test("what is inflated waits, too", limit, async () => {
  const deflate = { level: 6 };
  const encoder = new MessageEncoder({ role: "client", deflate });
  const data = new Uint8Array(900_000);
  for (let i = 0; i < 40; i++) encoder.binary(data);
  const wire = encoder.take();
  assert.ok(wire.length < 64 * 1024, "one chunk stands for 36 MB");
  const decoder = new MessageDecoderStream({ role: "server", deflate });
  const reader = from([wire]).pipeThrough(decoder).getReader();
  await settled();
  // Another decoder's work in between does not hurt.
  new MessageEncoder({ role: "client" }).text("x").take();
  let count = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    assert.equal(value.type === "binary" && value.data.length, 900_000);
    count++;
  }
  assert.equal(count, 40);
});

async function opened(
  server: Parameters<typeof make>[0] = {},
  client: Parameters<typeof make>[1] = {},
): Promise<{ server: SocketStream; client: SocketStream; at: Opened; to: Opened }> {
  const made = make(server, client);
  const [at, to] = await Promise.all([made.server.opened, made.client.opened]);
  return { ...made, at, to };
}

function make(
  server: Partial<ConstructorParameters<typeof SocketStream>[1]>,
  client: Partial<ConstructorParameters<typeof SocketStream>[1]>,
): { server: SocketStream; client: SocketStream } {
  const [one, two] = pair();
  return {
    server: new SocketStream(one, { ...(server as object), role: "server" }),
    client: new SocketStream(two, { host: "example.com", ...(client as object), role: "client" }),
  };
}

test("two ends talk and close", limit, async () => {
  const { server, client, at, to } = await opened(
    { protocols: ["chat"] },
    { protocols: ["talk", "chat"] },
  );
  assert.deepEqual([at.protocol, to.protocol], ["chat", "chat"]);
  assert.match(to.extensions, /^permessage-deflate/);
  const echo = at.readable.pipeTo(at.writable);
  const writer = to.writable.getWriter();
  const reader = to.readable.getReader();
  await writer.write("Grüße");
  assert.equal((await reader.read()).value, "Grüße");
  await writer.write(new Uint8Array(100_000).fill(7));
  const { value } = await reader.read();
  assert.ok(value instanceof Uint8Array && value.length === 100_000 && value[99_999] === 7);
  client.close({ closeCode: 4000, reason: "bye" });
  const ends = await Promise.all([server.closed, client.closed]);
  for (const { closeCode, reason, clean } of ends) {
    assert.deepEqual([closeCode, reason, clean], [4000, "bye", true]);
  }
  assert.equal((await reader.read()).done, true);
  await assert.rejects(writer.write("late"));
  await echo.catch(() => {});
});

test("closing the writable closes the connection", limit, async () => {
  const { server, client, at, to } = await opened();
  const messages = all(at.readable);
  const writer = to.writable.getWriter();
  await writer.write("only this");
  await writer.close();
  assert.deepEqual(await messages, ["only this"]);
  assert.equal((await server.closed).closeCode, 1005);
  assert.equal((await client.closed).clean, true);
});

test("a writer waits for a peer that does not read", limit, async () => {
  const { client, at, to } = await opened({}, { deflate: false });
  const writer = to.writable.getWriter();
  let written = 0;
  const writing = (async () => {
    for (; written < 100; written++) await writer.write(new Uint8Array(32 * 1024));
  })();
  await settled();
  assert.ok(written < 12, `${written} went`);
  const reader = at.readable.getReader();
  for (let i = 0; i < 100; i++) await reader.read();
  await writing;
  client.close();
  await client.closed;
});

test("a peer's fault ends both", limit, async () => {
  const [one, two] = pair();
  const server = new SocketStream(one, { role: "server" });
  const writer = two.writable.getWriter();
  const reader = two.readable.getReader();
  await writer.write(
    new TextEncoder().encode(
      "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    ),
  );
  assert.match(new TextDecoder().decode((await reader.read()).value), /^HTTP\/1\.1 101 /);
  const { readable } = await server.opened;
  const hi = new MessageEncoder({ role: "client" }).text("hi").take();
  await writer.write(Uint8Array.of(...hi, 0x81, 0));
  const close = (await reader.read()).value as Uint8Array;
  assert.deepEqual([...close.subarray(0, 1), ...close.subarray(2, 4)], [0x88, 3, 0xea]);
  await assert.rejects(server.closed, { code: "UNMASKED_FRAME" });
  const messages = readable.getReader();
  assert.equal((await messages.read()).value, "hi");
  await assert.rejects(messages.read(), { code: "UNMASKED_FRAME" });
});

test("a rejection is an answer, and both ends learn of it", limit, async () => {
  const { server, client } = make({ origin: ["https://good.example"] }, { origin: "https://bad.example" });
  await assert.rejects(server.opened, { code: "ORIGIN" });
  await assert.rejects(client.opened, { code: "STATUS" });

  const seen: string[] = [];
  const fine = await opened(
    { upgrade: (upgrade: Upgrade) => (seen.push(upgrade.request.pathAndQuery), { "X-Seen": "yes" }) },
    { path: "/a?b" },
  );
  assert.deepEqual(seen, ["/a?b"]);
  fine.client.close();
  await fine.client.closed;
});

test("a transport that ends without a close frame is 1006", limit, async () => {
  const [one, two] = pair();
  const server = new SocketStream(one, { role: "server", heartbeat: 60_000 });
  const client = new SocketStream(two, { role: "client", host: "example.com" });
  await server.opened;
  await client.opened;
  // This is as if the process had ended.
  client.terminate();
  await assert.rejects(server.closed, (error) => (error as WscodecError).code === "UNEXPECTED_EOF");
});
