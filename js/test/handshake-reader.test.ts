/** Heads that come in pieces. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  HandshakeError,
  LimitError,
  MessageDecoder,
  UpgradeRequestReader,
  UpgradeRequest,
  type UpgradeResponse,
  UpgradeResponseReader,
} from "wscodec";

import { bytes, head, KEY, REQUEST, RESPONSE, text, thrown } from "./handshake-heads.ts";

const FRAME = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";

/** The results of a reader for chunks. */
function read<T>(
  reader: { push(chunk: Uint8Array): T | undefined },
  chunks: Uint8Array[],
): T | undefined {
  for (const [i, chunk] of chunks.entries()) {
    const got = reader.push(chunk);
    if (got === undefined) continue;
    assert.equal(i, chunks.length - 1, "not before the last byte of the head is there");
    return got;
  }
  return undefined;
}

test("a request is the same at every cut", () => {
  const input = bytes(head(REQUEST) + FRAME);
  const end = head(REQUEST).length;
  for (let cut = 0; cut < end; cut++) {
    const reader = new UpgradeRequestReader();
    const request = read(reader, [input.subarray(0, cut), input.subarray(cut)]);
    assert.equal(request?.key, KEY);
    assert.equal(request?.headLength, end);
    assert.equal(text(reader.rest), FRAME);
    assert.equal(reader.buffered, 0);
  }
  const reader = new UpgradeRequestReader();
  const every = Array.from(input.subarray(0, end), (_, i) => input.subarray(i, i + 1));
  assert.equal(read(reader, every)?.pathAndQuery, "/chat?room=1");
  assert.equal(reader.rest.length, 0);
  assert.equal(thrown(() => reader.push(input)).code, "HEAD_COMPLETE");
});

test("an answer is the same at every cut", () => {
  const input = bytes(head(RESPONSE) + FRAME);
  const end = head(RESPONSE).length;
  for (let cut = 0; cut < end; cut++) {
    const reader = new UpgradeResponseReader({ key: KEY });
    const response = read<UpgradeResponse>(reader, [input.subarray(0, cut), input.subarray(cut)]);
    assert.equal(response?.accepted, true);
    assert.equal(text(reader.rest), FRAME);
  }
  const other = { key: "AAAAAAAAAAAAAAAAAAAAAA==" };
  const reader = new UpgradeResponseReader(other);
  reader.push(input.subarray(0, 9));
  assert.equal(thrown(() => reader.push(input.subarray(9))).code, "ACCEPT");
});

test("a head that can't become right is rejected at once, and stays so", () => {
  for (const [start, code] of [
    ["\x16\x03\x01", "MALFORMED_HEAD"],
    ["GET / HTTP/1.1\r\nHost :", "MALFORMED_HEAD"],
    ["GET / HTTP/2.0\r\n", "HTTP_VERSION"],
  ] as const) {
    const input = bytes(start);
    const reader = new UpgradeRequestReader();
    let error: unknown;
    for (let i = 0; i < input.length && error === undefined; i++) {
      try {
        assert.equal(reader.push(input.subarray(i, i + 1)), undefined);
      } catch (thrown) {
        error = thrown;
      }
    }
    assert.equal((error as { code: string }).code, code);
    assert.equal(thrown(() => reader.push(bytes(head(REQUEST)))), error);
    assert.equal(thrown(() => reader.rest).code, "HEAD_INCOMPLETE");
    assert.equal(reader.buffered, 0);
  }
  const late = head(REQUEST, { "Host:": "Host: a b" });
  const reader = new UpgradeRequestReader();
  reader.push(bytes(late.slice(0, 40)));
  const error = thrown(() => reader.push(bytes(late.slice(40))));
  assert.deepEqual([error.code, error.offset], ["HOST", late.indexOf("Host")]);
});

