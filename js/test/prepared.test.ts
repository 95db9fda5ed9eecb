/** Messages that are made once, and sent over many connections. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { type AgreedDeflate, type DeflateOptions, MessageDecoder, MessageEncoder, Prepared, Session } from "wscodec";
import * as slim from "wscodec/slim";

const news = "news ".repeat(50);

/** The messages that a receiver finds, and the number of bytes that came. */
function sent(
  role: "client" | "server",
  deflate: DeflateOptions | undefined,
  add: (encoder: MessageEncoder) => void,
): [found: unknown[], length: number] {
  const encoder = new MessageEncoder({ role, deflate });
  add(encoder);
  const wire = encoder.take();
  const back = deflate && { receive: deflate.send, send: deflate.receive };
  const decoder = new MessageDecoder({
    role: role === "client" ? "server" : "client",
    deflate: back as AgreedDeflate | undefined,
  });
  const found: unknown[] = [];
  for (const message of decoder.push(wire)) found.push(message);
  return [found, wire.length];
}

for (const role of ["client", "server"] as const) {
  test(`a ${role} sends what was prepared, in the form that its peer can read`, () => {
    const text = new Prepared(news);
    const bytes = new Prepared(new TextEncoder().encode(news), { deflate: { level: 9 } });
    assert.deepEqual([text.type, text.length, bytes.type], ["text", 250, "binary"]);
    const add = (encoder: MessageEncoder) => encoder.prepared(text).prepared(bytes).text("and more");
    const expected = [
      { type: "text", data: news },
      { type: "binary", data: new TextEncoder().encode(news) },
      { type: "text", data: "and more" },
    ];
    const [plain, length] = sent(role, undefined, add);
    assert.deepEqual(plain, expected);
    assert.ok(length > 500);
    const [coded, shorter] = sent(role, {}, add);
    assert.deepEqual(coded, expected);
    assert.ok(shorter < 100, `${shorter} bytes`);
    // Whose window is smaller can't read it.
    const small = { send: { windowBits: 9 }, receive: {} };
    assert.deepEqual(sent(role, small, add), [expected, sent(role, small, add)[1]]);
    assert.ok(sent(role, small, add)[1] > 500);
    const fits = new Prepared(news, { deflate: small });
    assert.ok(sent(role, small, (encoder) => encoder.prepared(fits))[1] < 60);
  });
}

test("messages before and after refer to what both sides know", () => {
  const deflate = { threshold: 0 };
  const encoder = new MessageEncoder({ role: "server", deflate });
  const decoder = new MessageDecoder({ role: "client", deflate });
  const prepared = new Prepared(news);
  for (let round = 0; round < 50; round++) {
    const texts = [`${round} ${news}`, news, `${news} ${round}`];
    encoder.text(texts[0] as string).prepared(prepared).text(texts[2] as string);
    const found: unknown[] = [];
    for (const message of decoder.push(encoder.take())) {
      found.push(message.type === "text" && message.data);
    }
    assert.deepEqual(found, texts);
  }
});

test("it is not compressed below the threshold, without compression, or if not wanted", () => {
  const deflate = {};
  const short = new Prepared("x".repeat(63));
  const unwanted = new Prepared(news, { deflate: false });
  const [, length] = sent("server", deflate, (encoder) => encoder.prepared(short).prepared(unwanted));
  assert.equal(length, 65 + 254);
  const encoder = new slim.MessageEncoder({ role: "server" });
  assert.equal(encoder.prepared(new slim.Prepared(news)).length, 254);
  assert.throws(() => new slim.Prepared(news, { deflate: {} }), { code: "NO_DEFLATE" });
  assert.throws(() => new Prepared(news, { deflate: { level: 10 } }), RangeError);
});

test("a session sends it as a message, and keeps the rules", () => {
  const prepared = new Prepared("Hello");
  const sessions = [new Session({ role: "server" }), new Session({ role: "client", maskKey: () => 0 })];
  const [plain, masked] = sessions.map((session) => session.send(prepared).prepared(prepared).take());
  assert.equal(String.fromCharCode(...(plain ?? [])), "\x81\x05Hello\x81\x05Hello");
  assert.equal(String.fromCharCode(...(masked ?? [])), "\x81\x85\0\0\0\0Hello".repeat(2));
  for (const session of sessions) {
    session.begin("text", "a");
    assert.throws(() => session.send(prepared), { code: "MESSAGE_UNFINISHED" });
    session.finish().close();
    assert.throws(() => session.prepared(prepared), { code: "CLOSING" });
  }
});

test("what it was made of may change", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  const shared = new Uint8Array(new SharedArrayBuffer(3)).fill(9);
  const [own, of] = [new Prepared(bytes), new Prepared(shared)];
  bytes.fill(0);
  shared.fill(0);
  const wire = new MessageEncoder({ role: "server" }).prepared(own).prepared(of).take();
  assert.deepEqual([...wire], [0x82, 3, 1, 2, 3, 0x82, 3, 9, 9, 9]);
});
