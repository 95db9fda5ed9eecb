// The module's memory: it does not grow in the steady state, views and addresses survive where it
// does, and what decoders and encoders held is given back.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";

import { MessageEncoder, FrameDecoder, MessageDecoder } from "wscodec";
import { fresh } from "./fresh.ts";

const measure = new MessageDecoder({ role: "client" });

/** Bytes of the module's memory. */
function memory(): number {
  return measure.reserve(1).buffer.byteLength;
}

/** Bytes that tell where they are. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >>> 8)) & 0xff);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** 1,000 messages of mixed shape, as a client sends them. */
function mixed(): Uint8Array {
  const encoder = new MessageEncoder({ role: "client" });
  for (let i = 0; i < 1000; i++) {
    switch (i % 10) {
      case 0:
        encoder.binary(pattern(i % 500));
        break;
      case 1:
        encoder.frame({ opcode: 1, fin: false }, "in ");
        encoder.ping("between");
        encoder.frame({ opcode: 0, fin: false }, "");
        encoder.frame({ opcode: 0 }, "fragments, größer");
        break;
      case 2:
        encoder.text("Straße, 日本語 🦀".repeat(i % 7));
        break;
      case 3:
        encoder.pong(pattern(125));
        break;
      default:
        encoder.text(`message ${i}`);
    }
  }
  encoder.binary(pattern(70_000));
  const bytes = encoder.take();
  encoder.free();
  return bytes;
}

test("a million messages leave the memory as it is", () => {
  const wire = mixed();
  const large = new MessageEncoder({ role: "client" }).binary(pattern(3_000_000)).take();
  const decoders = [1, 2].map(() => new MessageDecoder({ role: "server" }));
  const frames = new FrameDecoder({ role: "server" });
  const run = (size: number): number => {
    let count = 0;
    for (const bytes of [wire, large]) {
      for (let at = 0; at < bytes.length; at += size) {
        const chunk = bytes.subarray(at, at + size);
        // Two streams in turn, each of which is cut by the other.
        for (const decoder of decoders) {
          decoder.push(chunk);
          while (decoder.next()) count += decoder.length >= 0 ? 1 : 0;
        }
      }
      if (bytes === large) break;
      for (let round = 0; round < 25; round++) {
        const [decoder] = decoders as [MessageDecoder];
        for (let at = 0; at < bytes.length; at += size) {
          decoder.push(bytes.subarray(at, at + size));
          while (decoder.next()) count++;
        }
      }
      for (let at = 0; at < bytes.length; at += size) {
        frames.push(bytes.subarray(at, at + size)).skip();
      }
    }
    return count;
  };
  const sizes = [1000, 4096, 10_007, 65_536];
  for (const size of sizes) run(size);
  const before = memory();
  let count = 0;
  for (let round = 0; count < 1_000_000; round++) count += run(sizes[round % 4] as number);
  assert.equal(memory(), before);
});

test("reading into place leaves the memory as it is", () => {
  const wire = mixed();
  const decoder = new MessageDecoder({ role: "server" });
  const run = (size: number): void => {
    for (let at = 0; at < wire.length; at += size) {
      const chunk = wire.subarray(at, at + size);
      decoder.reserve(size).set(chunk);
      decoder.commit(chunk.length);
      while (decoder.next());
    }
  };
  run(30_000);
  run(65_536);
  const before = memory();
  for (let round = 0; round < 50; round++) run(round % 2 ? 30_000 : 65_536);
  assert.equal(memory(), before);
});

test("decoders and encoders made and freed leave the memory as it is", () => {
  const begun = Uint8Array.of(0x01, 0x03, 97, 98, 99, 0x00, 0x05, 100);
  const run = (times: number): void => {
    for (let i = 0; i < times; i++) {
      const messages = new MessageDecoder({ role: "client" });
      messages.push(begun);
      assert.equal(messages.next(), false);
      messages.free();
      const frames = new FrameDecoder({ role: "client" });
      frames.push(begun);
      frames.free();
      if (i % 10 === 0) {
        const encoder = new MessageEncoder({ role: "server" });
        encoder.text("hello");
        encoder.free();
      }
    }
  };
  run(1000);
  const before = memory();
  run(100_000);
  assert.equal(memory(), before);
});

test("faults leave the memory as it is", () => {
  const wrong = Uint8Array.of(0x01, 0x01, 97, 0x80, 0x01, 0xff);
  const run = (times: number): void => {
    for (let i = 0; i < times; i++) {
      const decoder = new MessageDecoder({ role: "client" }).push(wrong);
      assert.throws(() => decoder.next(), { code: "INVALID_UTF8" });
      decoder.free();
    }
  };
  run(100);
  const before = memory();
  run(5000);
  assert.equal(memory(), before);
});