test("no more is held than the limit", () => {
  const piece = bytes("x".repeat(1000));
  for (const [maxHead, pieces] of [
    [undefined, 17],
    [5000, 5],
  ] as const) {
    const reader = new UpgradeRequestReader(maxHead === undefined ? undefined : { maxHead });
    reader.push(bytes("GET / HTTP/1.1\r\nX: "));
    let pushed = 0;
    const error = thrown(() => {
      for (; pushed < 1000; pushed++) reader.push(piece);
    });
    assert.deepEqual([error.code, error.offset], ["HEAD_TOO_LARGE", maxHead ?? 16384]);
    assert.equal(pushed + 1, pieces);
  }
  const exact = bytes(head(REQUEST));
  const reader = new UpgradeRequestReader({ maxHead: exact.length });
  reader.push(exact.subarray(0, 10));
  assert.ok(reader.push(bytes(text(exact.subarray(10)) + FRAME.repeat(10_000))));
  assert.equal(reader.rest.length, FRAME.length * 10_000);
  assert.throws(() => new UpgradeRequestReader({ maxHeaders: -1 }), RangeError);
});

test("readers do not get into each other's way, nor into the decoders'", () => {
  const input = bytes(head(REQUEST));
  const readers = Array.from({ length: 500 }, () => new UpgradeRequestReader());
  const decoder = new MessageDecoder({ role: "server" });
  const requests: UpgradeRequest[] = [];
  for (let at = 0; at < input.length; at += 40) {
    decoder.push(bytes(FRAME));
    for (const reader of readers) {
      const request = reader.push(input.subarray(at, at + 40));
      if (request !== undefined) requests.push(request);
    }
    assert.ok(decoder.next());
    assert.equal(decoder.text(), "Hello");
  }
  assert.equal(requests.length, readers.length);
  assert.ok(requests.every(({ key }) => key === KEY));
  const given = new UpgradeRequestReader();
  given.push(input.subarray(0, 100));
  assert.equal(given.buffered, 100);
  given.free();
  assert.equal(given.buffered, 0);
});

/** xorshift32, so that a failure can be had again. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

test("damaged heads give an error or a request, and in pieces the same", () => {
  const seed = bytes(
    head(REQUEST, {
      p: "Sec-WebSocket-Protocol: chat, v2",
      e: 'Sec-WebSocket-Extensions: x; a="1\\0"; b, y',
      n: "Content-Length: 0",
    }) + FRAME,
  );
  const odd = bytes("\r\n \t:;,=\"\\\0/\x7f\x80\xff0");
  const below = random(0x9e3779b9);
  const outcome = (call: () => UpgradeRequest | undefined) => {
    try {
      const request = call();
      if (request === undefined) return "incomplete";
      const { key, path, host, origin, protocols, extensions, headers } = request;
      const parts = [key, path, host, origin, protocols, extensions, headers];
      return JSON.stringify([...parts, text(request.accept({ protocol: protocols[0] }))]);
    } catch (error) {
      assert.ok(error instanceof HandshakeError || error instanceof LimitError, String(error));
      return `${error.code} ${error.offset}`;
    }
  };
  const seen = new Set<string>();
  for (let round = 0; round < 20_000; round++) {
    const input = seed.slice();
    for (let changes = below(4); changes > 0; changes--) {
      const at = below(input.length);
      if (below(2) === 0) input[at] = odd[below(odd.length)] as number;
      else input.copyWithin(at, at + 1 + below(8));
    }
    const whole = outcome(() => UpgradeRequest.parse(input));
    const cut = below(input.length);
    const reader = new UpgradeRequestReader();
    let pieces = outcome(() => reader.push(input.subarray(0, cut)));
    if (pieces === "incomplete") pieces = outcome(() => reader.push(input.subarray(cut)));
    reader.free();
    assert.equal(pieces, whole, JSON.stringify(text(input)));
    seen.add(whole.split(" ", 1)[0] as string);
  }
  for (const code of ["MALFORMED_HEAD", "KEY", "HOST", "VERSION", "UPGRADE_HEADER", "PROTOCOL_HEADER"]) {
    assert.ok(seen.has(code), code);
  }
});

test("a long head may come a byte at a time", () => {
  const lines = Array.from({ length: 90 }, (_, i) => `X-${i}: ${"y".repeat(160)}`);
  const input = bytes(head([...REQUEST, ...lines]));
  assert.ok(input.length > 15_000);
  const reader = new UpgradeRequestReader();
  for (let i = 0; i < input.length - 1; i++) {
    assert.equal(reader.push(input.subarray(i, i + 1)), undefined);
  }
  const request = reader.push(input.subarray(input.length - 1));
  assert.equal(request?.headLength, input.length);
  assert.equal(request?.header("x-89"), "y".repeat(160));
});
