// Compressed messages in a stream: fragments, limits, damage, and what is lent.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";

import {
  Compressor,
  type DecoderOptions,
  Decompressor,
  MessageEncoder,
  FrameDecoder,
  MessageDecoder,
  setDebug,
} from "wscodec";

import { cutInTwo, cutsOf, randomCuts, randomNumbers, singleBytes } from "./codec-harness.ts";
import { builds, load, messages } from "./deflate-harness.ts";
import { fresh } from "./fresh.ts";

const deflate = {};

/** A bomb: so many equal bytes, compressed as well as can be. */
function bomb(length: number): Buffer {
  return deflateRawSync(Buffer.alloc(length), { level: 9, finishFlush: constants.Z_SYNC_FLUSH })
    .subarray(0, -4);
}

/** Frames with RSV1 around payloads. */
function framed(...payloads: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const encoder = new MessageEncoder({ role: "server" });
  for (const payload of payloads) encoder.frame({ opcode: 2, rsv: 4 }, payload);
  const bytes = encoder.take();
  encoder.free();
  return bytes;
}

/** The messages of a stream, and the fault after them. */
function read(chunks: Iterable<Uint8Array>, options: Partial<DecoderOptions> = {}) {
  const decoder = new MessageDecoder({ role: "client", deflate, ...options });
  const seen: string[] = [];
  let code: string | undefined;
  try {
    for (const chunk of chunks) {
      decoder.push(chunk);
      while (decoder.next()) {
        seen.push(`${decoder.type} ${Buffer.from(decoder.copy()).toString("base64")}`);
      }
    }
    decoder.end();
  } catch (error) {
    code = (error as { code: string }).code;
  }
  decoder.free();
  return { seen, code };
}

