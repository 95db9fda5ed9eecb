/** The ring between threads: order, backpressure, ends of all kinds. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";

import { createRing, RingError, RingReader, RingWriter } from "wscodec/ring";

const options = { timeout: 120_000 };
const built = new URL("../../pkg/dist/ring.mjs", import.meta.url).href;

function thread(ring: SharedArrayBuffer, task: string, count = 0): Worker {
  const data = { module: built, ring, task, count };
  return new Worker(new URL("threads/ring.mjs", import.meta.url), { workerData: data });
}

async function told<T>(worker: Worker): Promise<T> {
  const [message] = (await once(worker, "message")) as [T];
  await worker.terminate();
  return message;
}

/** The record with this number, as the thread makes it. */
function record(i: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array((i * 7) % 90).fill(i);
}

function hashOf(count: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < count; i++) {
    hash = Math.imul(hash ^ i, 0x01000193);
    for (const byte of record(i)) hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash >>> 0;
}

const coded = (code: string) => (error: unknown) =>
  error instanceof RingError && error.name === "RingError" && error.code === code;

test("records come in their order, wherever the memory's end cuts", () => {
  const ring = createRing(256);
  const writer = new RingWriter(ring);
  const reader = new RingReader(ring);
  let written = 0;
  for (let read = 0; read < 2000; ) {
    while (writer.tryWrite(record(written), written)) written++;
    assert.ok(writer.bufferedAmount <= writer.capacity);
    // Sometimes one, sometimes all.
    for (let i = 0; i <= read % 5 && reader.tryNext(); i++, read++) {
      assert.equal(reader.kind, read);
      assert.deepEqual(reader.copy(), record(read));
      assert.equal(reader.length, reader.bytes().length);
    }
  }
});

test("positions pass 2^32", () => {
  const ring = createRing(64);
  // This is the state after 4 GiB: both sides are 32 bytes before the turn.
  const words = new Int32Array(ring);
  words[16] = words[32] = -32;
  const writer = new RingWriter(ring);
  const reader = new RingReader(ring);
  for (let i = 0; i < 20; i++) {
    assert.ok(writer.tryWrite(record(i % 4), i));
    assert.ok(reader.tryNext());
    assert.equal(reader.kind, i);
    assert.deepEqual(reader.copy(), record(i % 4));
    reader.release();
    assert.equal(writer.bufferedAmount, 0);
  }
});

test("what does not fit waits, and what never can is refused", () => {
  const ring = createRing(64);
  const writer = new RingWriter(ring);
  const reader = new RingReader(ring);
  assert.equal(writer.maxRecord, 24);
  assert.throws(() => writer.tryWrite(new Uint8Array(25)), coded("RECORD_TOO_LONG"));
  assert.ok(writer.tryWrite(new Uint8Array(24)));
  assert.ok(writer.tryWrite(new Uint8Array(24)));
  assert.equal(writer.tryWrite(new Uint8Array(0)), false);
  assert.equal(writer.write(new Uint8Array(0), 0, 5), false);
  assert.ok(reader.tryNext());
  assert.equal(writer.tryWrite(new Uint8Array(0)), false, "the first is not released yet");
  reader.release();
  assert.ok(writer.tryWrite(new Uint8Array(24)));
  assert.equal(writer.tryWrite(new Uint8Array(0)), false);
});

test("a record can be written and read in place", () => {
  const ring = createRing(1024);
  const writer = new RingWriter(ring);
  const reader = new RingReader(ring);
  const space = writer.reserve(100);
  assert.ok(space);
  assert.equal(space.buffer, ring);
  new TextEncoder().encodeInto("Grüße", space);
  assert.equal(reader.tryNext(), false, "it is not committed");
  writer.commit(7, 1);
  assert.throws(() => writer.commit(7), RangeError);
  assert.ok(reader.tryNext());
  assert.equal(reader.text(), "Grüße");
  assert.equal(reader.kind, 1);
  assert.equal(reader.bytes().buffer, ring);
  reader.release();
  assert.throws(() => reader.bytes(), RangeError);
  assert.throws(() => writer.reserve(-1), RangeError);
});

test("input on shared memory is taken as it is", () => {
  const ring = createRing(1024);
  const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(7);
  new RingWriter(ring).tryWrite(shared);
  const reader = new RingReader(ring);
  assert.ok(reader.tryNext());
  assert.deepEqual([...reader.bytes()], [7, 7, 7, 7, 7, 7, 7, 7]);
});

