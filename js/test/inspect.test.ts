/** The inspect command on the recorded conversations. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import {
  capture,
  captures,
  capturePath,
  inspectBytes,
  type Line,
  linesOf,
  run,
} from "./inspect-harness.ts";

const dirs = ["c2s", "s2c"] as const;

for (const conversation of captures()) {
  const { name, c2s, s2c, expected } = conversation;

  test(`${name}: frames are what another decoder sees`, async () => {
    const options = ["--json", "--preview", "1M", "--no-inflate"];
    const { text, fine } = await inspectBytes([c2s, s2c], options);
    const lines = linesOf(text);
    for (const dir of dirs) {
      const frames = lines.filter((line) => line.type === "frame" && line.dir === dir);
      assert.deepEqual(frames.map(known), expected[dir].frames.map(known));
      frames.forEach((line, i) => checkPayload(line, expected[dir].frames[i]));
      checkClose(lines, expected[dir]);
    }
    checkHandshake(lines, expected);
    checkEnds(lines, expected, fine);
  });

  test(`${name}: messages are what another decoder sees`, async () => {
    const options = ["--json", "--messages", "--preview", "1M", "--no-inflate"];
    const { text } = await inspectBytes([c2s, s2c], options);
    const lines = linesOf(text);
    for (const dir of dirs) {
      const messages = lines.filter((line) => line.type === "message" && line.dir === dir);
      const facts = messages.map(({ dir, offset, kind, compressed, frames, length }) => {
        return { dir, offset, kind, compressed, fragments: frames, length };
      });
      const theirs = expected[dir].messages.map((message: Line) => {
        const { dir, offset, kind, compressed, fragments, length } = message;
        return { dir, offset, kind, compressed, fragments, length };
      });
      assert.deepEqual(facts, theirs);
      messages.forEach((line, i) => {
        assert.equal(sha1Of(line), expected[dir].messages[i].sha1);
        assert.equal("text" in line, line.kind === "text" && !line.compressed);
      });
      const control = lines.filter((line) => line.type === "frame" && line.dir === dir);
      const isControl = ({ opcode }: Line) => opcode >= 8;
      assert.deepEqual(control.map(known), expected[dir].frames.filter(isControl).map(known));
    }
  });

  test(`${name}: compressed messages hold what another decoder sees`, async () => {
    const options = ["--json", "--preview", "1M"];
    const lines = linesOf((await inspectBytes([c2s, s2c], [...options, "--messages"])).text);
    const frames = linesOf((await inspectBytes([c2s, s2c], options)).text);
    assert.ok(lines.every(({ type }) => type !== "note"));
    for (const dir of dirs) {
      const messages = lines.filter((line) => line.type === "message" && line.dir === dir);
      assert.equal(messages.length, expected[dir].messages.length);
      let sum = 0;
      for (const [i, line] of messages.entries()) {
        const theirs = expected[dir].messages[i];
        const { compressed, inflatedLength, inflatedSha1 } = theirs;
        sum += inflatedLength ?? 0;
        assert.equal(line.compressed, compressed);
        assert.equal(line.inflated, inflatedLength ?? null);
        assert.equal(sha1Of(line), compressed ? inflatedSha1 : theirs.sha1);
        assert.equal("text" in line, line.kind === "text");
        // What came out of its frames is the whole of it.
        if (!compressed) continue;
        const end = messages[i + 1]?.offset ?? Infinity;
        const own = frames.filter(({ type, dir: of, offset, opcode }) => {
          const within = offset >= line.offset && offset < end && opcode < 8;
          return type === "frame" && of === dir && within;
        });
        const parts = own.slice(0, line.frames).map(({ inflated }) => inflated);
        assert.equal(parts.reduce((sum, part) => sum + part, 0), inflatedLength);
      }
      const totals = lines.at(-1)?.[dir].payload;
      // A message that is cut has been inflated as far as it came.
      assert.ok(totals.inflated >= sum);
      if (expected[dir].end?.message === undefined) assert.equal(totals.inflated, sum);
    }
  });

  test(`${name}: chunks and the order of the files make no difference`, async () => {
    const modes = [["--json"], ["--json", "--messages"], ["--messages"], ["--no-inflate"]];
    for (const options of modes) {
      const whole = await inspectBytes([c2s, s2c], options);
      assert.deepEqual(await inspectBytes([s2c, c2s], options), whole);
      for (const step of [1, 7, 1000]) {
        assert.deepEqual(await inspectBytes([c2s, s2c], options, step), whole);
      }
    }
  });

  test(`${name}: without the heads`, async () => {
    if (expected.status !== 101) return;
    const bare = dirs.map((dir) => conversation[dir].subarray(expected[dir].head));
    const options = ["--json", "--no-handshake", ...(expected.deflate ? ["--deflate"] : [])];
    const lines = linesOf((await inspectBytes(bare, options)).text);
    for (const [i, dir] of dirs.entries()) {
      const frames = lines.filter((line) => line.type === "frame" && line.dir === dir);
      const theirs = expected[dir].frames.map((line: Line) => {
        return known({ ...line, offset: line.offset - expected[dir].head });
      });
      assert.deepEqual(frames.map(known), theirs);
      // One direction alone is recognised by its mask bit.
      const alone = linesOf((await inspectBytes([bare[i] as Uint8Array], options)).text);
      const inBoth = lines.filter((line) => line.dir === dir);
      assert.deepEqual(alone.slice(0, -1), inBoth);
    }
  });

  test(`${name}: each direction alone`, async () => {
    for (const dir of dirs) {
      // Without the answer, nobody knows how to inflate what the client sent.
      const options = dir === "c2s" ? ["--json", "--no-inflate"] : ["--json"];
      const both = linesOf((await inspectBytes([c2s, s2c], options)).text);
      const alone = linesOf((await inspectBytes([conversation[dir]], ["--json"])).text);
      const compressed = alone.some(({ rsv }) => rsv === 4);
      const notes = alone.filter(({ type }) => type === "note");
      assert.deepEqual(
        notes.map(({ code, dir }) => [code, dir]),
        dir === "c2s" && compressed ? [["NOT_INFLATED", "c2s"]] : [],
      );
      const frames = (lines: Line[]) => {
        return lines.filter((line) => line.type === "frame" && line.dir === dir);
      };
      assert.deepEqual(frames(alone), frames(both));
      assert.equal(alone[0]?.[dir === "c2s" ? "response" : "request"], null);
      assert.deepEqual(alone.at(-1)?.[dir], both.at(-1)?.[dir]);
    }
  });
}

test("the command as a process", async () => {
  for (const name of ["ws-plain", "ws-deflate", "cut-header", "refused-403"]) {
    const { c2s, s2c } = capture(name);
    const { text, fine } = await inspectBytes([c2s, s2c], ["--json"]);
    const files = dirs.map((dir) => capturePath(name, dir));
    const both = { status: fine ? 0 : 1, stdout: text, stderr: "" };
    assert.deepEqual(await run(["inspect", "--json", ...files]), both);
    const [first, second] = files as [string, string];
    assert.deepEqual(await run(["inspect", "--json", "-", first], s2c), both);
    assert.deepEqual(await run(["inspect", "--json", second, "-"], c2s), both);
  }
});

/** What both decoders say of a frame. */
function known({ dir, offset, opcode, fin, rsv, masked, length }: Line) {
  return { dir, offset, opcode, fin, rsv, masked, length };
}

