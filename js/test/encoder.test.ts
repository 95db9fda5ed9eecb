// Frames to send: the shared vectors, text at the borders of the length forms, misuse, and the way
// there and back through the `ws` package.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { test } from "node:test";

import * as ws from "ws";
import { MessageEncoder, frameHeader, MessageDecoder, Prepared, type Role, Session } from "wscodec";

import {
  bytesOf,
  cutInTwo,
  randomCuts,
  randomNumbers,
  readFrames,
  readMessages,
  readVectors,
  type Seen,
  seenAt,
  textOf,
} from "./codec-harness.ts";

/** Adds what one entry of a vector asks for. */
function add(encoder: MessageEncoder, what: Record<string, any>): void {
  const [kind, value] = Object.entries(what)[0] as [string, any];
  switch (kind) {
    case "text":
      return void encoder.text(textOf(value));
    case "binary":
    case "ping":
    case "pong":
      return void encoder[kind](bytesOf(value));
    case "close":
      return void encoder.close(value[0], textOf(value[1] ?? ""));
    case "frame":
      return void encoder.frame(value, bytesOf(what.payload));
    default:
      throw new Error(`nothing to send: ${kind}`);
  }
}

/** Mask keys as numbers, first byte lowest. */
function keys(of: readonly string[] = []): () => number {
  const numbers = of.map((key) => Buffer.from(key, "hex").readInt32LE());
  return () => {
    assert.notEqual(numbers.length, 0, "a key for each frame, and no more");
    return numbers.shift() as number;
  };
}

const misused = (code: string) => ({
  name: "MisuseError",
  code,
  closeCode: undefined,
  offset: undefined,
});

test("the shared vectors", () => {
  for (const { name, role, maskKey, frames = [], bytes } of readVectors("encode.json")) {
    const encoder = new MessageEncoder({ role, maskKey: keys(maskKey) });
    for (const what of frames) {
      if (what.error === undefined) {
        add(encoder, what);
        continue;
      }
      const before = encoder.length;
      assert.throws(() => add(encoder, what.of), misused(what.error), name);
      assert.equal(encoder.length, before, name);
    }
    const expected = bytesOf(bytes);
    assert.equal(encoder.length, expected.length, name);
    assert.equal(Buffer.compare(encoder.bytes(), expected), 0, name);
    assert.equal(Buffer.compare(encoder.take(), expected), 0, name);
    assert.equal(encoder.length, 0, name);
    encoder.free();
  }
});

test("text at the borders of the length forms", () => {
  const characters = ["x", "é", "€", "🦀", "\ud800", "\udc00x", "\ufeff"];
  for (const role of ["server", "client"] as Role[]) {
    const encoder = new MessageEncoder({ role });
    for (const border of [125, 126, 65_535, 65_536]) {
      for (const character of characters) {
        const size = Buffer.byteLength(character);
        for (const more of [-4, -3, -2, -1, 0, 1]) {
          // The text has as many of these characters as fit, then ASCII up to the last byte.
          const length = border + more;
          const count = Math.floor(length / size);
          const text = character.repeat(count) + "y".repeat(length - count * size);
          const expected = Buffer.from(text);
          encoder.text("before").text(text).text("behind");
          const reader = role === "server" ? "client" : "server";
          const run = readMessages({ role: reader }, [encoder.take()]);
          assert.deepEqual(
            run.seen,
            [["text", "before"], ["text", expected.toString()], ["text", "behind"]],
            `${role}, ${length} bytes of ${JSON.stringify(character)}`,
          );
        }
      }
    }
    encoder.free();
  }
});

test("lone surrogates are written as U+FFFD, pairs as they are", () => {
  const encoder = new MessageEncoder({ role: "server" });
  const cases: [string, string][] = [
    ["\ud83e\udd80", "81 04 f09fa680"],
    ["\ud83e", "81 03 efbfbd"],
    ["\udd80\ud83e", "81 06 efbfbdefbfbd"],
    ["a\ud83eb", "81 05 61efbfbd62"],
    ["\ud83e\ud83e\udd80", "81 07 efbfbdf09fa680"],
  ];
  for (const [text, expected] of cases) {
    assert.deepEqual(encoder.text(text).take(), bytesOf(expected));
    const control = bytesOf(expected);
    control[0] = 0x89;
    assert.deepEqual(encoder.ping(text).take(), control);
    assert.deepEqual(
      encoder.close(1000, text).take(),
      Uint8Array.of(0x88, control.length, 3, 0xe8, ...control.subarray(2)),
    );
  }
});