test("both sides see the end", async () => {
  const ring = createRing(64);
  const writer = new RingWriter(ring);
  const reader = new RingReader(ring);
  assert.equal(reader.next(1), false);
  assert.equal(reader.ended, false);
  writer.tryWrite(record(1));
  writer.end();
  assert.throws(() => writer.tryWrite(record(1)), coded("ENDED"));
  const lengths: number[] = [];
  for await (const { length } of reader) lengths.push(length);
  assert.deepEqual(lengths, [7]);
  assert.equal(reader.ended, true);
  assert.equal(writer.flushed(0), true);
  reader.close();
  assert.equal(writer.closed, true);
});

test("memory that holds no ring, or was written to, is an error", () => {
  assert.throws(() => new RingWriter(new SharedArrayBuffer(10)), coded("CORRUPT"));
  assert.throws(() => new RingReader(new SharedArrayBuffer(4096)), coded("CORRUPT"));
  for (const capacity of [0, -1, 1.5, 2 ** 31, Number.NaN]) {
    assert.throws(() => createRing(capacity), RangeError);
  }
  const ring = createRing(64);
  const bytes = new Uint8Array(ring);
  for (const [at, value] of [[256, 0x7f], [259, 0x7f], [64 + 1, 0xff], [64, 0x08]] as const) {
    const writer = new RingWriter(ring);
    writer.tryWrite(record(1));
    const before = bytes[at] as number;
    bytes[at] = value;
    assert.throws(() => new RingReader(ring).tryNext(), coded("CORRUPT"), `${at}`);
    bytes[at] = before;
    const reader = new RingReader(ring);
    assert.ok(reader.tryNext());
    reader.release();
    assert.equal(reader.tryNext(), false);
    // To the front again.
    new Int32Array(ring)[16] = new Int32Array(ring)[32] = 0;
  }
});

test("a writer that blocks, and a thread that reads", options, async () => {
  const ring = createRing(512);
  const worker = thread(ring, "read");
  const answer = told<{ records: number; ended: boolean; hash: number }>(worker);
  const writer = new RingWriter(ring);
  for (let i = 0; i < 5000; i++) assert.ok(await writer.writeAsync(record(i), i, 30_000));
  assert.equal(await writer.flushedAsync(30_000), true);
  writer.end();
  assert.deepEqual(await answer, { records: 5000, ended: true, hash: hashOf(5000) });
});

test("a thread that writes, and a reader that may not block", options, async () => {
  const ring = createRing(512);
  const answer = told<{ records: number }>(thread(ring, "write", 5000));
  const reader = new RingReader(ring);
  let read = 0;
  while (await reader.nextAsync(30_000)) {
    assert.equal(reader.kind, read);
    assert.deepEqual(reader.copy(), record(read));
    read++;
  }
  assert.equal(read, 5000);
  assert.equal(reader.ended, true);
  assert.deepEqual(await answer, { records: 5000 });
});

test("a reader whose thread dies: the next one goes on where it was", options, async () => {
  const ring = createRing(256);
  const dying = thread(ring, "die", 3);
  const exit = once(dying, "exit");
  const writer = new RingWriter(ring);
  for (let i = 0; i < 4; i++) assert.ok(await writer.writeAsync(record(i), i, 30_000));
  await exit;
  // Nobody reads: the writer is not blocked for good, and loses nothing.
  let written = 4;
  while (await writer.writeAsync(record(written), written, 5)) written++;
  assert.ok(written < 40, "the ring is full");

  const reader = new RingReader(ring);
  for (let i = 2; i < written; i++) {
    assert.ok(await reader.nextAsync(30_000));
    assert.equal(reader.kind, i, "the third was not released, so it comes again");
    assert.deepEqual(reader.copy(), record(i));
  }
  assert.equal(reader.tryNext(), false);
  assert.ok(writer.tryWrite(record(written)), "there is room again");
});

test("of two readers the newer one reads", () => {
  const ring = createRing(256);
  const writer = new RingWriter(ring);
  const older = new RingReader(ring);
  writer.tryWrite(record(1));
  assert.ok(older.tryNext());
  const newer = new RingReader(ring);
  assert.throws(() => older.release(), coded("SUPERSEDED"));
  assert.throws(() => older.next(), coded("SUPERSEDED"));
  assert.throws(() => older.close(), coded("SUPERSEDED"));
  assert.ok(newer.tryNext());
  assert.deepEqual(newer.copy(), record(1));
});

test("closing the reader wakes the writer", options, async () => {
  const ring = createRing(64);
  const answer = told<{ code: string }>(thread(ring, "untilClosed"));
  const reader = new RingReader(ring);
  for (let i = 0; i < 10; i++) assert.ok(await reader.nextAsync(30_000));
  reader.close();
  assert.deepEqual(await answer, { code: "CLOSED" });
});
