/** The code that tests of frames and messages share: vectors, cuts, and decoders with results in one form. */

import assert from "node:assert/strict";
import { Buffer, isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";

import {
  type Bytes,
  type DecoderOptions,
  FrameDecoder,
  MessageDecoder,
  type Role,
  WscodecError,
} from "wscodec";

/** A received item: its name, and its payload as text, as hex, or as a code and a reason. */
export type Seen = readonly [what: string, ...rest: (string | number)[]];

/** An error as the vectors have it. */
export interface Fault {
  readonly code: string;
  readonly closeCode: number | undefined;
  readonly offset: number | undefined;
}

/** The content of a stream. */
export interface Run<T = Seen> {
  readonly seen: T[];
  /** The fault, by which class of errors it was told, and whether it was there before the end. */
  readonly fault: Fault | undefined;
  readonly name: string | undefined;
  readonly early: boolean;
}

export interface Vector {
  readonly name: string;
  readonly role: Role;
  readonly rsv?: number;
  readonly limits?: {
    readonly frame?: number;
    readonly message?: number;
    readonly fragments?: number;
  };
  readonly bytes: string[];
  readonly events: Record<string, any>[];
  readonly error?: Fault;
  readonly end?: boolean;
  readonly maskKey?: string[];
  readonly frames?: Record<string, any>[];
}

const tests = new URL("../../tests/", import.meta.url);

/** A file below `tests/`. */
export function file(name: string): Buffer {
  return readFileSync(new URL(name, tests));
}

export function readVectors(name: string): Vector[] {
  const { vectors } = JSON.parse(file(`vectors/${name}`).toString()) as { vectors: Vector[] };
  return vectors;
}

/** A step of a session's script: see the head of `session.json`. */
export interface Step {
  readonly receive?: string;
  readonly text?: string;
  readonly binary?: string;
  readonly begin?: { readonly type: "text" | "binary"; readonly data: string };
  readonly more?: string;
  readonly finish?: string;
  readonly ping?: string;
  readonly pong?: string;
  readonly close?: readonly [code?: number, reason?: string];
  readonly tick?: number;
  readonly unsent?: number;
  readonly reading?: boolean;
  readonly end?: boolean;
  readonly events?: readonly Record<string, unknown>[];
  readonly out?: string;
  readonly keep?: boolean;
  readonly state?: string;
  readonly deadline?: number | null;
  readonly error?: string;
}

/** A session as a script. */
export interface SessionScript {
  readonly name: string;
  readonly role: "client" | "server";
  readonly options?: Record<string, unknown>;
  readonly split?: boolean;
  readonly steps: readonly Step[];
  readonly outcome?: {
    readonly code: number;
    readonly reason?: string;
    readonly sent?: number;
    readonly clean: boolean;
    readonly error?: string;
  };
}

export function readSessions(): SessionScript[] {
  const { sessions } = JSON.parse(file("vectors/session.json").toString()) as {
    sessions: SessionScript[];
  };
  return sessions;
}

/** Bytes as the vectors write them: hex, `00*5` for five zeros, `#` for a comment. */
export function bytesOf(value: string | readonly string[]): Uint8Array {
  const parts: Buffer[] = [];
  for (const line of typeof value === "string" ? [value] : value) {
    for (const word of (line.split("#")[0] as string).split(/\s+/).filter(Boolean)) {
      const [hex, times = "1"] = word.split("*") as [string, string?];
      assert.match(hex, /^([0-9a-f]{2})+$/, word);
      const part = Buffer.from(hex, "hex");
      parts.push(Buffer.alloc(part.length * Number(times), part));
    }
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** A text: a string, or `[string, times]`. */
export function textOf(value: string | readonly [string, number]): string {
  return typeof value === "string" ? value : value[0].repeat(value[1]);
}

export function optionsOf(vector: Vector): DecoderOptions {
  const { role, rsv = 0, limits = {} } = vector;
  return {
    role,
    rsv,
    ...(limits.frame !== undefined && { maxFrame: limits.frame }),
    ...(limits.message !== undefined && { maxMessage: limits.message }),
    ...(limits.fragments !== undefined && { maxFragments: limits.fragments }),
  };
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

/** The events that a vector expects. */
export function eventsOf(vector: Vector): Seen[] {
  return vector.events.map((event) => {
    const [what, value] = Object.entries(event)[0] as [string, any];
    if (what === "text") return [what, textOf(value)];
    if (what === "close") return [what, value[0] ?? 1005, textOf(value[1] ?? "")];
    return [what, hex(bytesOf(value))];
  });
}

/** The places to cut `length` bytes in two at: all, or for many bytes those near the ends. */
export function cutsOf(length: number, quick = 500): number[] {
  const all = Array.from({ length: length + 1 }, (_, i) => i);
  return length <= quick
    ? all
    : all.filter((i) => i < 24 || i > length - 24 || i % Math.ceil(length / 20) === 0);
}

export function cutInTwo(bytes: Uint8Array, at: number): Uint8Array[] {
  return [bytes.subarray(0, at), bytes.subarray(at)];
}

export function singleBytes(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
}

/** A generator of numbers below 2^32 that are the same in each run (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** Stretches of about `step` bytes. */
export function randomCuts(bytes: Uint8Array, step: number, random: () => number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + (random() % (2 * step)));
    chunks.push(bytes.subarray(at, end));
    at = end;
  }
  return chunks;
}

export function faultOf(error: unknown): Fault {
  if (!(error instanceof WscodecError)) throw error;
  const { code, closeCode, offset } = error;
  return { code, closeCode, offset };
}

/** The item at the cursor of a decoder. Its different methods must agree. */
export function seenAt(decoder: MessageDecoder): Seen {
  const { type, opcode, length, ascii, opaque } = decoder;
  const payload = decoder.copy();
  const owned = decoder.owned();
  assert.equal(length, payload.length);
  assert.equal({ text: 1, binary: 2, close: 8, ping: 9, pong: 10 }[type], opcode);
  assert.equal(Buffer.compare(decoder.bytes(), payload), 0);
  if (ascii) assert.ok(payload.every((byte) => byte < 0x80));
  if (type === "close") {
    const { closeCode } = decoder;
    assert.deepEqual(owned, { type, code: closeCode, reason: decoder.text() });
    return [type, closeCode, decoder.text()];
  }
  assert.equal(decoder.closeCode, 0);
  if (type === "text" && !opaque) {
    const text = decoder.text();
    assert.deepEqual(owned, { type, data: text });
    assert.equal(Buffer.compare(Buffer.from(text), payload), 0);
    return [type, text];
  }
  assert.ok(owned.type !== "text" && owned.type !== "close");
  assert.equal(owned.type, type === "text" ? "binary" : type);
  assert.equal(Buffer.compare(owned.data, payload), 0);
  return [opaque ? (type === "text" ? "opaqueText" : "opaqueBinary") : type, hex(payload)];
}

/** Hands a chunk to a decoder. */
export type Feed = (decoder: MessageDecoder, chunk: Uint8Array) => void;

export const pushed: Feed = (decoder, chunk) => void decoder.push(chunk);

/** By way of `reserve` and `commit`. */
export const committed: Feed = (decoder, chunk) => {
  const space = decoder.reserve(chunk.length);
  assert.ok(space.length <= chunk.length);
  space.set(chunk);
  decoder.commit(chunk.length);
};

function runOf<T>(seen: T[], decode: () => void, end: () => void): Run<T> {
  let error: unknown;
  let early = true;
  try {
    decode();
    early = false;
    end();
    return { seen, fault: undefined, name: undefined, early };
  } catch (thrown) {
    error = thrown;
  }
  const fault = faultOf(error);
  // The end tells the same fault again.
  assert.throws(end, (thrown: unknown) => {
    assert.deepEqual(faultOf(thrown), fault);
    return true;
  });
  return { seen, fault, name: (error as Error).name, early };
}

/** Reads messages out of chunks. */
export function readMessages(
  options: DecoderOptions,
  chunks: Iterable<Bytes>,
  feed: (decoder: MessageDecoder, chunk: any) => void = pushed,
  read: (decoder: MessageDecoder) => Seen = seenAt,
): Run {
  const decoder = new MessageDecoder(options);
  const seen: Seen[] = [];
  const run = runOf(
    seen,
    () => {
      for (const chunk of chunks) {
        feed(decoder, chunk);
        while (decoder.next()) seen.push(read(decoder));
      }
    },
    () => decoder.end(),
  );
  if (run.fault !== undefined) {
    // It stays in the fault.
    for (const again of [() => decoder.push(new Uint8Array(2)), () => decoder.reserve(1)]) {
      assert.throws(again, (thrown: unknown) => {
        assert.deepEqual(faultOf(thrown), run.fault);
        return true;
      });
    }
  }
  decoder.free();
  return run;
}

/** A frame with its payload unmasked. */
export interface Frame {
  readonly offset: number;
  readonly opcode: number;
  readonly fin: boolean;
  readonly rsv: number;
  readonly masked: boolean;
  readonly maskKey: number;
  readonly length: number;
  payload: Uint8Array;
}

/** Reads frames out of chunks, up to a close frame. */
export function readFrames(options: DecoderOptions, chunks: Iterable<Bytes>): Run<Frame> {
  const decoder = new FrameDecoder(options);
  const seen: Frame[] = [];
  // The pieces of each frame that came in more than one.
  const pieces = new Map<Frame, Uint8Array[]>();
  let left = 0;
  let closed = false;
  const run = runOf(
    seen,
    () => {
      for (const chunk of chunks) {
        decoder.push(chunk);
        while (decoder.next() && !closed) {
          const { offset, opcode, fin, rsv, masked, maskKey, length, first, last } = decoder;
          const payload = decoder.copy();
          if (payload.length !== decoder.pieceLength) assert.fail("a piece of another length");
          if (Buffer.compare(decoder.bytes(), payload) !== 0) assert.fail("a copy differs");
          if (first) {
            assert.equal(left, 0, "a frame begins inside another");
            seen.push({ offset, opcode, fin, rsv, masked, maskKey, length, payload });
            left = length;
          } else {
            const frame = seen.at(-1) as Frame;
            const same =
              frame.offset === offset &&
              frame.opcode === opcode &&
              frame.fin === fin &&
              frame.rsv === rsv &&
              frame.masked === masked &&
              frame.maskKey === maskKey &&
              frame.length === length;
            if (!same) assert.fail("a frame's pieces have another header");
            const before = pieces.get(frame);
            if (before) before.push(payload);
            else pieces.set(frame, [frame.payload, payload]);
          }
          left -= payload.length;
          if (last !== (left === 0)) assert.fail("the last piece ends the frame");
          closed = opcode === 8 && last;
        }
        if (closed) break;
      }
    },
    () => closed || decoder.end(),
  );
  for (const [frame, parts] of pieces) frame.payload = new Uint8Array(Buffer.concat(parts));
  if (left > 0) seen.pop();
  decoder.free();
  return run;
}

const names: Record<number, string> = { 1: "text", 2: "binary", 9: "ping", 10: "pong" };

/** Puts frames together to messages. */
export function joined(frames: readonly Frame[]): Seen[] {
  const seen: Seen[] = [];
  let open: { frame: Frame; parts: Uint8Array[] } | undefined;
  for (const frame of frames) {
    const { opcode, payload, fin } = frame;
    if (opcode === 8) {
      const [high = 3, low = 0xed] = payload; // 1005 if there is none
      seen.push(["close", (high << 8) | low, Buffer.from(payload.subarray(2)).toString()]);
    } else if (opcode > 8) {
      seen.push([names[opcode] as string, hex(payload)]);
    } else {
      if (opcode !== 0) open = { frame, parts: [] };
      if (open === undefined) throw new Error("a continuation of nothing");
      open.parts.push(payload);
      if (!fin) continue;
      const whole = Buffer.concat(open.parts);
      const text = open.frame.opcode === 1;
      if (open.frame.rsv !== 0) seen.push([text ? "opaqueText" : "opaqueBinary", hex(whole)]);
      else if (!text) seen.push(["binary", hex(whole)]);
      // A text that ends within a character shows all its pieces before that is a fault.
      else if (isUtf8(whole)) seen.push(["text", whole.toString()]);
      open = undefined;
    }
  }
  return seen;
}
