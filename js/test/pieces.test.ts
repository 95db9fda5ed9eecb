/** Messages in pieces: as they come, checked, inflated, and not held. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";

import { type DeflateOptions, MessageDecoder, MessageEncoder, PeerError, Session } from "wscodec";

import { cutsOf, randomNumbers } from "./codec-harness.ts";

type Seen = [type: string, bytes: string];

/** The messages that a decoder in pieces finds, each put together from its pieces. */
function joined(wire: Uint8Array, cuts: readonly number[], deflate?: DeflateOptions): Seen[] {
  const decoder = new MessageDecoder({ role: "client", pieces: true, deflate });
  const seen: Seen[] = [];
  let begun: Buffer[] | undefined;
  let from = 0;
  for (const to of [...cuts, wire.length]) {
    decoder.push(wire.slice(from, to));
    from = to;
    while (decoder.next()) {
      const { type, first, last } = decoder;
      const bytes = Buffer.from(decoder.bytes());
      if (type !== "text" && type !== "binary") {
        assert.ok(first && last);
        seen.push([type, bytes.toString("latin1")]);
        continue;
      }
      assert.equal(first, begun === undefined, "pieces say where a message begins");
      (begun ??= []).push(bytes);
      if (last) {
        seen.push([type, Buffer.concat(begun).toString("latin1")]);
        begun = undefined;
      }
    }
  }
  assert.equal(decoder.inMessage, false);
  decoder.end();
  decoder.free();
  return seen;
}

function whole(wire: Uint8Array, deflate?: DeflateOptions): Seen[] {
  const decoder = new MessageDecoder({ role: "client", deflate });
  const seen: Seen[] = [];
  decoder.push(wire);
  while (decoder.next()) {
    seen.push([decoder.type, Buffer.from(decoder.bytes()).toString("latin1")]);
  }
  decoder.free();
  return seen;
}

/** Empty ones, ones in fragments with control frames between, with characters of all lengths. */
function conversation(deflate?: DeflateOptions): Uint8Array {
  const encoder = new MessageEncoder({ role: "server", deflate });
  encoder.text("").text("Grüße 🦀").ping("there?").binary(new Uint8Array(300).fill(7));
  encoder.begin("text", "").ping("a").more("größ").pong("b").more("").finish("");
  encoder.begin("binary", "in ").more("three ").finish("parts");
  return encoder.text("the end").close(1000, "bye").take();
}

for (const deflate of [undefined, {}]) {
  const name = deflate === undefined ? "plain" : "compressed";
  test(`${name}: pieces make up the messages, wherever the bytes are cut`, () => {
    const wire = conversation(deflate);
    const expected = whole(wire, deflate);
    assert.equal(expected.length, 10);
    for (const cut of cutsOf(wire.length)) {
      assert.deepEqual(joined(wire, [cut], deflate), expected, `cut at ${cut}`);
    }
    assert.deepEqual(joined(wire, cutsOf(wire.length), deflate), expected, "byte by byte");
  });
}

test("a message of any length takes no memory", () => {
  const chunk = new Uint8Array(64 * 1024).fill(120);
  const decoder = new MessageDecoder({ role: "client", pieces: true, maxMessage: 2 ** 40 });
  // 2^35 bytes are announced.
  decoder.push(Uint8Array.of(0x82, 127, 0, 0, 0, 8, 0, 0, 0, 0));
  let length = 0;
  for (let i = 0; i < 2000; i++) {
    decoder.push(chunk);
    while (decoder.next()) {
      assert.deepEqual([decoder.first, decoder.last], [length === 0, false]);
      length += decoder.length;
    }
  }
  assert.equal(length, 2000 * chunk.length);
  assert.equal(decoder.buffered, 0);
  assert.throws(() => decoder.end(), { code: "UNEXPECTED_EOF" });
});

test("what a chunk stands for is inflated as it is asked for", () => {
  const deflate = { level: 6 };
  const large = new Uint8Array(2 ** 25);
  const wire = new MessageEncoder({ role: "server", deflate }).binary(large).text("behind").take();
  assert.ok(wire.length < 64 * 1024, "in one chunk");
  const options = { role: "client", pieces: true, deflate, maxInflation: 2000 } as const;
  const decoder = new MessageDecoder(options);
  decoder.push(wire);
  let length = 0;
  let largest = 0;
  while (decoder.next() && decoder.type === "binary") {
    length += decoder.length;
    largest = Math.max(largest, decoder.memory());
  }
  assert.equal(length, large.length);
  assert.deepEqual([decoder.text(), decoder.first, decoder.last], ["behind", true, true]);
  assert.ok(largest < 256 * 1024, `${largest} bytes`);
  assert.equal(decoder.next(), false);
  // The decoder also decodes messages that are skipped: takeover goes on.
  decoder.push(wire).skip();
  decoder.push(new Uint8Array(0));
  assert.equal(decoder.next(), false);
});

test("text is checked as it comes, and limits hold", () => {
  const options = { role: "client", pieces: true, maxMessage: 10 } as const;
  const text = new MessageDecoder(options).push(Uint8Array.of(0x01, 2, 0x61, 0xc3));
  assert.equal(text.next(), true);
  text.push(Uint8Array.of(0x80, 2, 0xa4, 0xff));
  assert.throws(() => {
    while (text.next());
  }, (error) => error instanceof PeerError && error.code === "INVALID_UTF8");
  const long = new MessageDecoder(options).push(Uint8Array.of(0x02, 6, 1, 2, 3, 4, 5, 6));
  assert.equal(long.next(), true);
  assert.equal(long.last, false);
  long.push(Uint8Array.of(0x80, 6));
  assert.throws(() => long.next(), { code: "MESSAGE_TOO_LARGE" });
});

test("a session in pieces answers pings and the close", () => {
  const session = new Session({ role: "client", pieces: true, maskKey: () => 0 });
  const random = randomNumbers(3);
  const payload = Uint8Array.from({ length: 100_000 }, () => random() & 255);
  const wire = new MessageEncoder({ role: "server" })
    .begin("binary", payload.subarray(0, 70_000))
    .ping("?")
    .finish(payload.subarray(70_000))
    .close(1000)
    .take();
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < wire.length; at += 3000) {
    for (const event of session.receive(wire.slice(at, at + 3000))) {
      if (event.type === "binary") chunks.push(event.copy());
    }
  }
  assert.ok(chunks.length > 30);
  assert.equal(Buffer.compare(Buffer.concat(chunks), payload), 0);
  assert.equal(session.state, "closed");
  assert.deepEqual([...session.take()], [0x8a, 0x81, 0, 0, 0, 0, 63, 0x88, 0x82, 0, 0, 0, 0, 3, 232]);
});