test("a small partial message does not keep a large buffer", () => {
  const large = new MessageEncoder({ role: "server" }).binary(pattern(2_000_000)).take();
  const begun = Uint8Array.of(0x01, 0x03, 97, 98, 99, 0x00, 0x7e, 0x0f, 0xff, 100);
  const decoders = Array.from({ length: 200 }, () => new MessageDecoder({ role: "client" }));
  const feed = (decoder: MessageDecoder): void => {
    let messages = 0;
    for (let at = 0; at < large.length; at += 65_536) {
      decoder.push(large.subarray(at, at + 65_536));
      while (decoder.next()) messages++;
    }
    assert.equal(messages, 1);
    decoder.push(begun);
    assert.equal(decoder.next(), false);
  };
  decoders.slice(0, 3).forEach(feed);
  const before = memory();
  decoders.forEach((decoder, i) => i < 3 || feed(decoder));
  for (const decoder of decoders) {
    assert.ok(decoder.buffered > 0 && decoder.buffered <= 4096, `${decoder.buffered} bytes`);
  }
  // A page or two for 200 times the few bytes that were begun.
  assert.ok(memory() - before <= 200 * 4096, `${memory() - before} bytes`);
  // And what was begun is there.
  for (const decoder of decoders) {
    decoder.push(new Uint8Array(0x0fff - 1).fill(101));
    decoder.push(Uint8Array.of(0x80, 0x00));
    assert.ok(decoder.next());
    assert.equal(decoder.text(), `abcd${"e".repeat(0x0fff - 1)}`);
    decoder.free();
  }
});

test("a larger partial message keeps no more than a few times what has come", () => {
  const decoder = new MessageDecoder({ role: "client" });
  // The buffer that decoders share grows large.
  const large = new MessageEncoder({ role: "server" }).binary(new Uint8Array(4 << 20)).take();
  for (let at = 0; at < large.length; at += 65536) decoder.push(large.subarray(at, at + 65536));
  assert.ok(decoder.next());
  assert.equal(decoder.length, 4 << 20);

  const frame = new MessageEncoder({ role: "server" }).binary(new Uint8Array(100_000)).take();
  for (const came of [5000, 20_000, 60_000]) {
    const slow = new MessageDecoder({ role: "client" });
    slow.push(frame.subarray(0, came));
    assert.ok(slow.buffered < 6 * came, `${slow.buffered} bytes for ${came}`);
    slow.push(frame.subarray(came));
    assert.ok(slow.next());
    assert.equal(slow.length, 100_000);
    assert.ok(slow.copy().every((byte) => byte === 0));
  }
});

test("a header that claims much takes no memory", () => {
  const limits = { maxFrame: Number.MAX_SAFE_INTEGER, maxMessage: Number.MAX_SAFE_INTEGER };
  const claim = Uint8Array.of(0x82, 0x7f, 0, 0x1f, 255, 255, 255, 255, 255, 255, 1, 2, 3);
  const before = memory();
  const messages = new MessageDecoder({ role: "client", ...limits }).push(claim);
  const frames = new FrameDecoder({ role: "client", ...limits }).push(claim);
  assert.equal(messages.next(), false);
  assert.ok(frames.next());
  assert.equal(frames.length, Number.MAX_SAFE_INTEGER);
  assert.equal(frames.pieceLength, 3);
  assert.ok(messages.buffered < 100);
  assert.ok(memory() - before <= 65_536);
});

test("chunks of any size, for which the memory has to grow", async () => {
  const { MessageEncoder, FrameDecoder, MessageDecoder } = await fresh();
  const payloads = [100_000, 1_000_000, 5_000_000].map(pattern);
  const encoder = new MessageEncoder({ role: "client" });
  const frames = new FrameDecoder({ role: "server" });
  const messages = new MessageDecoder({ role: "server" });
  for (const payload of payloads) {
    const wire = encoder.binary(payload).take();
    frames.push(wire);
    let at = 0;
    while (frames.next()) {
      const piece = frames.bytes();
      assert.ok(piece.length <= 64 * 1024);
      assert.ok(same(piece, payload.subarray(at, (at += piece.length))));
    }
    assert.equal(at, payload.length);
  }
  for (const payload of payloads) {
    const wire = encoder.binary(payload).ping("behind").take();
    messages.push(wire);
    assert.ok(messages.next());
    assert.ok(same(messages.bytes(), payload));
    assert.ok(messages.next());
    assert.equal(messages.text(), "behind");
  }
});

