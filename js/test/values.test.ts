/**
 * Values that are no text and no bytes are refused, and bytes are read by their internal slots.
 */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";

import {
  Compressor,
  Decompressor,
  MessageEncoder,
  FrameDecoder,
  frameHeader,
  MessageDecoder,
  Prepared,
  Session,
} from "wscodec";
import { createRing, RingReader, RingWriter } from "wscodec/ring";
import { MessageEncoderStream } from "wscodec/streams";

/** None of these is text or bytes. */
const STRANGE: readonly (readonly [name: string, value: unknown])[] = [
  ["null", null],
  ["a number", 5],
  ["a large number", 2 ** 28],
  ["a bigint", 5n],
  ["a boolean", true],
  ["an object", {}],
  ["an array", [1, 2, 3]],
  ["an object that looks like bytes", { length: 3, byteLength: 3, buffer: new ArrayBuffer(3), 0: 1 }],
  ["a promise", Promise.resolve("text")],
  ["a blob", new Blob(["text"])],
  ["a date", new Date()],
  ["a symbol", Symbol("text")],
  ["a function", () => "text"],
  ["an object with a prototype of bytes", Object.create(Uint8Array.prototype)],
];

type Any = (value: never) => unknown;

function refusesAll(name: string, call: Any, also: readonly unknown[] = []): void {
  const values = [...STRANGE.map(([, value]) => value), ...also];
  for (const value of values) {
    assert.throws(
      () => call(value as never),
      (error) => error instanceof TypeError,
      `${name} of ${typeof value}`,
    );
  }
}

test("what is sent must be text or bytes", () => {
  const roles = ["client", "server"] as const;
  for (const role of roles) {
    const encoder = new MessageEncoder({ role });
    refusesAll("text", (value) => encoder.text(value), [undefined]);
    refusesAll("binary", (value) => encoder.binary(value), [undefined, "text"]);
    refusesAll("ping", (value) => encoder.ping(value));
    refusesAll("pong", (value) => encoder.pong(value));
    refusesAll("begin", (value) => encoder.begin("text", value));
    refusesAll("frame", (value) => encoder.frame({ opcode: 2 }, value), [undefined]);
    refusesAll("prepared", (value) => encoder.prepared(value), [undefined, "text", new Uint8Array(3)]);
    refusesAll("reason", (value) => encoder.close(1000, value));
    refusesAll("takeInto", (value) => encoder.takeInto(value), [undefined, "text"]);
    assert.equal(encoder.length, 0, "nothing was added");
    encoder.begin("text", "a");
    refusesAll("more", (value) => encoder.more(value), [undefined]);
    refusesAll("finish", (value) => encoder.finish(value));
    encoder.finish("b");
    encoder.free();
  }
  refusesAll("Prepared", (value) => new Prepared(value), [undefined]);
  const compressor = new Compressor();
  refusesAll("compress", (value) => compressor.message(value), [undefined]);
  compressor.free();
  refusesAll("send", (value) => new Session({ role: "server" }).send(value), [undefined]);
});

test("what is received must be bytes", () => {
  const messages = new MessageDecoder({ role: "server" });
  refusesAll("push", (value) => messages.push(value), [undefined, "text"]);
  assert.equal(messages.offset, 0);
  const frames = new FrameDecoder({ role: "server" });
  refusesAll("push", (value) => frames.push(value), [undefined, "text"]);
  assert.equal(frames.consumed, 0);
  const decompressor = new Decompressor();
  refusesAll("inflate", (value) => decompressor.message(value), [undefined, "text"]);
  for (const one of [messages, frames, decompressor]) one.free();
});

test("a ring takes bytes, kinds that are numbers, and shared memory", () => {
  const writer = new RingWriter(createRing(256));
  refusesAll("tryWrite", (value) => writer.tryWrite(value), [undefined, "text"]);
  refusesAll("write", (value) => writer.write(value), [undefined, "text"]);
  assert.equal(writer.bufferedAmount, 0);
  for (const kind of ["1", null, Number.NaN, 1.5, -1, 2 ** 32]) {
    assert.throws(() => writer.tryWrite(new Uint8Array(1), kind as number), RangeError);
  }
  assert.throws(() => writer.write(new Uint8Array(1), 0, "5" as never), RangeError);
  assert.equal(writer.bufferedAmount, 0);
  refusesAll("RingWriter", (value) => new RingWriter(value), [new ArrayBuffer(1024)]);
  refusesAll("RingReader", (value) => new RingReader(value), [new ArrayBuffer(1024)]);
});

