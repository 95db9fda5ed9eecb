// Lent views, the detection of their use after their time, and stale cursors.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { afterEach, test } from "node:test";

import { MessageEncoder, FrameDecoder, MessageDecoder, setDebug } from "wscodec";

import { bytesOf } from "./codec-harness.ts";

const hello = bytesOf("81 05 48656c6c6f 82 02 0102");
const stale = { name: "MisuseError", code: "STALE" };
const client = { role: "client" } as const;

afterEach(() => setDebug(false));

const decoders = { MessageDecoder, FrameDecoder };

for (const [name, Decoder] of Object.entries(decoders)) {
  test(`${name}: a view is valid until the next push`, () => {
    const decoder = new Decoder(client).push(hello);
    assert.ok(decoder.next());
    const first = decoder.bytes();
    assert.ok(decoder.next());
    const second = decoder.bytes();
    assert.equal(Buffer.from(first).toString(), "Hello");
    assert.deepEqual([...second], [1, 2]);
    assert.equal(first.buffer, second.buffer, "both lie on the module's memory");
  });

  test(`${name}: a copy is for good`, () => {
    for (const debug of [false, true]) {
      setDebug(debug);
      const decoder = new Decoder(client).push(hello);
      assert.ok(decoder.next());
      const copy = decoder.copy();
      decoder.skip().push(new Uint8Array(1).fill(0x81));
      assert.equal(Buffer.from(copy).toString(), "Hello");
      assert.ok(copy.buffer.byteLength < 2 ** 16, "it does not lie on the module's memory");
    }
  });

  test(`${name}: in debugging a stale view is empty, and throws when it is used`, () => {
    setDebug(true);
    const decoder = new Decoder(client);
    const other = new Decoder(client);
    for (const expire of [
      () => decoder.skip().push(hello),
      () => other.push(hello),
      () => new MessageDecoder(client).push(new Uint8Array(0)),
      () => new FrameDecoder(client).push(new Uint8Array(0)),
      () => new MessageDecoder(client).reserve(10),
      () => new MessageDecoder(client).push(new Uint8Array(20_000)),
    ]) {
      decoder.skip().push(hello);
      other.skip();
      assert.ok(decoder.next());
      const view = decoder.bytes();
      const again = decoder.bytes();
      assert.deepEqual(view, new Uint8Array(Buffer.from("Hello")));
      expire();
      for (const lent of [view, again]) {
        assert.equal(lent.length, 0);
        assert.equal(lent.byteLength, 0);
        assert.equal(lent[0], undefined);
        assert.throws(() => lent.slice(), TypeError);
        assert.throws(() => lent.fill(0), TypeError);
        assert.throws(() => new Uint8Array(4).set(lent), TypeError);
        assert.throws(() => new TextDecoder().decode(lent.subarray(0)), TypeError);
      }
    }
  });

  test(`${name}: a cursor stays where it is when bytes are pushed elsewhere`, () => {
    const decoder = new Decoder(client);
    const other = new Decoder(client);
    for (const debug of [false, true]) {
      setDebug(debug);
      for (const before of [0, 1, 2]) {
        decoder.push(hello);
        for (let i = 0; i < before; i++) assert.ok(decoder.next());
        other.push(bytesOf("82 05 ffffffffff 82 02 ffff"));
        if (before === 0) assert.ok(decoder.next());
        if (before < 2) {
          assert.equal(decoder.text(), "Hello");
          assert.equal(Buffer.from(decoder.copy()).toString(), "Hello");
          assert.equal(decoder.opcode, 1);
          other.skip().push(hello);
          assert.equal(decoder.length, 5);
          assert.equal(Buffer.from(decoder.bytes()).toString(), "Hello");
          assert.ok(decoder.next());
        }
        assert.deepEqual([...decoder.bytes()], [1, 2]);
        assert.deepEqual([...decoder.copy()], [1, 2]);
        assert.equal(decoder.next(), false);
        assert.ok(other.next());
        assert.ok(other.next());
        assert.equal(other.length, 2);
        assert.equal(other.next(), false);
      }
    }
  });

  test(`${name}: what is lent can be pushed and encoded while it is valid`, () => {
    for (const debug of [false, true]) {
      setDebug(debug);
      for (const length of Decoder === FrameDecoder ? [5, 20_000, 60_000] : [5, 20_000, 100_000]) {
        const encoder = new MessageEncoder({ role: "server" });
        const payload = new Uint8Array(length).fill(97);
        const inner = encoder.text(payload).take();
        const decoder = new Decoder(client).push(encoder.binary(inner).take());
        assert.ok(decoder.next());
        const view = decoder.bytes();
        const echo = encoder.binary(view).take();
        assert.equal(Buffer.compare(echo.subarray(-inner.length), inner), 0);
        assert.equal(view.length, inner.length, "encoding it does not end it");
        const second = new Decoder(client).push(view);
        assert.ok(second.next());
        assert.equal(second.text(), "a".repeat(length));
      }
    }
  });
}

