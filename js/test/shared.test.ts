/** Bytes on shared memory, in and out, in all that takes or fills them; and threads. */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Worker } from "node:worker_threads";

import {
  acceptDeflate,
  Compressor,
  Decompressor,
  DeflateOffer,
  MessageEncoder,
  FrameDecoder,
  MessageDecoder,
  reject,
  Prepared,
  Session,
  ClientRequest,
  UpgradeRequestReader,
  UpgradeRequest,
  UpgradeResponse,
  UpgradeResponseReader,
} from "wscodec";
import { connect, createServer } from "wscodec/node";
import {
  type Duplex,
  FrameDecoderStream,
  MessageDecoderStream,
  MessageEncoderStream,
  SocketStream,
} from "wscodec/streams";
// The same library on memory that threads share.
import * as onShared from "wscodec/shared";

const client = { role: "client" } as const;
const server = { role: "server" } as const;

/** The bytes on shared memory, in each shape in which a caller may have them. */
function shapes(bytes: Uint8Array): [string, Uint8Array | DataView | SharedArrayBuffer][] {
  const alone = new SharedArrayBuffer(bytes.length);
  new Uint8Array(alone).set(bytes);
  const among = new SharedArrayBuffer(bytes.length + 24);
  const view = new Uint8Array(among, 8, bytes.length);
  view.set(bytes);
  return [
    ["SharedArrayBuffer", alone],
    ["Uint8Array", view],
    ["DataView", new DataView(among, 8, bytes.length)],
  ];
}

/** Small, as most are; more than a read brings; and more than the module has room for. */
const lengths = [5, 20_000, 300_000];
const text = (length: number) => new Uint8Array(length).fill(97);

for (const length of lengths) {
  const payload = text(length);
  const message = new MessageEncoder(server).text(payload).take();

  test(`decoders take ${length} shared bytes`, () => {
    for (const [shape, input] of shapes(message)) {
      const decoder = new MessageDecoder(client).push(input);
      assert.ok(decoder.next(), shape);
      assert.equal(decoder.text(), "a".repeat(length));
      const frames = new FrameDecoder(client).push(input);
      let pieces = 0;
      for (const { payload } of frames) pieces += payload.length;
      assert.equal(pieces, length, shape);
    }
  });

  test(`encoders take and fill ${length} shared bytes`, () => {
    const frame = new Uint8Array(new SharedArrayBuffer(length + 30));
    for (const [shape, input] of shapes(payload)) {
      const encoder = new MessageEncoder(server);
      const calls: [string, () => unknown][] = [
        ["text", () => encoder.text(input)],
        ["binary", () => encoder.binary(input)],
        ["begin", () => encoder.begin("text", input)],
        ["more", () => encoder.more(input)],
        ["finish", () => encoder.finish(input)],
        ["frame", () => encoder.frame({ opcode: 2 }, input)],
      ];
      if (length < 126) {
        calls.push(["ping", () => encoder.ping(input)], ["pong", () => encoder.pong(input)]);
      }
      for (const [name, call] of calls) {
        call();
        const taken = encoder.takeInto(frame, 7);
        assert.ok(taken > length, `${name} ${shape}`);
        const copy = frame.slice(7 + taken - length, 7 + taken);
        assert.equal(Buffer.compare(copy, payload), 0, `${name} ${shape}`);
      }
    }
    const encoder = new MessageEncoder(server).binary(payload);
    assert.equal(encoder.takeInto(frame.buffer), message.length);
    assert.deepEqual(frame.slice(message.length - length, message.length), payload);
  });

  test(`compression takes ${length} shared bytes`, () => {
    const compressed = new Compressor().message(payload);
    for (const [shape, input] of shapes(payload)) {
      const same = new Decompressor().message(new Compressor().message(input));
      assert.deepEqual(same, payload, shape);
      const parts = new Compressor();
      const first = parts.part(input);
      const whole = Buffer.concat([first, parts.part(input, true)]);
      assert.equal(new Decompressor().message(whole).length, 2 * length, shape);
    }
    for (const [shape, input] of shapes(compressed)) {
      assert.deepEqual(new Decompressor().message(input), payload, shape);
    }
    const offer = new DeflateOffer();
    const deflate = acceptDeflate(offer.header) ?? {};
    for (const [shape, input] of shapes(payload)) {
      const bytes = new MessageEncoder({ ...server, deflate }).binary(input).take();
      for (const [, wire] of shapes(bytes)) {
        const decoder = new MessageDecoder({ ...client, deflate }).push(wire);
        assert.ok(decoder.next(), shape);
        assert.equal(decoder.length, length);
      }
    }
  });

  test(`a session takes and fills ${length} shared bytes`, () => {
    const frame = new Uint8Array(new SharedArrayBuffer(length + 30));
    for (const [shape, input] of shapes(payload)) {
      const sender = new Session(server);
      const calls: [string, () => unknown][] = [
        ["send", () => sender.send(input)],
        ["text", () => sender.text(input)],
        ["binary", () => sender.binary(input)],
        ["begin", () => sender.begin("binary", input)],
        ["more", () => sender.more(input)],
        ["finish", () => sender.finish(input)],
      ];
      if (length < 126) {
        calls.push(["ping", () => sender.ping(input)], ["pong", () => sender.pong(input)]);
      }
      const receiver = new Session(client);
      const received: number[] = [];
      for (const [name, call] of calls) {
        call();
        const taken = sender.takeInto(frame);
        assert.ok(taken > length, `${name} ${shape}`);
        for (const event of receiver.receive(frame.subarray(0, taken))) {
          received.push(event.bytes().length);
        }
      }
      const controls = length < 126 ? [length, length] : [];
      assert.deepEqual(received, [length, length, length, 3 * length, ...controls], shape);
    }
  });
}

