// The module's memory is at its limit: one connection ends, and the others go on.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";

import type * as Library from "wscodec";
import { fresh, type Package } from "./fresh.ts";

const MiB = 2 ** 20;

/** The package with a module of its own, which may take so many bytes. */
async function limited(limit: number): Promise<Package> {
  const library = await fresh();
  library.setMaxMemory(limit);
  return library;
}

function outOfMemory(error: unknown): boolean {
  const { name, code, closeCode } = error as Library.WscodecError;
  assert.deepEqual([name, code, closeCode], ["LimitError", "OUT_OF_MEMORY", 1013]);
  return true;
}

function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed + (i >> 8)) & 0xff);
}

/** Whether the session receives a message and echoes it. */
function echoes({ MessageEncoder }: Package, session: Library.Session): boolean {
  session.receive(new MessageEncoder({ role: "client" }).text("still here").take());
  for (let event = session.next(); event !== undefined; event = session.next()) {
    session.text(event.text());
  }
  return Buffer.from(session.take()).toString("latin1") === "\x81\nstill here";
}

test("messages that inflate beyond the limit end their own sessions", async () => {
  const library = await limited(160 * MiB);
  const { moduleMemory, Session } = library;
  const bystander = new Session({ role: "server" });
  assert.ok(echoes(library, bystander));
  // An unfinished message of 30 MiB in 136 KB, below every limit of a session.
  const noise = Buffer.alloc(30 * MiB);
  for (let at = 0; at < noise.length; at += 1024) noise[at] = (at * 2654435761) >>> 24;
  const coded = deflateRawSync(noise, { level: 9 });
  const header = Buffer.from([0x42, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(coded.length, 6);
  const sessions = Array.from({ length: 12 }, () => new Session({ role: "server", deflate: {} }));
  let ended = 0;
  for (const session of sessions) {
    try {
      session.receive(header);
      assert.equal(session.next(), undefined);
      for (let at = 0; at < coded.length; at += 65_536) {
        session.receive(coded.subarray(at, at + 65_536));
        while (session.next() !== undefined);
      }
      assert.equal(session.state, "open");
    } catch (error) {
      ended++;
      outOfMemory(error);
      assert.equal(session.state, "closed");
      const { code, sent, clean, error: reason } = session.outcome as Library.Outcome;
      assert.deepEqual([code, clean], [1006, false]);
      outOfMemory(reason);
      const out = session.take();
      if (sent !== undefined) assert.deepEqual([sent, ...out.subarray(0, 1), ...out.subarray(2, 4)], [1013, 0x88, 3, 0xf5]);
    }
    assert.ok(moduleMemory().taken <= 160 * MiB);
    assert.ok(echoes(library, bystander));
  }
  assert.ok(ended > 0 && ended < sessions.length, `${ended} of ${sessions.length}`);
  // Their memory is there for others.
  for (const session of sessions) session.free();
  const next = new Session({ role: "server", deflate: {} });
  next.receive(header);
  for (let at = 0; at < coded.length; at += 65_536) {
    next.receive(coded.subarray(at, at + 65_536));
    while (next.next() !== undefined);
  }
  assert.equal(next.state, "open");
  assert.ok(next.inMessage);
});

test("a send that finds no memory ends its session, and no byte of it is on another", async () => {
  const library = await limited(32 * MiB);
  const { Session } = library;
  for (const role of ["server", "client"] as const) {
    const [a, b] = [new Session({ role, maskKey: () => 0 }), new Session({ role, maskKey: () => 0 })];
    const payload = pattern(3_000_000, 7);
    a.binary(payload);
    const before = Buffer.from(payload);
    const huge = "x".repeat(40 * MiB);
    for (const attempt of [() => b.text(huge), () => b.text("again"), () => b.send("and again")]) {
      assert.throws(attempt, (error) => {
        const { code } = error as Library.WscodecError;
        return code === "CLOSING" || outOfMemory(error);
      });
    }
    assert.equal(b.state, "closed");
    outOfMemory(b.outcome?.error);
    assert.equal(b.outcome?.sent, 1013);
    const taken = a.take();
    assert.equal(Buffer.compare(taken.subarray(-before.length), before), 0);
    assert.equal(taken.length, before.length + (role === "client" ? 14 : 10));
    assert.deepEqual([...b.take().subarray(0, 1)], [0x88]);
    assert.equal(Buffer.from(a.text("on").take()).subarray(-2).toString(), "on");
    a.free();
    b.free();
  }
});

test("an encoder that finds no memory stays as it was, and so do others", async () => {
  const { MessageEncoder } = await limited(32 * MiB);
  const [a, b] = [new MessageEncoder({ role: "server" }), new MessageEncoder({ role: "server" })];
  const payload = pattern(3_000_000, 9);
  a.binary(payload);
  b.text("first");
  for (const data of ["x".repeat(40 * MiB), new Uint8Array(40 * MiB)]) {
    assert.throws(() => b.frame({ opcode: 1 }, data), outOfMemory);
  }
  b.text("second");
  assert.equal(Buffer.compare(a.take().subarray(10), payload), 0);
  assert.equal(Buffer.from(b.take()).toString("latin1"), "\x81\x05first\x81\x06second");
});

test("a compressed send that finds no memory leaves other compressors as they were", async () => {
  const { Session } = await limited(24 * MiB);
  const options = { deflate: {} };
  const [a, b] = [new Session({ role: "server", ...options }), new Session({ role: "server", ...options })];
  const peer = new Session({ role: "client", ...options });
  const texts = ["to be or not to be, ".repeat(20), "that is the question, ".repeat(20)];
  a.text(texts[0] as string);
  assert.throws(() => b.binary(new Uint8Array(30 * MiB)), outOfMemory);
  a.text(texts[1] as string);
  const seen: string[] = [];
  for (const event of peer.receive(a.take())) seen.push(event.text());
  assert.deepEqual(seen, texts);
});

test("extensions for which there is no memory are refused, and others go on", async () => {
  const { acceptDeflate, DeflateOffer } = await limited(16 * MiB);
  const long = `${"a,".repeat(MiB)} permessage-deflate`;
  const offer = new DeflateOffer();
  for (const attempt of [acceptDeflate, (value: string) => offer.check(value)]) {
    assert.throws(() => attempt(long), outOfMemory);
    assert.ok(attempt("permessage-deflate"));
  }
  assert.equal(acceptDeflate("a, permessage-deflate; server_no_context_takeover")?.send?.contextTakeover, false);
});

test("text takes its own length, not three times that", async () => {
  const { MessageEncoder, moduleMemory, Session } = await limited(70 * MiB);
  const text = "a".repeat(30 * MiB);
  const session = new Session({ role: "server" });
  assert.equal(session.text(text).take().length, text.length + 10);
  session.free();
  assert.equal(new MessageEncoder({ role: "server" }).text(text).take().length, text.length + 10);
  assert.ok(moduleMemory().taken <= 70 * MiB);
});

test("more cannot be reserved than there is", async () => {
  const library = await limited(64 * MiB);
  const { MessageEncoder, LimitError, MessageDecoder, Session } = library;
  const decoder = new MessageDecoder({ role: "client" });
  for (const length of [2 ** 27, 2 ** 31, 2 ** 32, 2 ** 40]) {
    assert.throws(() => decoder.reserve(length), outOfMemory);
    assert.throws(() => decoder.reserve(length), LimitError);
  }
  const wire = new MessageEncoder({ role: "server" }).text("hello").take();
  assert.ok(decoder.push(wire).next());
  assert.equal(decoder.text(), "hello");
  assert.ok(!decoder.next());
  decoder.reserve(100).set(wire);
  assert.ok(decoder.commit(wire.length).next());
  assert.ok(echoes(library, new Session({ role: "server" })));
});

test("a long chunk is decoded in bounded memory", async () => {
  const { FrameDecoder, MessageDecoder, moduleMemory, Session } = await limited(6 * MiB);
  // 8 MiB of the smallest frames there are, and of messages of 20 bytes.
  const pings = new Uint8Array(8 * MiB);
  for (let at = 0; at < pings.length; at += 2) pings[at] = 0x8a;
  const chunks: [Uint8Array, number][] = [[pings, pings.length / 2]];
  const short = Buffer.alloc(22 * 2 ** 18, Buffer.concat([Buffer.from([0x82, 20]), Buffer.alloc(20, 7)]));
  chunks.push([short, short.length / 22]);
  for (const [chunk, count] of chunks) {
    for (const decoder of [new MessageDecoder({ role: "client" }), new FrameDecoder({ role: "client" })]) {
      let found = 0;
      decoder.push(chunk);
      // A frame that two slices have in common is shown in two pieces.
      while (decoder.next()) if (decoder.last) found++;
      assert.equal(found, count);
      decoder.free();
    }
    const session = new Session({ role: "client" });
    let found = 0;
    session.receive(chunk);
    while (session.next() !== undefined) found++;
    assert.equal(found, count);
    assert.equal(session.offset, chunk.length);
  }
  assert.ok(moduleMemory().taken <= 6 * MiB);
});

test("the memory of a large message is used for the next one", async () => {
  const library = await limited(2 ** 30);
  const { MessageDecoder, MessageEncoder, moduleMemory } = library;
  const wire = new MessageEncoder({ role: "server" }).binary(new Uint8Array(40 * MiB)).take();
  const small = new MessageEncoder({ role: "server" }).text("a").take();
  const receive = (): void => {
    const decoder = new MessageDecoder({ role: "client" });
    for (let at = 0; at < wire.length; at += 65_536) {
      decoder.push(wire.subarray(at, at + 65_536));
      while (decoder.next()) assert.equal(decoder.length, 40 * MiB);
    }
    for (let i = 0; i < 20; i++) assert.ok(decoder.push(small).next() && !decoder.next());
    assert.ok(decoder.memory() < MiB);
  };
  // The buffer grows by doubling and moves: the second time it has found its place.
  receive();
  receive();
  const { taken } = moduleMemory();
  for (let i = 0; i < 3; i++) receive();
  assert.equal(moduleMemory().taken, taken);
});

test("the limit is checked, and holds for what comes after", async () => {
  const library = await limited(8 * MiB);
  const { moduleMemory, Session, setMaxMemory } = library;
  for (const bad of [-1, NaN, "64M", undefined, null]) {
    assert.throws(() => setMaxMemory(bad as number), RangeError);
  }
  assert.equal(moduleMemory().max, 8 * MiB);
  setMaxMemory(0);
  const session = new Session({ role: "server" });
  assert.throws(() => session.binary(new Uint8Array(4 * MiB)), outOfMemory);
  assert.equal(session.state, "closed");
  setMaxMemory(Infinity);
  assert.equal(moduleMemory().max, 4 * 2 ** 30);
  const next = new Session({ role: "server" });
  assert.equal(next.binary(new Uint8Array(4 * MiB)).take().length, 4 * MiB + 10);
});

test("after a trap each call says so", async () => {
  const { MessageDecoder, MessageEncoder, ModuleError, Session } = await limited(2 ** 30);
  const decoder = new MessageDecoder({ role: "client" });
  const session = new Session({ role: "server" });
  // An address that lies outside of the memory.
  (decoder as unknown as { handle: { __wbg_ptr: number } }).handle.__wbg_ptr = 0xffff_fff0;
  const isTrap = (error: unknown): boolean => {
    assert.ok(error instanceof ModuleError, String(error));
    assert.equal(error.code, "MODULE_TRAPPED");
    assert.match(error.message, /has trapped/);
    return true;
  };
  assert.throws(() => decoder.push(Uint8Array.of(0x81, 0)), isTrap);
  assert.throws(() => decoder.inMessage, isTrap);
  assert.throws(() => session.text("x"), isTrap);
  assert.throws(() => new MessageEncoder({ role: "server" }).text("x"), isTrap);
  assert.throws(() => new Session({ role: "server" }).receive(Uint8Array.of(0x81, 0)), isTrap);
});