test("lone surrogates at the end of a text of any length lose nothing", () => {
  const encoder = new MessageEncoder({ role: "server" });
  const session = new Session({ role: "server" });
  for (const length of [0, 1, 50, 30_000, 70_000, 2_000_000]) {
    for (const [end, bytes] of [
      ["\ud83e", "efbfbd"],
      ["\udd80", "efbfbd"],
      ["\ud83e".repeat(100), "efbfbd".repeat(100)],
      ["\ud83e\udd80\ud83e", "f09fa680efbfbd"],
    ] as const) {
      const text = "a".repeat(length) + end;
      const payload = Buffer.concat([Buffer.alloc(length, "a"), Buffer.from(bytes, "hex")]);
      const prepared = encoder.send(new Prepared(text, { deflate: false })).take();
      for (const frame of [encoder.text(text).take(), session.text(text).take(), prepared]) {
        const found = frame.subarray(frame.length - payload.length);
        assert.equal(Buffer.compare(found, payload), 0, `${length} ${end.length}`);
        const header = payload.length < 126 ? 2 : payload.length < 65_536 ? 4 : 10;
        assert.equal(frame.length, header + payload.length);
      }
    }
  }
});

test("text as bytes is checked, in every shape", () => {
  const encoder = new MessageEncoder({ role: "server" });
  const words = Buffer.from("größer");
  const shared = new SharedArrayBuffer(words.length);
  new Uint8Array(shared).set(words);
  const view = new DataView(shared, 2, 3);
  for (const data of [words, new Uint8Array(words), new Uint8Array(words).buffer, shared]) {
    assert.deepEqual(encoder.text(data).take(), new Uint8Array([0x81, 8, ...words]));
  }
  assert.deepEqual(encoder.binary(view).take(), Uint8Array.of(0x82, 3, 0xc3, 0xb6, 0xc3));
  assert.throws(() => encoder.text(view), misused("TEXT_NOT_UTF8"));
  for (const wrong of ["ff", "c3", "eda080", "6180", "f4908080"]) {
    assert.throws(() => encoder.text(bytesOf(wrong)), misused("TEXT_NOT_UTF8"), wrong);
  }
  assert.equal(encoder.length, 0);
});

test("the caller's bytes are left as they are", () => {
  const encoder = new MessageEncoder({ role: "client" });
  const data = Uint8Array.from({ length: 1000 }, (_, i) => i);
  const before = data.slice();
  encoder.binary(data).frame({ opcode: 2 }, data).ping(data.subarray(0, 100));
  assert.deepEqual(data, before);
});

test("keys are new for each frame", () => {
  const encoder = new MessageEncoder({ role: "client" });
  for (let i = 0; i < 3000; i++) encoder.ping();
  const { seen } = readFrames({ role: "server" }, [encoder.take()]);
  const different = new Set(seen.map(({ maskKey }) => maskKey));
  assert.equal(seen.length, 3000);
  // Two of 3,000 out of 2^32 are the same once in about a thousand runs, many never.
  assert.ok(different.size >= 2990, `${different.size}`);
  assert.ok(seen.every(({ masked }) => masked));
});

test("any number serves as a key", () => {
  for (const [key, expected] of [
    [-1, "ffffffff"],
    [2 ** 31, "00000080"],
    [0x04030201, "01020304"],
  ] as const) {
    const encoder = new MessageEncoder({ role: "client", maskKey: () => key });
    assert.deepEqual(encoder.ping().take(), bytesOf(`89 80 ${expected}`));
  }
});

test("taking into the caller's buffer", () => {
  const encoder = new MessageEncoder({ role: "server" });
  const expected = bytesOf("81 02 6869 89 00");
  const shared = new SharedArrayBuffer(20);
  const plain = new Uint8Array(20);
  for (const [target, view] of [
    [shared, new Uint8Array(shared)],
    [new Uint8Array(shared), new Uint8Array(shared)],
    [plain, plain],
    [plain.buffer, plain],
    [new DataView(plain.buffer), plain],
    [Buffer.from(plain.buffer), plain],
  ] as const) {
    for (const offset of [0, 5, 14]) {
      view.fill(0xee);
      encoder.text("hi").ping();
      assert.equal(encoder.takeInto(target, offset), 6);
      assert.equal(encoder.length, 0);
      assert.deepEqual(view.slice(offset, offset + 6), expected);
      assert.ok(view.every((byte, i) => (i >= offset && i < offset + 6) || byte === 0xee));
    }
  }
  encoder.text("hi").ping();
  for (const offset of [15, 20, 21, 2 ** 32]) {
    assert.throws(() => encoder.takeInto(shared, offset), misused("BUFFER_TOO_SMALL"));
  }
  for (const offset of [-1, 0.5, Number.NaN]) {
    assert.throws(() => encoder.takeInto(shared, offset), RangeError);
  }
  assert.throws(() => encoder.takeInto(new Uint8Array(5)), misused("BUFFER_TOO_SMALL"));
  assert.equal(encoder.length, 6, "nothing is lost");
  assert.deepEqual(encoder.take(), expected);
  assert.equal(encoder.takeInto(new Uint8Array(0)), 0);
});

