// The recorded conversations of real peers, against what a decoder of another make reads in them.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { test } from "node:test";

import { type DecoderOptions, type DeflateDirection, MessageDecoder, MessageEncoder, type Role } from "wscodec";

import {
  committed,
  cutInTwo,
  file,
  type Frame,
  pushed,
  randomCuts,
  randomNumbers,
  readFrames,
  readMessages,
  type Run,
  type Seen,
  singleBytes,
} from "./codec-harness.ts";

interface Expected {
  readonly head: number;
  readonly frames: Record<string, any>[];
  readonly messages: Record<string, any>[];
  readonly end?: { readonly what: string; readonly offset: number; readonly message?: number };
}

interface Capture {
  readonly name: string;
  readonly options: DecoderOptions;
  readonly bytes: Uint8Array;
  readonly expected: Expected;
  readonly early: boolean;
  /** How messages of this direction are compressed, if they are. */
  readonly deflate: DeflateDirection | undefined;
}

const sha1 = (bytes: Uint8Array) => createHash("sha1").update(bytes).digest("hex");

function deflateOf(agreed: Record<string, any>, role: Role): DeflateDirection {
  return role === "server"
    ? {
        windowBits: agreed.clientMaxWindowBits,
        contextTakeover: !agreed.clientNoContextTakeover,
      }
    : {
        windowBits: agreed.serverMaxWindowBits,
        contextTakeover: !agreed.serverNoContextTakeover,
      };
}

function readCaptures(): Capture[] {
  const folders = readdirSync(new URL("../../tests/captures/", import.meta.url), {
    withFileTypes: true,
  });
  const captures: Capture[] = [];
  for (const { name: folder } of folders.filter((entry) => entry.isDirectory())) {
    const json = JSON.parse(file(`captures/${folder}/expected.json`).toString());
    if (json.status !== 101) continue;
    for (const [direction, role] of [["c2s", "server"], ["s2c", "client"]] as [string, Role][]) {
      const expected = json[direction] as Expected;
      const { end } = expected;
      captures.push({
        name: `${folder} ${direction}`,
        options: { role, rsv: json.deflate === null ? 0 : 4, offset: expected.head },
        bytes: file(`captures/${folder}/${direction}.bin`).subarray(expected.head),
        expected,
        early: end?.what === "cut" || end?.message !== undefined,
        deflate: json.deflate === null ? undefined : deflateOf(json.deflate, role),
      });
    }
  }
  assert.ok(captures.length >= 40, "the captures are not all there");
  return captures;
}

const captures = readCaptures();

/** All cuts of a small recording; of each whole, byte by byte, and at random. */
function* cuts({ bytes }: Capture): Generator<Uint8Array[]> {
  yield [bytes];
  yield singleBytes(bytes);
  if (bytes.length < 4096) {
    for (let at = 0; at <= bytes.length; at++) yield cutInTwo(bytes, at);
  }
  const random = randomNumbers(bytes.length);
  for (const step of [3, 100, 20_000, 40_000]) yield randomCuts(bytes, step, random);
}

/** In a form that is made and compared quickly. */
function quick(decoder: MessageDecoder): Seen {
  const { type, closeCode } = decoder;
  return [type, closeCode, Buffer.from(decoder.bytes()).toString("latin1")];
}

function same(a: Run<any>, b: Run<any>): boolean {
  const fault = a.early === b.early && a.fault?.offset === b.fault?.offset;
  return fault && a.fault?.code === b.fault?.code && a.seen.length === b.seen.length;
}

test("frames are those that were recorded", () => {
  for (const capture of captures) {
    const { seen, early, fault } = readFrames(capture.options, [capture.bytes]);
    assert.equal(early, false, capture.name);
    assert.equal(fault !== undefined, capture.early, capture.name);
    const found = seen.map(({ payload, maskKey, ...frame }) => ({ ...frame, sha1: sha1(payload) }));
    const expected = capture.expected.frames.map(
      ({ offset, opcode, fin, rsv, masked, length, sha1 }) =>
        ({ offset, opcode, fin, rsv, masked, length, sha1 }),
    );
    assert.deepEqual(found, expected, capture.name);
  }
});