test("large messages in chunks of any size, for which the memory has to grow", async () => {
  for (const size of [17_000, 40_000, 65_536]) {
    const { MessageDecoder, MessageEncoder } = await fresh();
    const encoder = new MessageEncoder({ role: "server" });
    const decoders = [1, 2, 3].map(() => new MessageDecoder({ role: "client" }));
    const payloads = Array.from({ length: 60 }, (_, i) => pattern(10_000 + i * 8000));
    const wire = payloads.map((payload) => encoder.binary(payload).take());
    const stream = Buffer.concat(wire);
    for (const decoder of decoders) {
      let found = 0;
      for (let at = 0; at < stream.length; at += size) {
        decoder.push(stream.subarray(at, at + size));
        while (decoder.next()) {
          assert.ok(same(decoder.bytes(), payloads[found++] as Uint8Array), `${size}, ${found}`);
        }
      }
      assert.equal(found, payloads.length);
    }
  }
});

test("what a decoder lends can be encoded, for which the memory has to grow", async () => {
  const { MessageEncoder, FrameDecoder, MessageDecoder } = await fresh();
  for (const length of [1000, 100_000, 1_000_000, 4_000_000]) {
    const payload = pattern(length);
    const messages = new MessageDecoder({ role: "server" });
    const frames = new FrameDecoder({ role: "server" });
    for (const decoder of [messages, frames]) {
      // An encoder of its own each time, so that it has to grow.
      const wire = new MessageEncoder({ role: "client" }).binary(payload).take();
      decoder.push(wire);
      let at = 0;
      while (decoder.next()) {
        const piece = decoder.bytes();
        const { length } = piece;
        const echo = new MessageEncoder({ role: "client", maskKey: () => 0 });
        const written = echo.binary(piece).take();
        assert.ok(same(written.subarray(-length), payload.subarray(at, at + length)), `${length}`);
        at += length;
      }
      assert.equal(at, length);
    }
  }
});

test("what a decoder lends can be pushed, for which the memory has to grow", async () => {
  const { MessageDecoder, MessageEncoder } = await fresh();
  for (const length of [1000, 20_000, 100_000, 1_000_000, 4_000_000]) {
    // A stream within a stream.
    const inner = new MessageEncoder({ role: "server" }).binary(pattern(length)).take();
    const wire = new MessageEncoder({ role: "server" }).binary(inner).take();
    const outside = new MessageDecoder({ role: "client", maxMessage: 2 ** 30 });
    const inside = new MessageDecoder({ role: "client" });
    let at = 0;
    for (const end of [Math.floor(length / 2), wire.length]) {
      outside.push(wire.subarray(at, end));
      at = end;
    }
    assert.ok(outside.next());
    inside.push(outside.bytes());
    assert.ok(inside.next());
    assert.ok(same(inside.bytes(), pattern(length)), `${length}`);
  }
});

test("control payloads that were cut stay where they are", async () => {
  for (const [name, total] of [
    ["FrameDecoder", 260],
    ["FrameDecoder", 300],
    ["MessageDecoder", 260],
  ] as const) {
    const { MessageEncoder, [name]: Decoder } = await fresh();
    const encoder = new MessageEncoder({ role: "server" });
    const payloads = [1, 2, 3].map((n) => new Uint8Array(125).fill(n));
    const decoder = new Decoder({ role: "client" });
    // Another allocation lies behind the decoder's memory then, so that nothing can grow in place.
    decoder.push(encoder.binary(pattern(total - 4)).take()).skip();
    new MessageEncoder({ role: "server" });
    for (const payload of payloads) encoder.ping(payload);
    const bytes = encoder.take();
    decoder.push(bytes.subarray(0, 126));
    while (decoder.next());
    decoder.push(bytes.subarray(126));
    const seen: Uint8Array[] = [];
    while (decoder.next()) seen.push(decoder.copy());
    assert.deepEqual(seen, payloads, name);
  }
});

test("a flood of the smallest frames in chunks of any size", async () => {
  const { FrameDecoder, MessageDecoder } = await fresh();
  const bytes = new Uint8Array(150_000);
  for (let at = 0; at < bytes.length; at += 2) bytes[at] = 0x89;
  for (const size of [1, 2, 3, 64, 65, 65_535, 65_536, 149_999]) {
    for (const decoder of [
      new FrameDecoder({ role: "client" }),
      new MessageDecoder({ role: "client" }),
    ]) {
      let count = 0;
      for (let at = 0; at < bytes.length; at += size) {
        decoder.push(bytes.subarray(at, at + size));
        while (decoder.next()) count += decoder.opcode === 9 ? 1 : 0;
      }
      assert.equal(count, bytes.length / 2, `${size}`);
      decoder.free();
    }
  }
});