test("numbers are not coerced", () => {
  const encoder = new MessageEncoder({ role: "server" });
  for (const code of ["1000", null, Number.NaN, 1000.5, -1, 65_536 + 1000, {}, true]) {
    assert.throws(() => encoder.close(code as never), RangeError, String(code));
    assert.throws(() => encoder.frame({ opcode: code as never }, ""), RangeError);
    assert.throws(() => frameHeader({ opcode: 2 }, code === 66_536 ? -1 : (code as never)), RangeError);
  }
  assert.throws(() => frameHeader({ opcode: 9 }, "9" as never), RangeError);
  assert.equal(encoder.length, 0);
  for (const number of ["5", null, Number.NaN, 1.5, -1]) {
    for (const name of ["maxFrame", "maxMessage", "maxFragments", "offset", "rsv"]) {
      const options = { role: "server", [name]: number === null ? Number.NaN : number } as never;
      assert.throws(() => new MessageDecoder(options), name);
    }
    const decoder = new MessageDecoder({ role: "server" });
    assert.throws(() => decoder.reserve(number as never), RangeError);
    decoder.reserve(16);
    assert.throws(() => decoder.commit(number as never), RangeError);
  }
  for (const key of ["5", null, Number.NaN, undefined, 1.5]) {
    const masking = new MessageEncoder({ role: "client", maskKey: () => key as never });
    assert.throws(() => masking.text("secret"), TypeError, "a key that is none is not 0");
    assert.equal(masking.length, 0);
  }
  assert.throws(() => new MessageEncoder({ role: "client", maskKey: 5 as never }), TypeError);
});

test("a stream of messages takes messages only", async () => {
  const strange = [null, 5, {}, { type: "free" }, { type: "text" }, { type: "binary", data: 5 }];
  for (const message of strange) {
    const { readable, writable } = new MessageEncoderStream({ role: "server" });
    const reading = readable.getReader().read();
    reading.catch(() => {});
    await assert.rejects(writable.getWriter().write(message as never), TypeError);
    await assert.rejects(reading, TypeError);
  }
});

