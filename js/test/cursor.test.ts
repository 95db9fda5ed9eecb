/** A cursor that is on no row, rows that must not be lost, and objects that were freed. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  Compressor,
  Decompressor,
  MessageEncoder,
  FrameDecoder,
  MessageDecoder,
  type OwnedMessage,
  Prepared,
  Session,
  setDebug,
  UpgradeRequestReader,
  UpgradeResponseReader,
} from "wscodec";

import { bytesOf } from "./codec-harness.ts";

const client = { role: "client" } as const;
const server = { role: "server" } as const;

function misuse(code: string): { name: string; code: string } {
  return { name: "MisuseError", code };
}

/** The frames of a server: one text message for each of these strings. */
function texts(...messages: string[]): Uint8Array<ArrayBuffer> {
  const encoder = new MessageEncoder(server);
  for (const message of messages) encoder.text(message);
  const wire = encoder.take();
  encoder.free();
  return wire;
}

/** Lets other work run. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

const messageReads = {
  type: (decoder: MessageDecoder) => decoder.type,
  opcode: (decoder: MessageDecoder) => decoder.opcode,
  length: (decoder: MessageDecoder) => decoder.length,
  first: (decoder: MessageDecoder) => decoder.first,
  last: (decoder: MessageDecoder) => decoder.last,
  ascii: (decoder: MessageDecoder) => decoder.ascii,
  opaque: (decoder: MessageDecoder) => decoder.opaque,
  closeCode: (decoder: MessageDecoder) => decoder.closeCode,
  bytes: (decoder: MessageDecoder) => decoder.bytes(),
  copy: (decoder: MessageDecoder) => decoder.copy(),
  text: (decoder: MessageDecoder) => decoder.text(),
  owned: (decoder: MessageDecoder) => decoder.owned(),
};

const frameReads = {
  opcode: (decoder: FrameDecoder) => decoder.opcode,
  fin: (decoder: FrameDecoder) => decoder.fin,
  rsv: (decoder: FrameDecoder) => decoder.rsv,
  masked: (decoder: FrameDecoder) => decoder.masked,
  maskKey: (decoder: FrameDecoder) => decoder.maskKey,
  offset: (decoder: FrameDecoder) => decoder.offset,
  length: (decoder: FrameDecoder) => decoder.length,
  pieceLength: (decoder: FrameDecoder) => decoder.pieceLength,
  first: (decoder: FrameDecoder) => decoder.first,
  last: (decoder: FrameDecoder) => decoder.last,
  bytes: (decoder: FrameDecoder) => decoder.bytes(),
  copy: (decoder: FrameDecoder) => decoder.copy(),
  text: (decoder: FrameDecoder) => decoder.text(),
  owned: (decoder: FrameDecoder) => decoder.owned(),
};

test("a cursor that is on no row can't be read", () => {
  for (const [decoder, reads] of [
    [new MessageDecoder(client), messageReads],
    [new FrameDecoder(client), frameReads],
  ] as const) {
    const check = (when: string) => {
      for (const [name, read] of Object.entries(reads)) {
        assert.throws(() => read(decoder as never), misuse("NOT_ON_A_ROW"), `${name} ${when}`);
      }
    };
    check("before a push");
    decoder.push(texts("one"));
    check("before next");
    assert.ok(decoder.next());
    for (const read of Object.values(reads)) read(decoder as never);
    assert.equal(decoder.next(), false);
    check("after the end");
    assert.equal(decoder.next(), false);
    decoder.push(texts("two", "three"));
    assert.ok(decoder.next());
    decoder.skip();
    check("after skip");
    decoder.push(bytesOf("c1 00"));
    assert.throws(() => decoder.next(), { code: "RESERVED_BITS" });
    check("after a fault");
  }
});

test("iterating gives objects that can be kept", () => {
  const decoder = new MessageDecoder(client);
  const kept = [...decoder.push(texts("a", "b", "c"))];
  decoder.push(texts("xxxxxxx"));
  assert.deepEqual(kept, ["a", "b", "c"].map((data) => ({ type: "text", data })));
  const frames = [...new FrameDecoder(client).push(texts("a", "bc"))];
  assert.deepEqual(frames.map(({ offset, length, payload }) => [offset, length, [...payload]]), [
    [0, 1, [97]],
    [3, 2, [98, 99]],
  ]);
});

test("no row is lost where a loop awaits", async () => {
  const decoder = new MessageDecoder(client);
  const seen: string[] = [];
  const errors: unknown[] = [];
  const take = async (chunk: Uint8Array) => {
    try {
      for (const message of decoder.push(chunk)) {
        await turn();
        seen.push((message as { data: string }).data);
      }
    } catch (error) {
      errors.push((error as { code: string }).code);
    }
  };
  const first = take(texts("1", "2", "3"));
  await take(texts("4", "5"));
  await first;
  assert.deepEqual(errors, ["UNREAD"], "the second chunk was refused, aloud");
  assert.deepEqual(seen, ["1", "2", "3"]);
  await take(texts("4", "5"));
  assert.deepEqual(seen, ["1", "2", "3", "4", "5"]);

  // On its last row the loop has lost nothing, and the next chunk is not its own.
  const last = take(texts("6"));
  await take(texts("7", "8"));
  await last;
  assert.deepEqual(seen.sort(), ["1", "2", "3", "4", "5", "6", "7", "8"]);
  assert.deepEqual(errors, ["UNREAD"]);
});

test("an iterator throws once its rows were skipped", () => {
  const decoder = new MessageDecoder(client).push(texts("1", "2", "3"));
  const walk = decoder[Symbol.iterator]();
  assert.deepEqual(walk.next().value, { type: "text", data: "1" });
  decoder.skip().push(texts("4"));
  assert.throws(() => walk.next(), misuse("STALE"));
  assert.deepEqual([...decoder], [{ type: "text", data: "4" }]);
});

test("a push, a reservation and the end lose no rows", () => {
  const decoder = new MessageDecoder(client).push(texts("1", "2"));
  for (const visited of [0, 1]) {
    assert.throws(() => decoder.push(texts("3")), misuse("UNREAD"));
    assert.throws(() => decoder.reserve(10), misuse("UNREAD"));
    assert.equal(decoder.offset, 6, "nothing was taken");
    assert.ok(decoder.next());
    assert.equal(decoder.text(), visited === 0 ? "1" : "2");
  }
  // The last row was visited.
  decoder.push(texts("3"));
  assert.ok(decoder.next());
  assert.equal(decoder.text(), "3");
  decoder.end();
});

test("many decoders whose loops await at once lose nothing", async () => {
  for (const debug of [false, true]) {
    setDebug(debug);
    try {
      const all = await Promise.all(
        Array.from({ length: 40 }, async (_, n) => {
          const decoder = new MessageDecoder(client);
          const seen: OwnedMessage[] = [];
          for (let round = 0; round < 5; round++) {
            const encoder = new MessageEncoder(server);
            encoder.text(`${n}.${round}`).ping(`${n}`).begin("binary", Uint8Array.of(n)).pong(`${n}`);
            const wire = encoder.finish(new Uint8Array(n * 100).fill(n)).take();
            const cut = (n * 7 + round) % wire.length;
            for (const chunk of [wire.subarray(0, cut), wire.subarray(cut)]) {
              for (const message of decoder.push(chunk)) {
                await turn();
                seen.push(message);
              }
            }
          }
          return seen;
        }),
      );
      for (const [n, seen] of all.entries()) {
        const data = new Uint8Array(1 + n * 100).fill(n);
        const control = new TextEncoder().encode(`${n}`);
        assert.deepEqual(
          seen,
          Array.from({ length: 5 }, (_, round) => [
            { type: "text", data: `${n}.${round}` },
            { type: "ping", data: control },
            { type: "pong", data: control },
            { type: "binary", data },
          ]).flat(),
        );
      }
    } finally {
      setDebug(false);
    }
  }
});

test("text of kept rows is decoded like that of others", () => {
  const decoder = new MessageDecoder(client).push(texts("ascii", "Grüße 🦀", ""));
  const close = new MessageEncoder(server).close(1000, "tschüß").take();
  const closing = new MessageDecoder(client).push(close);
  assert.ok(closing.next());
  assert.ok(decoder.next());
  new FrameDecoder(client).push(new Uint8Array(40_000));
  for (const text of ["ascii", "Grüße 🦀", ""]) {
    assert.equal(decoder.text(), text);
    assert.equal(decoder.next(), text !== "");
  }
  assert.deepEqual([closing.closeCode, closing.text()], [1000, "tschüß"]);
});

/** Each class that can be freed: made, and all ways to use it. */
const freeable: Record<string, () => [{ free(): void }, Record<string, () => unknown>]> = {
  MessageDecoder() {
    const it = new MessageDecoder(client).push(texts("a", "b"));
    it.next();
    return [it, {
      ...Object.fromEntries(Object.entries(messageReads).map(([name, read]) => [name, () => read(it)])),
      push: () => it.push(texts("c")),
      large: () => it.push(new Uint8Array(100_000)),
      next: () => it.next(),
      iterate: () => [...it],
      skip: () => it.skip(),
      reserve: () => it.reserve(5),
      commit: () => it.commit(0),
      end: () => it.end(),
      offset: () => it.offset,
      inMessage: () => it.inMessage,
      buffered: () => it.buffered,
      memory: () => it.memory(),
      release: () => it.release(),
    }];
  },
  FrameDecoder() {
    const it = new FrameDecoder(client).push(texts("a", "b"));
    it.next();
    return [it, {
      ...Object.fromEntries(Object.entries(frameReads).map(([name, read]) => [name, () => read(it)])),
      push: () => it.push(texts("c")),
      next: () => it.next(),
      skip: () => it.skip(),
      end: () => it.end(),
      consumed: () => it.consumed,
      frameOffset: () => it.frameOffset,
    }];
  },
  MessageEncoder: () => encoderUses(new MessageEncoder(server).text("waits")),
  "MessageEncoder that is empty": () => encoderUses(new MessageEncoder(client)),
  "MessageEncoder within a message": () => encoderUses(new MessageEncoder(server).begin("text", "a")),
  "MessageEncoder with compression": () => encoderUses(new MessageEncoder({ ...server, deflate: {} }).text("a".repeat(99))),
  Compressor() {
    const it = new Compressor();
    it.part("a");
    return [it, {
      message: () => it.message("a"),
      part: () => it.part("a"),
      memory: () => it.memory(),
      release: () => it.release(),
    }];
  },
  Decompressor() {
    const it = new Decompressor();
    it.message(new Compressor().message("a"));
    return [it, {
      message: () => it.message(new Uint8Array(1)),
      pieces: () => [...it.pieces(new Uint8Array(1))],
      memory: () => it.memory(),
      release: () => it.release(),
    }];
  },
  UpgradeRequestReader() {
    const it = new UpgradeRequestReader();
    it.push(new TextEncoder().encode("GET / HT"));
    return [it, { push: () => it.push(new TextEncoder().encode("TP/1.1\r\n")) }];
  },
  UpgradeResponseReader() {
    const it = new UpgradeResponseReader();
    it.push(new TextEncoder().encode("HTTP/1"));
    return [it, { push: () => it.push(new TextEncoder().encode(".1 101 \r\n")) }];
  },
  "Session without compression": () => sessionUses(new Session(server)),
  "Session with compression": () => sessionUses(new Session({ ...server, deflate: {} })),
  "Session that has received": () => {
    const session = new Session(client);
    for (const event of session.receive(texts("a"))) event.text();
    session.receive(texts("abc").subarray(0, 3)).next();
    return sessionUses(session);
  },
};

