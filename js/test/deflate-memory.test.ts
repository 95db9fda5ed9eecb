// The module's memory under compression: steady, stated, and given back.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";

import { load, messages, type Package } from "./deflate-harness.ts";

/** Bytes of a module's memory. */
function memoryOf({ MessageDecoder }: Package): number {
  const decoder = new MessageDecoder({ role: "client" });
  const { byteLength } = decoder.reserve(1).buffer;
  decoder.free();
  return byteLength;
}

const data = messages(21).filter(({ length }) => length <= 3000);

for (const name of ["index", "zlib"]) {
  test(`${name}: hundreds of thousands of messages leave the memory as it is`, async () => {
    const found = await load(name, "?steady");
    const { MessageDecoder, MessageEncoder } = found;
    const pairs = [{}, { dedicated: true }, {}].map((options, i) => {
      const direction = { contextTakeover: i !== 2, windowBits: 15 - i };
      const deflate = { ...options, level: 1, send: direction, receive: direction };
      const encoder = new MessageEncoder({ role: "client", deflate });
      const decoder = new MessageDecoder({ role: "server", deflate });
      return { encoder, decoder };
    });
    const run = (rounds: number): number => {
      let count = 0;
      for (let round = 0; round < rounds; round++) {
        for (const { encoder, decoder } of pairs) {
          for (let i = 0; i < 100; i++) {
            if (i % 10 === 0) encoder.begin("text", "in ").ping().finish("fragments");
            else encoder.text(`{"type":"message","id":${i},"round":${round}}`.padEnd(80));
          }
          encoder.binary(data[round % data.length] as Buffer);
          const bytes = encoder.take();
          for (let at = 0; at < bytes.length; at += 3001) {
            decoder.push(bytes.subarray(at, at + 3001));
            while (decoder.next()) count++;
          }
        }
      }
      return count;
    };
    run(30);
    const before = memoryOf(found);
    assert.ok(run(700) > 200_000);
    assert.equal(memoryOf(found), before);
  });

  test(`${name}: what is made and freed leaves the memory as it is`, async () => {
    const found = await load(name, "?freed");
    const { Compressor, Decompressor, MessageDecoder, MessageEncoder } = found;
    const run = (times: number): void => {
      for (let i = 0; i < times; i++) {
        const deflate = { dedicated: i % 2 === 0 };
        const encoder = new MessageEncoder({ role: "server", deflate });
        const decoder = new MessageDecoder({ role: "client", deflate });
        decoder.push(encoder.text("hello, ".repeat(20)).begin("text", "not finished").take());
        assert.ok(decoder.next());
        encoder.free();
        decoder.free();
        const compressor = new Compressor(deflate);
        const decompressor = new Decompressor(deflate);
        decompressor.message(compressor.message("hello"));
        compressor.part("not finished");
        compressor.free();
        decompressor.free();
        const damaged = new Decompressor(deflate);
        assert.throws(() => damaged.message(Buffer.from("ffff", "hex")));
        damaged.free();
      }
    };
    run(50);
    const before = memoryOf(found);
    run(500);
    assert.equal(memoryOf(found), before);
  });

  test(`${name}: memory is taken with the first message, and given back`, async () => {
    const { Compressor, Decompressor, deflateEngines, MessageDecoder, MessageEncoder } = await load(
      name,
      "?stated",
    );
    const message = "some words, some words, ".repeat(400);
    for (const dedicated of [true, false]) {
      const compressor = new Compressor({ dedicated });
      const decompressor = new Decompressor({ dedicated });
      const before = [compressor.memory(), decompressor.memory()];
      const payload = compressor.message(message);
      decompressor.message(payload);
      const most = dedicated ? 500_000 : 40_000;
      assert.ok(compressor.memory() > (before[0] as number) && compressor.memory() < most);
      assert.ok(decompressor.memory() > (before[1] as number) && decompressor.memory() < 200_000);
      const held = compressor.memory() + decompressor.memory();
      compressor.release();
      decompressor.release();
      assert.ok(compressor.memory() + decompressor.memory() < held);
      // Both go on.
      const again = decompressor.message(compressor.message(message));
      assert.equal(Buffer.from(again).toString(), message);
      compressor.free();
      decompressor.free();
    }
    assert.ok(deflateEngines.memory() > 100_000);
    deflateEngines.release();
    assert.equal(deflateEngines.memory(), 0);

    const deflate = { send: { contextTakeover: false }, receive: { contextTakeover: false } };
    const encoder = new MessageEncoder({ role: "server", deflate });
    const decoder = new MessageDecoder({ role: "client", deflate });
    encoder.text(message).binary(Uint8Array.from({ length: 200_000 }, (_, i) => i * i * i));
    assert.ok(encoder.memory() > 100_000);
    // Other encoders may use the memory of frames as soon as the frames are taken.
    decoder.push(encoder.take());
    while (decoder.next());
    encoder.release();
    decoder.release();
    assert.ok(encoder.memory() < 20_000 && decoder.memory() < 20_000);
    decoder.push(encoder.text(message).take());
    assert.ok(decoder.next());
    assert.equal(decoder.text(), message);
  });
}