for (const [name, load] of builds) {
  test(`${name}: any cut gives the same messages`, async () => {
    const { MessageDecoder, MessageEncoder } = await load();
    const encoder = new MessageEncoder({ role: "server", deflate });
    encoder.text("Grüße ".repeat(20)).text("short").binary(new Uint8Array(5000));
    encoder.begin("text", "in ").ping("between").more("").more("fragments, ").pong();
    encoder.finish("größer 🦀").text("Grüße ".repeat(21)).binary(Buffer.alloc(0)).close(1000, "bye");
    const bytes = encoder.take();
    const run = (chunks: Uint8Array[]) => {
      const decoder = new MessageDecoder({ role: "client", deflate });
      const seen: unknown[] = [];
      for (const chunk of chunks) {
        for (const message of decoder.push(chunk)) seen.push(message);
      }
      decoder.end();
      decoder.free();
      return seen;
    };
    const whole = run([bytes]);
    assert.deepEqual(whole.length, 9);
    assert.deepEqual(whole[5], { type: "text", data: "in fragments, größer 🦀" });
    assert.deepEqual(whole[2], { type: "binary", data: new Uint8Array(5000) });
    for (const at of cutsOf(bytes.length)) assert.deepEqual(run(cutInTwo(bytes, at)), whole);
    assert.deepEqual(run(singleBytes(bytes)), whole);
  });

  test(`${name}: RSV1 is set where a message is compressed, on its first frame`, async () => {
    const { MessageEncoder, FrameDecoder } = await load();
    for (const role of ["server", "client"] as const) {
      const encoder = new MessageEncoder({ role, deflate: { threshold: 10 } });
      encoder.text("123456789").text("1234567890").begin("binary", "a").more("b").finish();
      encoder.frame({ opcode: 2 }, new Uint8Array(100)).ping("ping");
      const decoder = new FrameDecoder({ role: role === "server" ? "client" : "server", deflate });
      const seen: [number, boolean, number][] = [];
      for (const { opcode, fin, rsv } of decoder.push(encoder.take())) seen.push([opcode, fin, rsv]);
      assert.deepEqual(seen, [
        [1, true, 0],
        [1, true, 4],
        [2, false, 4],
        [0, false, 0],
        [0, true, 0],
        [2, true, 0],
        [9, true, 0],
      ]);
    }
  });

  test(`${name}: pieces of a message, frame by frame`, async () => {
    const { Compressor, Decompressor } = await load();
    for (const contextTakeover of [true, false]) {
      const direction = { contextTakeover };
      const compressor = new Compressor({ send: direction });
      const decompressor = new Decompressor({ receive: direction });
      for (const message of messages(5)) {
        const parts = randomCuts(message, 700, randomNumbers(message.length));
        const found: Uint8Array[] = [];
        let before = 0;
        for (const [i, part] of parts.entries()) {
          const last = i === parts.length - 1;
          const payload = compressor.part(part, last);
          before += part.length;
          for (const piece of decompressor.pieces(payload, last)) found.push(piece.slice());
          // A frame can be read completely as soon as it has arrived.
          assert.equal(found.reduce((sum, { length }) => sum + length, 0), before);
        }
        if (parts.length === 0) continue;
        assert.equal(Buffer.compare(Buffer.concat(found), message), 0);
      }
      assert.ok(compressor.memory() + decompressor.memory() > 0);
      compressor.free();
      decompressor.free();
    }
  });

  test(`${name}: bombs are refused before they take memory`, async () => {
    const own = name === "index" ? "index" : "zlib";
    const { MessageDecoder, Decompressor } = await fresh(own);
    const memory = () => new MessageDecoder({ role: "client" }).reserve(1).buffer.byteLength;
    const large = bomb(200 << 20);
    const before = memory();
    const stream = framed(large);
    const cases: [Partial<DecoderOptions>, code: string][] = [
      [{ maxInflation: 256 }, "INFLATION_RATIO"],
      [{ maxMessage: 2 << 20 }, "MESSAGE_TOO_LARGE"],
      // The compressed frame alone is larger than that, so the decoder refuses its header.
      [{ maxMessage: 1000 }, "MESSAGE_TOO_LARGE"],
    ];
    for (const [options, code] of cases) {
      const decoder = new MessageDecoder({ role: "client", deflate, ...options });
      assert.throws(() => {
        for (let at = 0; at < stream.length; at += 65536) {
          decoder.push(stream.subarray(at, at + 65536));
          while (decoder.next()) assert.fail("a message");
        }
      }, { name: "LimitError", code, closeCode: 1009 });
      decoder.free();
      const decompressor = new Decompressor(deflate, options);
      assert.throws(() => decompressor.message(large), { code, closeCode: 1009 });
      assert.throws(() => decompressor.message(bomb(10)), { code });
      decompressor.free();
    }
    assert.ok(memory() - before <= 12 << 20, `${memory() - before} bytes`);
  });

  test(`${name}: many small bombs in one chunk are inflated in stretches`, async () => {
    const own = name === "index" ? "index" : "zlib";
    const { MessageDecoder } = await fresh(own);
    const memory = () => new MessageDecoder({ role: "client" }).reserve(1).buffer.byteLength;
    const before = memory();
    const stream = framed(...Array<Buffer>(100).fill(bomb(1 << 20)), Buffer.from([0]));
    const receive = { contextTakeover: false };
    const other = new MessageDecoder({ role: "client", deflate });
    for (const walked of [true, false]) {
      const decoder = new MessageDecoder({ role: "client", deflate: { receive } });
      decoder.push(stream);
      let count = 0;
      if (walked) {
        while (decoder.next()) {
          count++;
          assert.equal(decoder.length, count > 100 ? 0 : 1 << 20);
          assert.ok(decoder.bytes().every((byte) => byte === 0));
          // Other decoders may use the arena in between.
          if (count % 4 === 1) decoder.copy();
        }
        assert.equal(count, 101);
      } else {
        assert.ok(decoder.next());
        assert.throws(() => decoder.push(stream.subarray(0, 0)), { code: "UNREAD" });
        assert.throws(() => decoder.end(), { code: "UNREAD" });
        // The decoder also decodes messages that are skipped, and the stream goes on.
        decoder.skip().push(stream.subarray(0, 0));
        assert.equal(decoder.next(), false);
      }
      assert.equal(decoder.offset, stream.length);
      decoder.end();
      decoder.free();
    }
    // Another decoder that is used in between changes nothing.
    const decoder = new MessageDecoder({ role: "client", deflate: { receive } }).push(stream);
    for (let count = 1; count <= 101; count++) {
      if (count % 9 === 0) other.skip().push(framed(bomb(100)));
      assert.ok(decoder.next());
      if (count % 7 === 0) other.skip().push(framed(bomb(200_000)));
      assert.equal(decoder.length, count > 100 ? 0 : 1 << 20);
      assert.ok(decoder.bytes().every((byte) => byte === 0));
    }
    assert.equal(decoder.next(), false);
    assert.ok(memory() - before <= 24 << 20, `${memory() - before} bytes`);
  });

  test(`${name}: damage and truncation end the stream the same way, however it is cut`, async () => {
    await load();
    const random = randomNumbers(7);
    const data = messages(9).slice(0, 9);
    const compressor = new Compressor();
    const stream = framed(...data.map((message) => compressor.message(message)));
    for (let round = 0; round < 300; round++) {
      const bytes = stream.slice();
      const at = random() % bytes.length;
      bytes[at] = (bytes[at] as number) ^ (1 << (random() % 8));
      const cut = bytes.subarray(0, bytes.length - (round % 3 === 0 ? random() % 20 : 0));
      const whole = read([cut]);
      assert.deepEqual(read(randomCuts(cut, 50, random)), whole);
    }
  });
}