test("what is owned stays", () => {
  const decoder = new MessageDecoder(client).push(hello);
  const owned = [...decoder];
  decoder.push(bytesOf("81 05 58585858 58"));
  assert.deepEqual(owned, [
    { type: "text", data: "Hello" },
    { type: "binary", data: Uint8Array.of(1, 2) },
  ]);
});

test("views lent before debugging was turned off are not taken away", () => {
  setDebug(true);
  const decoder = new MessageDecoder(client).push(hello);
  assert.ok(decoder.next());
  const view = decoder.bytes();
  setDebug(false);
  decoder.skip().push(hello);
  assert.equal(Buffer.from(view).toString(), "Hello");
});

test("frames lent by an encoder", () => {
  for (const debug of [false, true]) {
    setDebug(debug);
    const encoder = new MessageEncoder({ role: "server" }).text("Hello");
    assert.equal(Buffer.from(encoder.bytes()).toString("latin1"), "\x81\x05Hello");
    assert.equal(encoder.length, 7, "they still wait to be taken");
    assert.equal(Buffer.from(encoder.take()).toString("latin1"), "\x81\x05Hello");
  }
});

test("a reservation is for one commit, of no more than was reserved", () => {
  const decoder = new MessageDecoder(client);
  assert.throws(() => decoder.commit(0), stale);
  const space = decoder.reserve(20);
  assert.equal(space.length, 20);
  space.set(hello);
  for (const length of [21, 2 ** 31, -1, 0.5, Number.NaN]) {
    assert.throws(() => decoder.commit(length), RangeError, `${length}`);
  }
  decoder.commit(hello.length);
  assert.ok(decoder.next());
  assert.equal(decoder.text(), "Hello");
  assert.throws(() => decoder.commit(0), stale);
  assert.throws(() => decoder.commit(hello.length), stale);
  for (const length of [-1, 0.5, Number.NaN, 2 ** 53]) {
    assert.throws(() => decoder.reserve(length), RangeError, `${length}`);
  }
});

test("a reservation ends when anything is pushed or reserved", () => {
  const begun = bytesOf("82 7e 1000 0102");
  const others = [
    (own: MessageDecoder) => own.push(new Uint8Array(1)),
    (own: MessageDecoder) => own.reserve(5),
    () => new MessageDecoder(client).push(hello),
    () => new MessageDecoder(client).reserve(5),
    () => new FrameDecoder(client).push(hello),
  ];
  for (const other of others) {
    // Both within a payload, where the space is the message's, and at its border.
    for (const front of [new Uint8Array(0), begun]) {
      const decoder = new MessageDecoder(client).push(front);
      const reserved = decoder.reserve(100);
      reserved.fill(0);
      other(decoder);
      if (other !== others[1]) assert.throws(() => decoder.commit(100), stale);
      else assert.throws(() => decoder.commit(100), RangeError);
    }
  }
});

test("reserving drops no rows", () => {
  const decoder = new MessageDecoder(client).push(hello);
  assert.throws(() => decoder.reserve(1), { name: "MisuseError", code: "UNREAD" });
  assert.ok(decoder.next());
  decoder.skip().reserve(1);
  assert.equal(decoder.next(), false);
});

test("an encoder's view is valid until its next call, whatever decoders do", () => {
  setDebug(true);
  const encoder = new MessageEncoder({ role: "server" }).text("Hello");
  for (const call of [
    () => encoder.ping(),
    () => encoder.takeInto(new Uint8Array(100)),
    () => encoder.take(),
    () => encoder.clear(),
  ]) {
    const view = encoder.text("more").bytes();
    const { length } = view;
    new MessageDecoder(client).push(hello);
    assert.ok(length > 0);
    assert.equal(view.length, length);
    call();
    assert.equal(view.length, 0);
  }
});