test("a large message leaves nothing behind but room for the next one", async () => {
  const { MessageDecoder, MessageEncoder } = await fresh();
  const length = 20_000_000;
  const size = () => new MessageDecoder({ role: "client" }).reserve(1).buffer.byteLength;
  const encoder = new MessageEncoder({ role: "server" });
  const wire = encoder.binary(new Uint8Array(length)).take();
  assert.equal(encoder.memory(), 0, "frames are freed when they are taken");
  const receive = (decoder: InstanceType<typeof MessageDecoder>) => {
    for (let at = 0; at < wire.length; at += 65_536) {
      decoder.push(wire.subarray(at, at + 65_536));
      while (decoder.next()) assert.equal(decoder.length, length);
    }
  };
  const decoder = new MessageDecoder({ role: "client" });
  receive(decoder);
  assert.ok(decoder.memory() <= 2 * length, `${decoder.memory()} bytes`);
  decoder.push(new Uint8Array(0));
  assert.equal(decoder.memory(), 0, "the next chunk frees the message");
  const other = new MessageDecoder({ role: "client" });
  const rounds = [other, decoder, other, decoder];
  const sizes = rounds.map((next) => {
    receive(next);
    next.push(new Uint8Array(0));
    return size();
  });
  // The buffer that grows finds the room that others have left, from the second message on.
  assert.deepEqual(sizes, Array(rounds.length).fill(sizes[0]));
});

test("the buffer of a large message is free for others after the turn in which it was read", async () => {
  const { MessageDecoder, MessageEncoder, Session } = await fresh();
  const length = 20_000_000;
  const decoder = new MessageDecoder({ role: "client" });
  const session = new Session({ role: "client" });
  const size = () => new MessageDecoder({ role: "client" }).reserve(1).buffer.byteLength;
  const wire = new MessageEncoder({ role: "server" }).binary(new Uint8Array(length)).take();
  /** How many payloads of 1 MB find room in the module as it is. */
  const room = (): number => {
    const before = size();
    const encoders: InstanceType<typeof MessageEncoder>[] = [];
    while (size() === before) encoders.push(new MessageEncoder({ role: "server" }).binary(new Uint8Array(1_000_000)));
    for (const encoder of encoders) encoder.free();
    return encoders.length - 1;
  };
  const readers: ((chunk: Uint8Array) => void)[] = [
    (chunk) => {
      decoder.push(chunk);
      while (decoder.next()) assert.equal(decoder.length, length);
    },
    (chunk) => {
      for (const event of session.receive(chunk)) assert.equal(event.length, length);
    },
  ];
  for (const step of [65_536, 10_000, wire.length]) {
    for (const [index, read] of readers.entries()) {
      for (let at = 0; at < wire.length; at += step) read(wire.subarray(at, at + step));
      await Promise.resolve();
      const free = room();
      // The module frees a buffer by itself when 16 chunks had no use for it.
      for (let i = 0; i < 40; i++) decoder.push(new Uint8Array(0)).skip();
      await Promise.resolve();
      // The room that the encoders above have made is there as well.
      const more = room() - free;
      assert.ok(more <= 1, `reader ${index}, chunks of ${step} bytes: room for ${more} MB was held`);
    }
  }
});

test("a large message stays while somebody reads it, whatever others do", async () => {
  const { MessageDecoder, MessageEncoder } = await fresh();
  const length = 3_000_000;
  const wire = new MessageEncoder({ role: "server" }).binary(pattern(length)).take();
  const slow = new MessageDecoder({ role: "client" });
  const other = new MessageDecoder({ role: "client" });
  for (let at = 0; at < wire.length; at += 65_536) {
    slow.push(wire.subarray(at, at + 65_536));
    if (at + 65_536 < wire.length) while (slow.next()) assert.fail("it is not whole yet");
  }
  assert.ok(slow.next());
  await Promise.resolve();
  assert.ok(same(slow.bytes(), pattern(length)));
  other.push(wire);
  assert.ok(other.next() && !other.next());
  await Promise.resolve();
  assert.ok(same(slow.bytes(), pattern(length)), "it was copied when the other one took bytes");
  assert.equal(slow.next(), false);
  // A message that is begun is not lost when another one ends.
  slow.push(wire.subarray(0, 2_000_000));
  assert.equal(slow.next(), false);
  other.push(wire);
  while (other.next());
  await Promise.resolve();
  slow.push(wire.subarray(2_000_000));
  assert.ok(slow.next());
  assert.ok(same(slow.bytes(), pattern(length)));
});