test("clearing, and an encoder that is used again", () => {
  const encoder = new MessageEncoder({ role: "server" });
  encoder.text("forgotten").clear();
  assert.equal(encoder.length, 0);
  assert.equal(encoder.take().length, 0);
  assert.deepEqual(encoder.ping().take(), Uint8Array.of(0x89, 0));
  // Growth keeps what is there.
  const large = new Uint8Array(1 << 20).fill(7);
  const bytes = encoder.text("first").binary(large).take();
  assert.deepEqual(bytes.subarray(0, 7), bytesOf("81 05 6669727374"));
  assert.equal(bytes.length, 7 + 10 + large.length);
  assert.ok(bytes.subarray(17).every((byte) => byte === 7));
});

test("misuse", () => {
  const encoder = new MessageEncoder({ role: "server" });
  assert.throws(() => encoder.close(undefined, "why"), misused("CLOSE_REASON_ALONE"));
  for (const code of [-1, 65_536, 1000.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => encoder.close(code), RangeError, `${code}`);
  }
  for (const code of [1004, 1005, 1006, 1015, 1016, 2999, 5000]) {
    assert.throws(() => encoder.close(code), misused("CLOSE_CODE_NOT_SENDABLE"), `${code}`);
  }
  assert.throws(() => encoder.close(1000, "é".repeat(62)), misused("CLOSE_REASON_TOO_LONG"));
  assert.throws(() => encoder.ping("x".repeat(126)), misused("CONTROL_PAYLOAD_TOO_LONG"));
  assert.throws(() => encoder.pong(new Uint8Array(70_000)), misused("CONTROL_PAYLOAD_TOO_LONG"));
  assert.throws(() => encoder.frame({ opcode: 8, fin: false }, ""), misused("CONTROL_NOT_FINAL"));
  for (const frame of [{ opcode: 16 }, { opcode: -1 }, { opcode: 1.5 }, { opcode: 1, rsv: 8 }]) {
    assert.throws(() => encoder.frame(frame, ""), RangeError);
  }
  for (const opcode of [3, 7, 11, 15]) {
    assert.throws(() => encoder.frame({ opcode }, ""), { code: "RESERVED_OPCODE" });
  }
  assert.equal(encoder.length, 0, "nothing was written");
  const wrong = { role: "peer" } as unknown as { role: Role };
  assert.throws(() => new MessageEncoder(wrong), TypeError);
});

test("a header alone is the one that a frame has", () => {
  const encoder = new MessageEncoder({ role: "server" });
  for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]) {
    for (const options of [{ opcode: 2 }, { opcode: 1, fin: false, rsv: 5 }, { opcode: 0 }]) {
      const payload = new Uint8Array(length);
      const frame = encoder.frame(options, payload).take();
      const header = frameHeader(options, length);
      assert.deepEqual(header, frame.slice(0, frame.length - length), `${length}`);
    }
  }
  assert.deepEqual(frameHeader({ opcode: 9 }, 125), new Uint8Array([0x89, 125]));
  const most = [0x82, 127, 0, 0x1f, 255, 255, 255, 255, 255, 255];
  assert.deepEqual(frameHeader({ opcode: 2 }, Number.MAX_SAFE_INTEGER), new Uint8Array(most));
  assert.throws(() => frameHeader({ opcode: 9 }, 126), misused("CONTROL_PAYLOAD_TOO_LONG"));
  assert.throws(() => frameHeader({ opcode: 8, fin: false }, 0), misused("CONTROL_NOT_FINAL"));
  for (const opcode of [3, 7, 11, 15]) {
    assert.throws(() => frameHeader({ opcode }, 0), { code: "RESERVED_OPCODE" });
  }
  for (const length of [-1, 1.5, 2 ** 53]) {
    assert.throws(() => frameHeader({ opcode: 2 }, length), RangeError);
  }
});

// ws exports these, but its types do not say so.
const { Receiver, Sender } = ws as any;

/** A frame to send, and how it is to be seen. */
interface Sent {
  readonly opcode: number;
  readonly fin: boolean;
  readonly payload: Buffer;
}

