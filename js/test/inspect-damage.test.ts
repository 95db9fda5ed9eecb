/** The inspect command on conversations that are cut or damaged. */

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Direction } from "../src/inspect/arguments.ts";
import {
  type Capture,
  captures,
  frame,
  inspectBytes,
  type Line,
  linesOf,
} from "./inspect-harness.ts";

const dirs = ["c2s", "s2c"] as const;
/** A head that is cut changes nothing in what is behind the other one. */
const AS_IT_IS = ["--json", "--no-inflate"];
const upgraded = captures().filter(({ expected }) => expected.status === 101);

/** A frame's first byte behind it. */
function endOf({ offset, length, masked }: Line): number {
  return offset + 2 + (length < 126 ? 0 : length < 65536 ? 2 : 8) + (masked ? 4 : 0) + length;
}

/** Places at which a cut is of interest, and some more. */
function cuts({ expected }: Capture, dir: Direction): number[] {
  const { head, frames, bytes } = expected[dir];
  const ends = frames.map(endOf) as number[];
  const all = [0, 1, 3, head - 5, head - 1, head, head + 1];
  for (const end of ends) all.push(end - 1, end, end + 1, end + 2);
  const random = randomly(bytes);
  for (let i = 0; i < 10; i++) all.push(random(bytes));
  const inside = all.filter((at) => at >= 0 && at < bytes);
  return [...new Set(inside)].sort((a, b) => a - b);
}

/** What is wrong with a file cut there, in the words of the other decoder's frames. */
function faultOfCut({ expected }: Capture, dir: Direction, at: number): Line | undefined {
  const { head, frames } = expected[dir];
  const fault = { type: "error", dir, offset: at, code: "UNEXPECTED_EOF", closeCode: 1006 };
  if (at < head) return { ...fault, frame: null };
  const whole = frames.filter((line: Line) => endOf(line) <= at);
  if (whole.at(-1)?.opcode === 8) return undefined;
  const begun = whole.length === 0 ? head : endOf(whole.at(-1));
  if (at > begun) return { ...fault, frame: begun };
  const data = whole.filter(({ opcode }: Line) => opcode < 8);
  return data.length > 0 && !data.at(-1).fin ? { ...fault, frame: null } : undefined;
}

for (const conversation of upgraded) {
  test(`${conversation.name}: cut anywhere`, async () => {
    const whole = dirs.map((dir) => conversation[dir]);
    const both = linesOf((await inspectBytes(whole, AS_IT_IS)).text);
    for (const dir of dirs) {
      const rest = both.filter((line) => line.dir !== undefined && line.dir !== dir);
      for (const at of cuts(conversation, dir)) {
        const files = { ...conversation, [dir]: conversation[dir].subarray(0, at) };
        const { text, fine } = await inspectBytes([files.c2s, files.s2c], AS_IT_IS);
        const lines = linesOf(text);
        const here = lines.filter((line) => line.dir === dir && line.type !== "note");
        const errors = here.filter(({ type }) => type === "error");
        const facts = errors.map(({ type, dir, offset, code, closeCode, frame }) => {
          return { type, dir, offset, code, closeCode, frame };
        });
        const fault = faultOfCut(conversation, dir, at);
        assert.deepEqual(facts, fault ? [fault] : [], `cut of ${dir} at ${at}`);
        // Everything that is whole, then the fault, which comes last.
        const before = both.filter((line) => {
          return line.dir === dir && line.type === "frame" && endOf(line) <= at;
        });
        assert.deepEqual(here.slice(0, here.length - errors.length), before);
        // The other direction as ever.
        const theirs = lines.filter((line) => line.dir !== undefined && line.dir !== dir);
        assert.deepEqual(theirs, rest);
        const faulty = fault !== undefined || rest.some(({ type }) => type === "error");
        assert.equal(fine, !faulty);
      }
    }
  });

  test(`${conversation.name}: damaged bytes`, async () => {
    const files = dirs.map((dir) => conversation[dir]);
    const sound = linesOf((await inspectBytes(files, ["--json"])).text);
    const random = randomly(files[0]?.length as number);
    for (let round = 0; round < 60; round++) {
      const side = random(2);
      const dir = dirs[side] as Direction;
      const bytes = Buffer.from(conversation[dir]);
      // Half of the time where headers are, as payloads are longer than these.
      const starts = conversation.expected[dir].frames.map(({ offset }: Line) => offset);
      const near = round % 2 === 0 || starts.length === 0;
      const at = near ? random(bytes.length) : starts[random(starts.length)] + random(2);
      bytes[at] = (bytes[at] as number) ^ (1 + random(255));
      const damaged = dirs.map((other, i) => (i === side ? bytes : conversation[other]));
      const { text, fine } = await inspectBytes(damaged, ["--json"]);
      const lines = linesOf(text);
      const errors = lines.filter(({ type }) => type === "error");
      assert.equal(fine, errors.length === 0);
      assert.equal(lines.at(-1)?.type, "totals");
      assert.equal(lines.at(-1)?.errors, errors.length);
      for (const { dir, offset, frame } of errors) {
        assert.ok(offset >= 0 && offset <= conversation[dir as Direction].length);
        assert.ok(frame === null || frame <= offset);
      }
      if (at < conversation.expected[dir].head) continue;
      const before = (all: Line[]) => {
        return all.filter((line) => line.dir === dir && line.type === "frame" && endOf(line) <= at);
      };
      assert.deepEqual(before(lines), before(sound));
      const elsewhere = (all: Line[]) => {
        return all.filter((line) => line.dir !== dir && line.dir !== undefined);
      };
      assert.deepEqual(elsewhere(lines), elsewhere(sound));
      // And the same however the bytes come.
      assert.equal((await inspectBytes(damaged, ["--json"], 1 + random(50))).text, text);
    }
  });
}