test("damage has its code", () => {
  for (const payload of ["07", "ff", "f248cdc9c907", "03", "0300"]) {
    const run = read([framed(Buffer.from(payload, "hex"))]);
    if (payload === "0300") assert.deepEqual(run, { seen: ["binary "], code: undefined });
    else assert.deepEqual(run, { seen: [], code: "INVALID_COMPRESSED_DATA" }, payload);
  }
});

test("what RFC 7692 has as examples", () => {
  const decompressor = new Decompressor();
  for (const hex of [
    "f248cdc9c90700",
    "f200110000",
    "000500faff48656c6c6f00",
    "f348cdc9c9070000",
    "f248050000 00ffff cac9c90700",
  ]) {
    const payload = Buffer.from(hex.replaceAll(" ", ""), "hex");
    assert.equal(Buffer.from(decompressor.message(payload)).toString(), "Hello", hex);
  }
});

test("text is checked as it is inflated", () => {
  const compressor = new Compressor();
  const stream = new MessageEncoder({ role: "server" });
  stream.frame({ opcode: 1, rsv: 4 }, compressor.message("fine ✓ ".repeat(10)));
  stream.frame({ opcode: 1, rsv: 4 }, compressor.message(Uint8Array.of(97, 0xc3)));
  const run = read([stream.take()]);
  assert.deepEqual([run.seen.length, run.code], [1, "INVALID_UTF8"]);
});

test("RSV1 without the extension is a fault, and opaque where it is tolerated", () => {
  const stream = framed(bomb(100));
  const decoder = new MessageDecoder({ role: "client", deflate: undefined }).push(stream);
  assert.throws(() => decoder.next(), { code: "RESERVED_BITS" });
  const opaque = new MessageDecoder({ role: "client", rsv: 4 }).push(stream);
  assert.ok(opaque.next() && opaque.opaque);
  const inflated = new MessageDecoder({ role: "client", rsv: 6, deflate }).push(stream);
  assert.ok(inflated.next() && !inflated.opaque);
  assert.equal(inflated.length, 100);
  const frames = new FrameDecoder({ role: "client", deflate }).push(stream);
  assert.ok(frames.next());
  assert.equal(frames.rsv, 4);
});

test("fragments keep their order, and texts their characters", () => {
  for (const options of [{}, { deflate }]) {
    const encoder = new MessageEncoder({ role: "server", ...options });
    assert.throws(() => encoder.more("x"), { code: "NO_MESSAGE_BEGUN" });
    assert.throws(() => encoder.finish("x"), { code: "NO_MESSAGE_BEGUN" });
    assert.throws(() => encoder.begin("test" as "text"), TypeError);
    assert.throws(() => encoder.begin("text", Uint8Array.of(0xff)), { code: "TEXT_NOT_UTF8" });
    // A character in two fragments, with a fragment between that can't be.
    encoder.begin("text", Uint8Array.of(0xf0, 0x9f));
    assert.throws(() => encoder.begin("text"), { code: "MESSAGE_UNFINISHED" });
    assert.throws(() => encoder.text("x"), { code: "MESSAGE_UNFINISHED" });
    assert.throws(() => encoder.binary(new Uint8Array(1)), { code: "MESSAGE_UNFINISHED" });
    assert.throws(() => encoder.more("x"), { code: "TEXT_NOT_UTF8" });
    assert.throws(() => encoder.finish(), { code: "TEXT_NOT_UTF8" });
    encoder.ping().more(Uint8Array.of(0xa6)).finish(Uint8Array.of(0x80)).text("next");
    const decoder = new MessageDecoder({ role: "client", ...options }).push(encoder.take());
    const seen: unknown[] = [];
    while (decoder.next()) seen.push([decoder.type, decoder.length]);
    assert.deepEqual(seen, [["ping", 0], ["text", 4], ["text", 4]]);
    decoder.free();
    encoder.free();
  }
});