test("text and bytes are taken in all their shapes, of all realms", () => {
  const shapes = (make: typeof globalThis): (ArrayBufferView | ArrayBuffer | SharedArrayBuffer)[] => {
    const bytes = make.Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
    const shared = new make.SharedArrayBuffer(8);
    new make.Uint8Array(shared).set(bytes);
    return [
      bytes,
      bytes.buffer,
      shared,
      new make.DataView(bytes.buffer),
      new make.Uint16Array(bytes.buffer),
      new make.Float64Array(bytes.buffer),
      new make.Uint8ClampedArray(bytes.buffer),
      new make.BigInt64Array(shared),
    ];
  };
  const names = `({ Uint8Array, Uint16Array, Uint8ClampedArray, Float64Array, BigInt64Array, DataView,
    ArrayBuffer, SharedArrayBuffer })`;
  const other = runInNewContext(names) as typeof globalThis;
  const realms = [globalThis, ...(Object.is(other.Uint8Array, Uint8Array) ? [] : [other])];
  for (const realm of realms) {
    for (const shape of shapes(realm)) {
      const frame = new MessageEncoder({ role: "server" }).binary(shape).take();
      assert.deepEqual([...frame], [0x82, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
      const part = new Compressor({ send: { contextTakeover: false } }).message(shape);
      assert.deepEqual([...new Decompressor().message(part)], [...frame.slice(2)]);
      assert.equal(new Prepared(shape).length, 8);
    }
    const wire = realm.Uint8Array.from([0x81, 2, 0x6f, 0x6b]);
    for (const chunk of [wire, wire.buffer, new realm.DataView(wire.buffer)]) {
      const decoder = new MessageDecoder({ role: "client" }).push(chunk);
      assert.ok(decoder.next());
      assert.equal(decoder.text(), "ok");
      const frames = new FrameDecoder({ role: "client" }).push(chunk);
      assert.ok(frames.next());
      assert.equal(frames.text(), "ok");
    }
  }
});

test("a length that lies does not show what others sent", () => {
  const secret = new MessageDecoder({ role: "client" });
  secret.push(new MessageEncoder({ role: "server" }).text("secret ".repeat(1000)).take());
  assert.ok(secret.next());

  class Lying extends Uint8Array {
    override get length(): never {
      return 4096 as never;
    }
    override get byteLength(): never {
      return 4096 as never;
    }
    override get byteOffset(): never {
      return 0 as never;
    }
    override get buffer(): never {
      return secret.bytes().buffer as never;
    }
    override slice(): never {
      return new Uint8Array(4096) as never;
    }
    override subarray(): never {
      return new Uint8Array(4096) as never;
    }
  }
  const own = Object.defineProperty(new Uint8Array([0x81, 1, 0x61]), "length", { value: 4096 });
  for (const chunk of [new Lying([0x81, 1, 0x61]), own]) {
    const decoder = new MessageDecoder({ role: "client" }).push(chunk);
    const seen: string[] = [];
    while (decoder.next()) seen.push(decoder.text());
    assert.deepEqual(seen, ["a"]);
    assert.equal(decoder.offset, 3);
    const frames = new FrameDecoder({ role: "client" }).push(chunk);
    while (frames.next());
    assert.equal(frames.consumed, 3);
    for (const role of ["server", "client"] as const) {
      const sent = new MessageEncoder({ role }).binary(chunk).take();
      assert.equal(sent.length, role === "server" ? 5 : 9);
    }
    const compressor = new Compressor();
    assert.deepEqual([...new Decompressor().message(compressor.message(chunk))], [0x81, 1, 0x61]);
    assert.equal(new Prepared(chunk).length, 3);
    const ring = createRing(256);
    new RingWriter(ring).tryWrite(chunk);
    const reader = new RingReader(ring);
    assert.ok(reader.tryNext());
    assert.deepEqual([...reader.copy()], [0x81, 1, 0x61]);
  }
});

test("a prepared message is sent by each build of the package", async () => {
  // Deno and Bun have `require` for CommonJS as well.
  const require = createRequire(import.meta.url);
  const dist = new URL("../../pkg/dist/", import.meta.url);
  type Build = typeof import("wscodec");
  const builds = [
    { name: "index.mjs", compresses: true },
    { name: "zlib.mjs", compresses: true },
    { name: "slim.mjs", compresses: false },
    { name: "shared.mjs", compresses: true },
    { name: "index.cjs", compresses: true },
    { name: "slim.cjs", compresses: false },
  ];
  const loaded = await Promise.all(
    builds.map(async ({ name, compresses }) => {
      const file = new URL(name, dist);
      const build = name.endsWith(".cjs") ? require(fileURLToPath(file)) : await import(file.href);
      return { name, compresses, build: build as Build };
    }),
  );
  const text = "one for all ".repeat(50);
  for (const { name, build: maker } of loaded) {
    const news = new maker.Prepared(text);
    for (const { name: by, build: sender, compresses } of loaded) {
      const offer = "permessage-deflate; client_max_window_bits";
      const deflate = compresses ? sender.acceptDeflate(offer) : undefined;
      for (const sent of [
        new sender.MessageEncoder({ role: "server", deflate }).prepared(news).take(),
        new sender.Session({ role: "server", deflate }).send(news).take(),
      ]) {
        const decoder = new MessageDecoder({ role: "client", deflate }).push(sent);
        assert.ok(decoder.next(), `of ${name} by ${by}`);
        assert.equal(decoder.text(), text);
      }
    }
  }
  const old = Object.create(new Prepared("old"), {
    [Symbol.for("wscodec.prepared")]: { value: 0 },
  }) as Prepared;
  assert.throws(() => new MessageEncoder({ role: "server" }).prepared(old), /another version/);
});