test("each fault has its offset, code and close code", async () => {
  const good = frame(0x81, "good", true);
  const hex = (digits: string) => Buffer.from(digits, "hex");
  const bad: [string, number, string, number, Buffer][] = [
    ["an unmasked frame", 0, "UNMASKED_FRAME", 1002, frame(0x81, "x")],
    ["a reserved bit", 0, "RESERVED_BITS", 1002, frame(0xc1, "x", true)],
    ["a reserved opcode", 0, "RESERVED_OPCODE", 1002, frame(0x83, "x", true)],
    ["a continuation of nothing", 0, "UNEXPECTED_CONTINUATION", 1002, frame(0x80, "x", true)],
    ["a fragmented ping", 0, "FRAGMENTED_CONTROL", 1002, frame(0x09, "x", true)],
    ["a long ping", 0, "CONTROL_TOO_LONG", 1002, frame(0x89, "x".repeat(126), true)],
    ["a length with its top bit", 0, "LENGTH_TOP_BIT", 1002, hex("82ff8000000000000000")],
    ["a long form of length", 0, "LENGTH_NOT_MINIMAL", 1002, hex("82fe000100000000")],
    ["half a close code", 0, "CLOSE_LENGTH", 1002, frame(0x88, "x", true)],
    ["a close code for nobody", 6, "CLOSE_CODE", 1002, frame(0x88, Buffer.from([3, 237]), true)],
    ["bad text", 9, "INVALID_UTF8", 1007, frame(0x81, hex("61623fff"), true)],
  ];
  for (const [what, where, code, closeCode, bytes] of bad) {
    const stream = Buffer.concat([good, bytes, good]);
    const { text, fine } = await inspectBytes([stream], ["--json", "--no-handshake"]);
    const [first, error, totals, ...more] = linesOf(text);
    assert.equal(fine, false, what);
    assert.equal(first?.text, "good");
    assert.equal(error?.code, code, what);
    assert.equal(error?.closeCode, closeCode, what);
    const offset = good.length + where;
    assert.equal(error?.offset, offset, what);
    assert.equal(error?.frame, good.length, what);
    assert.equal(totals?.c2s.unread, stream.length - offset);
    assert.deepEqual(more, []);
  }
});

test("what comes after a close frame is counted, and not read", async () => {
  const bytes = Buffer.concat([frame(0x88, ""), Buffer.from("rubbish")]);
  const { text, fine } = await inspectBytes([bytes], ["--json", "--no-handshake"]);
  const [close, totals] = linesOf(text);
  assert.ok(fine);
  assert.deepEqual([close?.closeCode, close?.reason], [null, ""]);
  assert.deepEqual(totals?.s2c.close, { offset: 0, closeCode: null, reason: "" });
  assert.deepEqual([totals?.s2c.bytes, totals?.s2c.unread], [2, 7]);
});

test("limits", async () => {
  const bytes = Buffer.concat([frame(0x02, "1234"), frame(0x80, "5678")]);
  for (const [option, code, offset] of [
    ["--max-frame=3", "FRAME_TOO_LARGE", 0],
    ["--max-message=7", "MESSAGE_TOO_LARGE", 6],
  ] as const) {
    const { text } = await inspectBytes([bytes], ["--json", "--no-handshake", option]);
    const error = linesOf(text).at(-2);
    assert.deepEqual([error?.code, error?.closeCode, error?.offset], [code, 1009, offset]);
  }
  const within = ["--json", "--no-handshake", "--max-frame=4", "--max-message=8"];
  assert.ok((await inspectBytes([bytes], within)).fine);
});

/** Numbers below a bound, the same ones each time (mulberry32). */
function randomly(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}