test("prepared messages, and pieces, are made of shared bytes", () => {
  for (const [shape, input] of shapes(text(300))) {
    const wire = new MessageEncoder(server).prepared(new Prepared(input)).take();
    for (const [, chunk] of shapes(wire)) {
      const decoder = new MessageDecoder({ ...client, pieces: true }).push(chunk);
      assert.ok(decoder.next(), shape);
      assert.deepEqual(decoder.copy(), text(300));
    }
  }
});

/** A stream through a codec, of one chunk. */
async function through<T>(chunk: unknown, codec: { readable: ReadableStream<T>; writable: WritableStream<any> }) {
  const writer = codec.writable.getWriter();
  void writer.write(chunk);
  return (await codec.readable.getReader().read()).value as T;
}

test("streams take shared bytes", async () => {
  for (const [shape, input] of shapes(text(20_000))) {
    const wire = await through<Uint8Array>(input, new MessageEncoderStream(server));
    for (const [, chunk] of shapes(wire)) {
      const { data } = (await through(chunk, new MessageDecoderStream(client))) as { data: Uint8Array };
      assert.equal(data.length, 20_000, shape);
      const { payload } = await through(chunk, new FrameDecoderStream(client));
      assert.equal(payload.length, 20_000, shape);
    }
  }
});

/** A transport's end that hands out bytes on shared memory. */
function sharing({ readable, writable }: Duplex): Duplex {
  const shared = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      const [, [, view]] = shapes(chunk) as [unknown, [string, Uint8Array]];
      controller.enqueue(view);
    },
  });
  return { readable: readable.pipeThrough(shared), writable };
}

test("a socket of streams reads and writes shared bytes", { timeout: 30_000 }, async () => {
  const [a, b] = [new TransformStream<Uint8Array>(), new TransformStream<Uint8Array>()];
  const near = new SocketStream(sharing({ readable: a.readable, writable: b.writable }), {
    role: "client",
    host: "localhost",
  });
  const far = new SocketStream(sharing({ readable: b.readable, writable: a.writable }), server);
  const [here, there] = await Promise.all([near.opened, far.opened]);
  const [writer, reader] = [here.writable.getWriter(), there.readable.getReader()];
  for (const [shape, input] of shapes(text(5))) {
    void writer.write(input);
    const { value } = await reader.read();
    assert.deepEqual(value, text(5), shape);
  }
  near.close();
  await Promise.all([near.closed, far.closed]);
});