function sha1Of(line: Line): string {
  const bytes = "text" in line ? Buffer.from(line.text) : Buffer.from(line.hex, "hex");
  return createHash("sha1").update(bytes).digest("hex");
}

function checkPayload(line: Line, expected: Line): void {
  if (line.opcode === 8) {
    assert.equal(line.closeCode, expected.closeCode ?? null);
    assert.equal(line.reason, expected.closeReason ?? "");
  } else if (!("text" in line) || (line.fin && line.opcode !== 0)) {
    // A fragment of text may begin or end within a character.
    assert.equal(sha1Of(line), expected.sha1);
  }
}

function checkClose(lines: Line[], { frames, bytes, head }: Line): void {
  const dir = frames[0]?.dir;
  if (dir === undefined) return;
  const totals = lines.at(-1)?.[dir];
  const close = frames.find(({ opcode }: Line) => opcode === 8);
  assert.equal(totals.close?.offset, close?.offset);
  assert.equal(totals.bytes + totals.unread, bytes);
  assert.equal(totals.head, head);
  assert.equal(totals.frames.total, frames.length);
  const data = frames.filter(({ opcode }: Line) => opcode < 8);
  const sum = data.reduce((sum: number, { length }: Line) => sum + length, 0);
  assert.equal(totals.payload.data, sum);
}

function checkHandshake([line]: Line[], expected: Line): void {
  assert.equal(line?.type, "handshake");
  assert.equal(line.request.line, expected.requestLine);
  assert.equal(line.request.length, expected.c2s.head);
  assert.equal(line.response.status, expected.status);
  assert.equal(line.response.length, expected.s2c.head);
  assert.equal(line.protocol, expected.protocol);
  assert.equal(line.extensions, expected.extensions);
  assert.deepEqual(line.deflate, expected.deflate);
}

/** A direction is cut within a frame or message, or nothing is wrong with it. */
function checkEnds(lines: Line[], expected: Line, fine: boolean): void {
  const errors = lines.filter(({ type }) => type === "error");
  assert.equal(fine, errors.length === 0);
  if (expected.status !== 101) {
    assert.equal(errors.at(-1)?.code, "STATUS");
    assert.equal(errors.at(-1)?.closeCode, null);
    assert.equal(lines.at(-1)?.s2c.unread, expected.body.length);
    return;
  }
  for (const dir of dirs) {
    const { end, bytes } = expected[dir];
    const cut = end?.what === "cut" || end?.message !== undefined;
    const here = errors.filter((line) => line.dir === dir);
    const facts = here.map(({ code, closeCode, offset, frame }) => {
      return { code, closeCode, offset, frame };
    });
    const frame = end?.what === "cut" ? end.offset : null;
    const fault = { code: "UNEXPECTED_EOF", closeCode: 1006, offset: bytes, frame };
    assert.deepEqual(facts, cut ? [fault] : []);
  }
}
