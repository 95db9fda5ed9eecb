/** The inspector as a library: captures and live streams against what other programs find in them. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import {
  ConversationInspector,
  inspect,
  Inspector,
  SourceError,
  type CapturedFrame,
  type InspectEvent,
} from "wscodec/inspect";

import { captures, frame, payloadOf, recordings } from "./inspect-harness.ts";

const WHOLE = 64 * 2 ** 20;

/** The events of a file that is pushed in pieces of `step`. */
function eventsOf(bytes: Uint8Array, keys: Uint8Array | undefined, step: number): InspectEvent[] {
  const inspector = new Inspector({ payload: WHOLE });
  if (keys) inspector.keys(keys);
  const events: InspectEvent[] = [];
  for (let at = 0; at < bytes.length; at += step) {
    events.push(...inspector.push(bytes.subarray(at, at + step)));
  }
  events.push(...inspector.finish());
  assert.equal(inspector.error, undefined);
  inspector.free();
  return events;
}

const isFrame = (event: InspectEvent): event is CapturedFrame => event.type === "frame";

for (const { name, bytes, keys, expected } of captures()) {
  test(`${name} has the frames that another program finds`, () => {
    const events = eventsOf(bytes, keys, bytes.length);
    for (const dir of ["c2s", "s2c"] as const) {
      const streams = new Set(expected.map(({ stream }) => stream));
      for (const stream of streams) {
        const of = (it: { stream?: number; dir?: string }) => it.stream === stream && it.dir === dir;
        const found = events.filter(isFrame).filter(of);
        const wanted = expected.filter(of);
        assert.deepEqual(
          found.map(({ opcode, fin, rsv, masked, length }) => [opcode, fin, rsv, masked, length]),
          wanted.map(({ opcode, fin, rsv, masked, length }) => [opcode, fin, rsv, masked, length]),
        );
      }
    }
  });

  test(`${name} has the same events in pieces of any size`, () => {
    const whole = eventsOf(bytes, keys, bytes.length);
    for (const step of bytes.length < 20_000 ? [1, 7, 4096] : [4099]) {
      assert.deepEqual(eventsOf(bytes, keys, step), whole, `pieces of ${step}`);
    }
  });
}

for (const { name, c2s, s2c, expected } of recordings()) {
  test(`${name}, as two live streams`, () => {
    const inspector = new ConversationInspector({ payload: WHOLE, server: "127.0.0.1:80" });
    const events = [
      ...inspector.push("c2s", c2s, 1000),
      ...inspector.end("c2s", 2000),
      ...inspector.push("s2c", s2c, 3000),
      ...inspector.end("s2c", 4000),
      ...inspector.finish(),
    ];
    inspector.free();
    const [conversation] = events;
    // A request that asks for no upgrade is of no interest.
    if (events.length === 0) return assert.equal(expected.status, 426);
    assert.ok(conversation?.type === "conversation");
    assert.equal(conversation.server, "127.0.0.1:80");
    assert.ok(conversation.time !== null && conversation.time > 1e9);
    const handshake = events.find(({ type }) => type === "handshake");
    assert.ok(handshake?.type === "handshake");
    assert.equal(handshake.request?.line, expected.requestLine);
    assert.equal(handshake.status, expected.status);
    assert.deepEqual(handshake.deflate, expected.deflate);
    for (const dir of ["c2s", "s2c"] as const) {
      const frames = events.filter(isFrame).filter((it) => it.dir === dir);
      const wanted = expected[dir].frames as any[];
      // The frame that the end of the recording cuts is reported, too.
      assert.ok(frames.length - wanted.length === 0 || /^cut-/.test(name), dir);
      wanted.forEach(({ offset, opcode, fin, rsv, masked, length, closeCode }, i) => {
        const found = frames[i] as CapturedFrame;
        assert.deepEqual(
          [found.offset, found.opcode, found.fin, found.rsv, found.masked, found.length],
          [offset, opcode, fin, rsv, masked, length],
        );
        if (closeCode !== undefined) assert.equal(found.closeCode, closeCode);
      });
      const messages = events.filter((it) => it.type === "message" && it.dir === dir && it.finished);
      const contents = messages.map((it) => createHash("sha1").update(payloadOf(it)).digest("hex"));
      const sums = (expected[dir].messages as any[]).map((it) => it.inflatedSha1 ?? it.sha1);
      assert.deepEqual(contents, sums, dir);
    }
  });
}

test("a stream that begins with frames, compressed as was agreed on", () => {
  // "Hello" compressed, RFC 7692 §7.2.3.1.
  const bytes = frame(0xc1, Buffer.from("f248cdc9c90700", "hex"));
  const inspector = new ConversationInspector({ start: "frames", deflate: {}, payload: 3 });
  const events = [...inspector.push("s2c", bytes), ...inspector.finish()];
  const message = events.find(({ type }) => type === "message");
  assert.ok(message?.type === "message");
  assert.deepEqual(
    [message.text, message.cut, message.inflated, message.compressed],
    ["Hel", true, 5, true],
  );
});

test("a violation is reported in its place, and reading goes on", () => {
  const inspector = new ConversationInspector({ start: "frames" });
  const bytes = Buffer.concat([frame(0x81, "unmasked"), frame(0x82, Buffer.from([1, 2]), true)]);
  const events = inspector.push("c2s", bytes);
  const kinds = events.map((it) => (it.type === "violation" ? it.code : it.type));
  assert.deepEqual(kinds, ["conversation", "frame", "UNMASKED_FRAME", "message", "frame", "message"]);
  const last = events.at(-1);
  assert.deepEqual(last?.type === "message" && last.bytes, Uint8Array.of(1, 2));
});

test("a file that can't be read is told by an error, behind its events", async () => {
  const [capture] = captures();
  assert.ok(capture);
  const { bytes } = capture;
  const unknown = new Inspector();
  assert.deepEqual(unknown.push(Buffer.from("this is no capture of anything")), []);
  assert.ok(unknown.error instanceof SourceError);
  assert.deepEqual(unknown.push(bytes), [], "later bytes are dropped");
  const events: InspectEvent[] = [];
  await assert.rejects(async () => {
    for await (const event of inspect([bytes.subarray(0, bytes.length - 3)])) events.push(event);
  }, SourceError);
  assert.ok(events.length > 0);
});

test("options are checked when they are given", () => {
  const wrong: [object, RegExp][] = [
    [{ payload: -1 }, /payload/],
    [{ payload: "1K" }, /payload takes a number/],
    [{ frame: true }, /no option "frame"/],
    [{ maxMemory: 2 ** 40 }, /maxMemory/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(() => new Inspector(options), { name: "TypeError", message });
  }
  const more: [object, RegExp][] = [
    [{ start: "begin" }, /start/],
    [{ server: "localhost" }, /address/],
    [{ start: "frames", deflate: { send: { windowBits: 7 } } }, /windowBits/],
  ];
  for (const [options, message] of more) {
    assert.throws(() => new ConversationInspector(options), { name: "TypeError", message });
  }
  assert.throws(() => new ConversationInspector().push("up" as never, new Uint8Array(1)), TypeError);
});