function encoderUses(it: MessageEncoder): [MessageEncoder, Record<string, () => unknown>] {
  return [it, {
    text: () => it.text("a"),
    binary: () => it.binary(new Uint8Array(1)),
    large: () => it.binary(new Uint8Array(100_000)),
    prepared: () => it.prepared(new Prepared("a")),
    begin: () => it.begin("text", "a"),
    more: () => it.more("a"),
    finish: () => it.finish("a"),
    ping: () => it.ping(),
    pong: () => it.pong("a"),
    close: () => it.close(1000, "bye"),
    "close without a code": () => it.close(),
    frame: () => it.frame({ opcode: 2 }, "a"),
    bytes: () => it.bytes(),
    take: () => it.take(),
    takeInto: () => it.takeInto(new Uint8Array(100)),
    clear: () => it.clear(),
    memory: () => it.memory(),
    release: () => it.release(),
  }];
}

function sessionUses(it: Session): [Session, Record<string, () => unknown>] {
  return [it, {
    receive: () => it.receive(texts("a")),
    reserve: () => it.reserve(10),
    next: () => it.next(),
    send: () => it.send("a"),
    text: () => it.text("a"),
    binary: () => it.binary(new Uint8Array(1)),
    begin: () => it.begin("text", "a"),
    ping: () => it.ping(),
    pong: () => it.pong(),
    close: () => it.close(1000),
    take: () => it.take(),
    takeInto: () => it.takeInto(new Uint8Array(100)),
    tick: () => it.tick(0),
    memory: () => it.memory(),
    release: () => it.release(),
  }];
}

