// The shared vectors, through both decoders: whole, cut in two at every place, and byte by byte.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";

import { type Bytes, errorTable, MessageDecoder } from "wscodec";

import {
  bytesOf,
  committed,
  cutInTwo,
  cutsOf,
  eventsOf,
  type Frame,
  joined,
  optionsOf,
  pushed,
  readFrames,
  readMessages,
  readVectors,
  type Run,
  singleBytes,
  type Vector,
} from "./codec-harness.ts";

const files = ["frames", "messages", "text", "close", "limits"];

function hold(vector: Vector, run: Run, length: number, how: string): void {
  const name = `${vector.name}, ${how}`;
  assert.deepEqual(run.seen, eventsOf(vector), name);
  const eof = { code: "UNEXPECTED_EOF", closeCode: 1006, offset: length };
  const fault = vector.error ?? (vector.end === false ? eof : undefined);
  assert.deepEqual(run.fault, fault, name);
  assert.equal(run.early, vector.error !== undefined, name);
  if (fault === undefined) return;
  const group = errorTable().find(({ code }) => code === fault.code)?.group;
  assert.equal(run.name, group, name);
  assert.equal(run.name, (fault.closeCode ?? 0) > 1007 ? "LimitError" : "PeerError", name);
}

/** Frames put together, in the form of messages. */
function asMessages(run: Run<Frame>): Run {
  return { ...run, seen: joined(run.seen) };
}

for (const name of files) {
  const vectors = readVectors(`${name}.json`).map((vector) => ({
    vector,
    bytes: bytesOf(vector.bytes),
    options: optionsOf(vector),
  }));

  test(`${name}: messages`, () => {
    for (const { vector, bytes, options } of vectors) {
      const before = bytes.slice();
      for (const [how, feed] of [["pushed", pushed], ["committed", committed]] as const) {
        const check = (chunks: Uint8Array[], cut: string) =>
          hold(vector, readMessages(options, chunks, feed), bytes.length, `${how} ${cut}`);
        check([bytes], "whole");
        check(singleBytes(bytes), "byte by byte");
        for (const at of cutsOf(bytes.length)) check(cutInTwo(bytes, at), `cut at ${at}`);
      }
      assert.deepEqual(bytes, before, "the caller's bytes are left alone");
    }
  });

  test(`${name}: frames`, () => {
    for (const { vector, bytes, options } of vectors) {
      const check = (chunks: Uint8Array[], cut: string) =>
        hold(vector, asMessages(readFrames(options, chunks)), bytes.length, cut);
      check([bytes], "whole");
      check(singleBytes(bytes), "byte by byte");
      for (const at of cutsOf(bytes.length)) check(cutInTwo(bytes, at), `cut at ${at}`);
    }
  });

  test(`${name}: bytes in every shape`, () => {
    for (const { vector, bytes, options } of vectors) {
      const { length } = bytes;
      const shared = new SharedArrayBuffer(length);
      new Uint8Array(shared).set(bytes);
      const padded = new Uint8Array(length + 7);
      padded.set(bytes, 3);
      const odd = new SharedArrayBuffer(length + 5);
      new Uint8Array(odd).set(bytes, 2);
      const shapes: Record<string, Bytes> = {
        Buffer: Buffer.from(bytes),
        ArrayBuffer: bytes.slice().buffer,
        SharedArrayBuffer: shared,
        DataView: new DataView(padded.buffer, 3, length),
        Int8Array: new Int8Array(padded.buffer, 3, length),
        Uint8ClampedArray: new Uint8ClampedArray(padded.buffer, 3, length),
        "Uint8Array with an offset": padded.subarray(3, 3 + length),
        "Uint8Array on shared memory": new Uint8Array(odd, 2, length),
      };
      if (length % 2 === 0) shapes.Uint16Array = new Uint16Array(bytes.slice().buffer);
      for (const [shape, chunk] of Object.entries(shapes)) {
        hold(vector, readMessages(options, [chunk]), length, shape);
        hold(vector, asMessages(readFrames(options, [chunk])), length, shape);
      }
    }
  });

  test(`${name}: offsets count from where they are told to`, () => {
    for (const { vector, bytes, options } of vectors) {
      const offset = 2 ** 40;
      const shifted = { ...options, offset };
      const expected = readMessages(options, [bytes]).fault?.offset;
      const frames = readFrames(shifted, [bytes]);
      for (const run of [readMessages(shifted, [bytes]), frames]) {
        const shiftedBy = expected === undefined ? undefined : expected + offset;
        assert.equal(run.fault?.offset, shiftedBy, vector.name);
      }
      let at = offset;
      for (const frame of frames.seen) {
        assert.equal(frame.offset, at, vector.name);
        at += 2 + (frame.masked ? 4 : 0) + frame.length;
        if (frame.length > 125) at += frame.length > 65535 ? 8 : 2;
      }
    }
  });
}

test("rows found before a fault come before it", () => {
  const decoder = new MessageDecoder({ role: "client" });
  decoder.push(bytesOf("81 01 61 81 01 62 83 00 81 01 63"));
  assert.ok(decoder.next());
  assert.equal(decoder.text(), "a");
  assert.ok(decoder.next());
  assert.equal(decoder.text(), "b");
  assert.throws(() => decoder.next(), { name: "PeerError", code: "RESERVED_OPCODE", offset: 6 });
  assert.throws(() => decoder.next(), { name: "PeerError", code: "RESERVED_OPCODE", offset: 6 });
});

test("iteration visits what next visits", () => {
  const decoder = new MessageDecoder({ role: "client" });
  decoder.push(bytesOf("81 01 61 89 00 82 01 00 88 02 03e8"));
  assert.deepEqual(Array.from(decoder, ({ type }) => type), ["text", "ping", "binary", "close"]);
  assert.equal(decoder.next(), false);
  assert.equal(decoder.push(new Uint8Array(0)).next(), false);
  assert.equal(decoder.offset, 12);
});
