// Cross trips with zlib at every window, with takeover and without.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";

import { builds, directions, messages, ZlibDeflate, zlibInflate } from "./deflate-harness.ts";

for (const [name, load] of builds) {
  test(`${name}: zlib inflates what is compressed, within the window agreed on`, async () => {
    const { Compressor } = await load();
    const data = messages();
    const whole = Buffer.concat(data);
    for (const send of directions()) {
      for (const level of [1, 3, 6, 9]) {
        const compressor = new Compressor({ send, level });
        const coded = data.map((message) => compressor.message(message));
        const inflated = zlibInflate(coded, send);
        const about = `${send.windowBits} ${send.contextTakeover} ${level}`;
        assert.equal(Buffer.compare(inflated, whole), 0, about);
        compressor.free();
      }
    }
  });

  test(`${name}: what zlib compresses is inflated, within the window agreed on`, async () => {
    const { Decompressor, MessageDecoder, MessageEncoder } = await load();
    const data = messages(2);
    for (const receive of directions(9)) {
      for (const level of [0, 1, 6, 9]) {
        const about = `${receive.windowBits} ${receive.contextTakeover} ${level}`;
        const peer = new ZlibDeflate(receive, level);
        const decompressor = new Decompressor({ receive });
        const encoder = new MessageEncoder({ role: "server" });
        for (const message of data) {
          const coded = peer.message(message);
          const inflated = decompressor.message(coded);
          assert.equal(Buffer.compare(inflated, message), 0, about);
          encoder.frame({ opcode: 2, rsv: 4 }, coded);
        }
        decompressor.free();
        // The messages are decoded once more as one stream, in which they lie together.
        const stream = encoder.take();
        encoder.free();
        for (const step of [stream.length, 4099]) {
          const decoder = new MessageDecoder({ role: "client", deflate: { receive } });
          let count = 0;
          for (let at = 0; at < stream.length; at += step) {
            decoder.push(stream.subarray(at, at + step));
            while (decoder.next()) {
              assert.equal(Buffer.compare(decoder.bytes(), data[count++] as Buffer), 0, about);
            }
          }
          assert.equal(count, data.length, about);
          decoder.end();
          decoder.free();
        }
      }
    }
  });

  test(`${name}: a message that refers beyond the window is damaged`, async () => {
    const { Compressor, Decompressor } = await load();
    const random = messages(3).find(({ length }) => length === 3000) as Buffer;
    // The stream has the same 3,000 bytes twice: the second time they refer 3,000 bytes back.
    const twice = Buffer.concat([random, random]);
    const coded = new Compressor().message(twice);
    for (let windowBits = 8; windowBits <= 15; windowBits++) {
      const decompressor = new Decompressor({ receive: { windowBits } });
      if (2 ** windowBits >= 3000) {
        assert.equal(Buffer.compare(decompressor.message(coded), twice), 0);
      } else {
        const damaged = { code: "INVALID_COMPRESSED_DATA", closeCode: 1007 };
        assert.throws(() => decompressor.message(coded), damaged);
        assert.throws(() => decompressor.message(coded), damaged);
      }
      decompressor.free();
    }
  });

  test(`${name}: without takeover, nothing before the message is known`, async () => {
    const { Compressor, Decompressor } = await load();
    const compressor = new Compressor();
    const [first, second] = ["the same words again and again", "the same words again and again"];
    const coded = [compressor.message(first), compressor.message(second)];
    const decompressor = new Decompressor({ receive: { contextTakeover: false } });
    assert.equal(Buffer.from(decompressor.message(coded[0] as Uint8Array)).toString(), first);
    assert.throws(() => decompressor.message(coded[1] as Uint8Array), {
      code: "INVALID_COMPRESSED_DATA",
    });
  });
}

test("sizes are near those of zlib", async () => {
  const data = messages().filter(({ length }) => length >= 100);
  const plain = data.reduce((sum, { length }) => sum + length, 0);
  for (const [name, load] of builds) {
    const { Compressor } = await load();
    const compressor = new Compressor({ level: 6 });
    const peer = new ZlibDeflate({ windowBits: 15, contextTakeover: true }, 6);
    let [ours, theirs] = [0, 0];
    for (const message of data) {
      ours += compressor.message(message).length;
      theirs += peer.message(message).length;
    }
    assert.ok(theirs < plain && ours < theirs * 1.05, `${name}: ${ours} beside ${theirs}`);
  }
});