for (const [name, make] of Object.entries(freeable)) {
  test(`${name}: free may be called twice, and all use afterwards is refused`, () => {
    for (const use of Object.keys(make()[1])) {
      const [it, uses] = make();
      it.free();
      it.free();
      for (let again = 0; again < 2; again++) {
        const call = uses[use] as () => unknown;
        assert.throws(call, misuse(use === "commit" ? "STALE" : "FREED"), use);
      }
      it.free();
      (it as Partial<Disposable>)[Symbol.dispose]?.();
    }
  });
}

test("to free an object twice gives its memory back once", () => {
  const first = new MessageEncoder(server).text("a");
  first.free();
  first.free();
  const [second, third] = [new MessageEncoder(server).text("second"), new MessageEncoder(server).text("third")];
  assert.equal(new TextDecoder().decode(second.take().subarray(2)), "second");
  assert.equal(new TextDecoder().decode(third.take().subarray(2)), "third");
});

test("what is freed within a walk ends the walk", () => {
  const decoder = new MessageDecoder(client).push(texts("1", "2"));
  const walk = decoder[Symbol.iterator]();
  walk.next();
  decoder.free();
  assert.throws(() => walk.next(), { name: "MisuseError" });
  const compressor = new Compressor();
  const payload = compressor.message(new Uint8Array(200_000));
  const decompressor = new Decompressor();
  const pieces = decompressor.pieces(payload, true);
  pieces.next();
  decompressor.free();
  assert.throws(() => pieces.next(), misuse("FREED"));
});