test("frames are the same however they are cut", () => {
  for (const capture of captures) {
    const whole = readFrames(capture.options, [capture.bytes]);
    for (const chunks of cuts(capture)) {
      const run = readFrames(capture.options, chunks);
      assert.ok(same(run, whole), capture.name);
      for (const [i, { payload, ...frame }] of run.seen.entries()) {
        const { payload: expected, ...head } = whole.seen[i] as Frame;
        assert.ok(Buffer.compare(payload, expected) === 0, capture.name);
        for (const key of Object.keys(head) as (keyof typeof head)[]) {
          if (frame[key] !== head[key]) assert.fail(`${capture.name}: ${key}`);
        }
      }
    }
  }
});

test("messages are those that were recorded", () => {
  for (const capture of captures) {
    const found: Record<string, unknown>[] = [];
    const controls: Record<string, unknown>[] = [];
    const run = readMessages(capture.options, [capture.bytes], pushed, (decoder) => {
      const { type: kind, opaque: compressed, length, opcode } = decoder;
      const payload = decoder.copy();
      if (opcode < 8) found.push({ kind, compressed, length, sha1: sha1(payload) });
      else if (opcode > 8) controls.push({ opcode, length, sha1: sha1(payload) });
      else controls.push({ opcode, closeCode: decoder.closeCode, closeReason: decoder.text() });
      return [kind];
    });
    assert.equal(run.early, false, capture.name);
    assert.equal(run.fault !== undefined, capture.early, capture.name);
    const { messages, frames } = capture.expected;
    const expected = messages.map(
      ({ kind, compressed, length, sha1 }) => ({ kind, compressed, length, sha1 }),
    );
    assert.deepEqual(found, expected, capture.name);
    const expectedControls = frames
      .filter(({ opcode }) => opcode >= 8)
      .map(({ opcode, length, sha1, closeCode = 1005, closeReason = "" }) =>
        opcode === 8 ? { opcode, closeCode, closeReason } : { opcode, length, sha1 },
      );
    assert.deepEqual(controls, expectedControls, capture.name);
  }
});

test("compressed messages hold what was recorded, however they are cut", () => {
  let count = 0;
  for (const { name, options, bytes, expected, deflate } of captures) {
    if (deflate === undefined) continue;
    const inflating = { ...options, rsv: 0, deflate: { receive: deflate } };
    const theirs = expected.messages.map(({ kind, compressed, ...message }) => {
      const { length, sha1 } = message;
      const { inflatedLength = length, inflatedSha1 = sha1 } = message;
      count += compressed ? 1 : 0;
      return [kind, compressed ? inflatedLength : length, compressed ? inflatedSha1 : sha1];
    });
    const random = randomNumbers(bytes.length);
    for (const chunks of [[bytes], singleBytes(bytes), randomCuts(bytes, 1000, random)]) {
      const found: unknown[] = [];
      readMessages(inflating, chunks, pushed, (decoder) => {
        const { opcode, type, length, opaque } = decoder;
        assert.equal(opaque, false);
        if (opcode < 8) found.push([type, length, sha1(decoder.copy())]);
        return [type];
      });
      assert.deepEqual(found, theirs, name);
    }
  }
  assert.ok(count > 200, `${count} compressed messages`);
});

test("messages are the same however they are cut", () => {
  for (const capture of captures) {
    const whole = readMessages(capture.options, [capture.bytes], pushed, quick);
    for (const chunks of cuts(capture)) {
      for (const feed of [pushed, committed]) {
        const run = readMessages(capture.options, chunks, feed, quick);
        assert.ok(same(run, whole), capture.name);
        for (const [i, seen] of run.seen.entries()) {
          const expected = whole.seen[i] as Seen;
          if (seen.some((value, j) => value !== expected[j])) assert.fail(capture.name);
        }
      }
    }
  }
});

test("frames are written back to the same bytes", () => {
  for (const { name, options, bytes, expected } of captures) {
    const { seen } = readFrames(options, [bytes]);
    let key = 0;
    const role = options.role === "server" ? "client" : "server";
    const encoder = new MessageEncoder({ role, maskKey: () => key });
    for (const { opcode, fin, rsv, maskKey, payload } of seen) {
      key = maskKey;
      encoder.frame({ opcode, fin, rsv }, payload);
    }
    const cut = expected.end?.what === "cut" ? expected.end.offset - expected.head : bytes.length;
    assert.equal(Buffer.compare(encoder.take(), bytes.subarray(0, cut)), 0, name);
    encoder.free();
  }
});