test("connections send shared bytes", { timeout: 30_000 }, async () => {
  const server = createServer({ message: (ws, data) => ws.send(data) });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const sizes: number[] = [];
  let enough!: () => void;
  const all = new Promise<void>((resolve) => (enough = resolve));
  const ws = await connect(`ws://127.0.0.1:${port}/`, {
    message: (_, data) => sizes.push(data.length) === 4 && enough(),
  });
  const inputs = shapes(text(20_000)).map(([, input]) => input);
  for (const input of inputs) ws.send(input);
  ws.begin("text", inputs[0]);
  ws.finish(inputs[1]);
  await all;
  assert.deepEqual(sizes, [20_000, 20_000, 20_000, 40_000]);
  ws.close();
  server.close();
  await once(server, "close");
});

test("handshakes take shared bytes", () => {
  const offer = new ClientRequest({ host: "example.com" });
  const request = UpgradeRequest.parse(offer.bytes);
  assert.ok(request);
  for (const [shape, input] of shapes(offer.bytes)) {
    assert.equal(UpgradeRequest.parse(input)?.key, offer.key, shape);
    assert.equal(new UpgradeRequestReader().push(input)?.key, offer.key, shape);
  }
  const frames = new MessageEncoder(server).text("Hello").take();
  for (const [shape, input] of shapes(Buffer.concat([request.accept(), frames]))) {
    assert.equal(UpgradeResponse.parse(input, offer)?.status, 101, shape);
    assert.equal(offer.check(input)?.status, 101, shape);
    const reader = new UpgradeResponseReader(offer);
    assert.equal(reader.push(input)?.status, 101, shape);
    const decoder = new MessageDecoder(client).push(reader.rest);
    assert.ok(decoder.next());
    assert.equal(decoder.text(), "Hello", shape);
  }
  const body = reject(404, { body: "none" });
  for (const [shape, input] of shapes(new TextEncoder().encode("none"))) {
    assert.deepEqual(reject(404, { body: input }), body, shape);
  }
});

// That browsers neither decode shared memory nor encode into it shows in the packaging tests,
// which run in one.

test("on shared memory: views stay good when it grows, and text is decoded", () => {
  const { memory } = onShared;
  assert.ok(memory.buffer instanceof SharedArrayBuffer);
  const encoder = new onShared.MessageEncoder(server);
  const decoder = new onShared.MessageDecoder(client).push(encoder.text("Grüße").take());
  assert.ok(decoder.next());
  const view = decoder.bytes();
  assert.equal(decoder.text(), "Grüße");
  assert.ok(decoder.copy().buffer instanceof ArrayBuffer, "a copy's memory is not shared");
  const before = memory.buffer.byteLength;
  const large = new onShared.MessageEncoder(server).binary(new Uint8Array(before)).take();
  assert.ok(memory.buffer.byteLength > before, "it has grown");
  assert.equal(view[0], 71, "what was lent before is where it was");
  const next = new onShared.MessageDecoder(client).push(large);
  assert.ok(next.next());
  assert.equal(next.length, before);
  const offer = new onShared.DeflateOffer({ threshold: 7 });
  assert.ok(onShared.acceptDeflate(`${offer.header}; é`) === undefined);
});

test("what one thread decodes another reads in place", { timeout: 60_000 }, async () => {
  const worker = new Worker(new URL("threads/memory.mjs", import.meta.url), {
    workerData: { memory: onShared.memory },
  });
  const payload = Uint8Array.from({ length: 40_000 }, (_, i) => i * 7);
  const frame = new onShared.MessageEncoder({ role: "client" }).binary(payload).take();
  const decoder = new onShared.MessageDecoder(server);
  // In two pieces, so that the message is put together in the module's memory.
  decoder.push(frame.subarray(0, 30_000));
  decoder.push(frame.subarray(30_000));
  assert.ok(decoder.next());
  const view = decoder.bytes();
  assert.equal(view.buffer as unknown, onShared.memory.buffer);
  worker.postMessage({ address: view.byteOffset, length: view.length });
  const [{ sum, same }] = (await once(worker, "message")) as [{ sum: number; same: boolean }];
  await worker.terminate();
  assert.equal(sum, payload.reduce((sum, byte) => sum + byte, 0));
  assert.equal(same, true, "the thread has put its mark there, and we see it");
  assert.equal(view[0], 0xaa);
});