/** Messages in one frame and in more, with control frames between. */
function randomFrames(random: () => number, count: number): { frames: Sent[]; seen: Seen[] } {
  const frames: Sent[] = [];
  const seen: Seen[] = [];
  const lengths = [0, 1, 7, 124, 125, 126, 127, 500, 65_535, 65_536, 66_000];
  for (let i = 0; i < count; i++) {
    const text = random() % 2 === 0;
    const length = lengths[random() % (i % 8 === 0 ? lengths.length : 8)] as number;
    const payload = text
      ? Buffer.from("aé€🦀 ".repeat(length / 11) + "z".repeat(length % 11))
      : Buffer.from(Uint8Array.from({ length }, () => random()));
    const parts = 1 + (random() % 4);
    const cuts = Array.from({ length: parts - 1 }, () => random() % (payload.length + 1));
    const ends = [...cuts.sort((a, b) => a - b), payload.length];
    ends.forEach((end, part) => {
      if (random() % 5 === 0) {
        const ping = random() % 2 === 0;
        const control = Buffer.from(Uint8Array.from({ length: random() % 126 }, () => random()));
        frames.push({ opcode: ping ? 9 : 10, fin: true, payload: control });
        seen.push([ping ? "ping" : "pong", control.toString("hex")]);
      }
      const start = part === 0 ? 0 : (ends[part - 1] as number);
      const opcode = part > 0 ? 0 : text ? 1 : 2;
      frames.push({ opcode, fin: part === parts - 1, payload: payload.subarray(start, end) });
    });
    seen.push(text ? ["text", payload.toString()] : ["binary", payload.toString("hex")]);
  }
  frames.push({ opcode: 8, fin: true, payload: Buffer.from("\u0003\u00e9going", "latin1") });
  seen.push(["close", 1001, "going"]);
  return { frames, seen };
}

for (const role of ["client", "server"] as Role[]) {
  test(`what a ${role} sends, ws reads`, async () => {
    const random = randomNumbers(role.length);
    const { frames, seen } = randomFrames(random, 150);
    const encoder = new MessageEncoder({ role });
    for (const { payload, ...options } of frames) encoder.frame(options, payload);
    const receiver = new Receiver({ isServer: role === "client" });
    const found: Seen[] = [];
    receiver.on("message", (data: Buffer, binary: boolean) =>
      found.push(binary ? ["binary", data.toString("hex")] : ["text", data.toString()]),
    );
    receiver.on("ping", (data: Buffer) => found.push(["ping", data.toString("hex")]));
    receiver.on("pong", (data: Buffer) => found.push(["pong", data.toString("hex")]));
    receiver.on("conclude", (code: number, reason: Buffer) =>
      found.push(["close", code, reason.toString()]),
    );
    const finished = once(receiver, "finish");
    for (const chunk of randomCuts(encoder.take(), 5000, random)) {
      receiver.write(Buffer.from(chunk));
    }
    receiver.end();
    await finished;
    assert.deepEqual(found, seen);
  });

  test(`what ws sends as a ${role}, is read`, () => {
    const random = randomNumbers(role.length + 9);
    const { frames, seen } = randomFrames(random, 150);
    const wire = Buffer.concat(
      frames.flatMap(({ payload, ...options }) =>
        Sender.frame(Buffer.from(payload), {
          ...options,
          mask: role === "client",
          readOnly: false,
          rsv1: false,
        }),
      ),
    );
    const reader = { role: role === "client" ? "server" : "client" } as const;
    const whole = readMessages(reader, [wire]);
    assert.deepEqual(whole.seen, seen);
    assert.equal(whole.fault, undefined);
    for (const chunks of [cutInTwo(wire, wire.length >> 1), randomCuts(wire, 3000, random)]) {
      assert.deepEqual(readMessages(reader, chunks).seen, seen);
    }
    // And written back by us, with the keys of ws.
    let key = 0;
    const encoder = new MessageEncoder({ role, maskKey: () => key });
    for (const { opcode, fin, maskKey, payload } of readFrames(reader, [wire]).seen) {
      key = maskKey;
      encoder.frame({ opcode, fin }, payload);
    }
    assert.equal(Buffer.compare(encoder.take(), wire), 0);
  });
}

test("a decoder reads what an encoder lends", () => {
  const encoder = new MessageEncoder({ role: "server" });
  const decoder = new MessageDecoder({ role: "client" });
  decoder.push(encoder.text("straight").ping("on").bytes());
  const seen: unknown[] = [];
  while (decoder.next()) seen.push(seenAt(decoder));
  assert.deepEqual(seen, [["text", "straight"], ["ping", "6f6e"]]);
});