test("views on shared memory go in and out", () => {
  const shared = new Uint8Array(new SharedArrayBuffer(4096)).fill(97);
  const encoder = new MessageEncoder({ role: "client", deflate });
  encoder.binary(shared).begin("binary", shared.subarray(0, 10)).finish(shared);
  const into = new Uint8Array(new SharedArrayBuffer(1024));
  const length = encoder.takeInto(into, 8);
  const decoder = new MessageDecoder({ role: "server", deflate });
  const lengths: number[] = [];
  decoder.push(into.subarray(8, 8 + length));
  while (decoder.next()) lengths.push(decoder.length);
  assert.deepEqual(lengths, [4096, 4106]);
  const compressor = new Compressor();
  const coded = new Uint8Array(new SharedArrayBuffer(64));
  const payload = compressor.message(shared);
  coded.set(payload);
  const message = new Decompressor().message(coded.subarray(0, payload.length));
  assert.deepEqual(message, new Uint8Array(4096).fill(97));
});

test("what is lent can be compressed, and is taken away in time", () => {
  const encoder = new MessageEncoder({ role: "server", deflate });
  const decoder = new MessageDecoder({ role: "client", deflate });
  const compressor = new Compressor();
  const decompressor = new Decompressor();
  const data = messages(11);
  for (const message of data) {
    decoder.push(encoder.binary(message).take());
    assert.ok(decoder.next());
    const again = compressor.message(decoder.bytes());
    for (const copy of [decompressor.message(again), decoder.copy()]) {
      assert.equal(Buffer.compare(copy, message), 0);
    }
  }
  setDebug(true);
  try {
    decoder.push(encoder.binary(Buffer.alloc(100)).take());
    assert.ok(decoder.next());
    const view = decoder.bytes();
    assert.equal(view.length, 100);
    const pieces = decompressor.pieces(compressor.message("piece"), true);
    const piece = pieces.next().value as Uint8Array;
    assert.equal(piece.length, 5);
    assert.ok(pieces.next().done);
    decoder.push(new Uint8Array(0));
    assert.deepEqual([view.length, piece.length], [0, 0]);
  } finally {
    setDebug(false);
  }
});

test("pieces have to be asked for", () => {
  const decompressor = new Decompressor();
  const pieces = decompressor.pieces(bomb(300_000), true);
  assert.ok(!pieces.next().done);
  assert.throws(() => decompressor.message(bomb(1)), { code: "MESSAGE_UNFINISHED" });
  for (const _ of pieces);
  assert.equal(decompressor.message(bomb(1)).length, 1);
});

test("slim has all but the extension, and says so", async () => {
  const slim = await load("slim");
  const { Compressor, Decompressor, DeflateOffer, MessageDecoder, MessageEncoder } = slim;
  assert.deepEqual(Object.keys(slim), Object.keys(await load("index")));
  for (const use of [
    () => new Compressor(),
    () => new Decompressor(),
    () => new DeflateOffer(),
    () => slim.acceptDeflate("permessage-deflate"),
    () => new MessageEncoder({ role: "server", deflate }),
    () => new MessageDecoder({ role: "server", deflate }),
  ]) {
    assert.throws(use, { name: "MisuseError", code: "NO_DEFLATE" });
  }
  const bytes = new MessageEncoder({ role: "server" }).text("Hi").begin("text", "a").finish("b").take();
  const decoder = new MessageDecoder({ role: "client" }).push(bytes);
  assert.ok(decoder.next() && decoder.text() === "Hi" && decoder.next() && decoder.text() === "ab");
});
