/** The inspect command on handshakes, right and wrong. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { frame, inspectBytes, type Line, linesOf } from "./inspect-harness.ts";

// RFC 6455 §1.3.
const request =
  "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n" +
  "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
  "Origin: http://example.com\r\nSec-WebSocket-Protocol: chat, superchat\r\n" +
  "Sec-WebSocket-Version: 13\r\n\r\n";
const response =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
const offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

/** The lines of a conversation of one frame each way. */
async function conversation(
  [asked, answered]: readonly [string | Buffer, string | Buffer],
  frames = [frame(0x81, "up", true), frame(0x81, "down")],
): Promise<{ fine: boolean; lines: Line[]; errors: unknown[]; frames: number }> {
  const files = [asked, answered].map((head, i) => {
    return Buffer.concat([Buffer.from(head as string), frames[i] as Buffer]);
  });
  const { text, fine } = await inspectBytes(files, ["--json"]);
  const lines = linesOf(text);
  const errors = lines.filter(({ type }) => type === "error");
  return {
    fine,
    lines,
    errors: errors.map(({ dir, code, closeCode }) => [dir, code, closeCode]),
    frames: lines.filter(({ type }) => type === "frame").length,
  };
}

/** With a line of the head replaced or left out. */
function without(head: string, line: RegExp, other = ""): string {
  assert.match(head, line);
  return head.replace(line, other);
}

test("what was asked and what was agreed on", async () => {
  const asked = without(request, /\r\n$/, offer);
  const agreed = "permessage-deflate; server_no_context_takeover; client_max_window_bits=\"10\"";
  const answered = without(response, /\r\n$/, `Sec-WebSocket-Extensions: ${agreed}\r\n\r\n`);
  const compressed = [frame(0xc1, "\0", true), frame(0xc2, "\0")];
  const { fine, lines, frames } = await conversation([asked, answered], compressed);
  assert.ok(fine);
  assert.equal(frames, 2);
  const [handshake] = lines;
  const { headers, ...rest } = handshake?.request;
  assert.deepEqual(rest, {
    line: "GET /chat HTTP/1.1",
    method: "GET",
    target: "/chat",
    host: "server.example.com",
    origin: "http://example.com",
    key: "dGhlIHNhbXBsZSBub25jZQ==",
    protocols: ["chat", "superchat"],
    extensions: [
      { name: "permessage-deflate", params: [{ name: "client_max_window_bits", value: null }] },
    ],
    length: asked.length,
  });
  assert.deepEqual(headers[0], ["Host", "server.example.com"]);
  assert.equal(handshake?.response.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  assert.equal(handshake?.response.reason, "Switching Protocols");
  assert.equal(handshake?.protocol, "chat");
  assert.equal(handshake?.extensions, agreed);
  assert.deepEqual(handshake?.deflate, {
    serverNoContextTakeover: true,
    clientNoContextTakeover: false,
    serverMaxWindowBits: 15,
    clientMaxWindowBits: 10,
  });
});

test("wrong requests are faults, and their frames are shown", async () => {
  const cases: [string, RegExp, string][] = [
    ["METHOD", /^GET/, "POST"],
    ["HTTP_VERSION", /1\.1/, "1.0"],
    ["HOST", /Host.*\r\n/, ""],
    ["UPGRADE_HEADER", /Upgrade: websocket\r\n/, ""],
    ["CONNECTION_HEADER", /Connection: Upgrade/, "Connection: close"],
    ["KEY", /dGhl/, "!"],
    ["VERSION", /13/, "8"],
  ];
  for (const [code, line, other] of cases) {
    const result = await conversation([without(request, line, other), response]);
    assert.deepEqual(result.errors, [["c2s", code, null]]);
    assert.equal(result.frames, 2, code);
    assert.equal(result.fine, false);
  }
});

test("wrong answers are faults, and their frames are shown", async () => {
  const cases: [string, RegExp, string][] = [
    ["ACCEPT", /s3pP/, "S3pP"],
    ["ACCEPT", /Sec-WebSocket-Accept.*\r\n/, ""],
    ["UPGRADE_HEADER", /Upgrade: websocket\r\n/, ""],
    ["UNOFFERED_PROTOCOL", /: chat/, ": other"],
    ["UNOFFERED_EXTENSION", /\r\n$/, "Sec-WebSocket-Extensions: x\r\n\r\n"],
  ];
  for (const [code, line, other] of cases) {
    const result = await conversation([request, without(response, line, other)]);
    assert.deepEqual(result.errors, [["s2c", code, null]]);
    assert.equal(result.frames, 2, code);
  }
});

test("an answer that nobody knows the question of is judged for itself", async () => {
  const bytes = Buffer.from(without(response, /s3pP/, "S3pP"));
  assert.ok((await inspectBytes([bytes], ["--json"])).fine);
});

test("interim answers are passed over", async () => {
  const interim =
    "HTTP/1.1 100 Continue\r\n\r\n" +
    "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n";
  const { fine, lines, frames } = await conversation([request, interim + response]);
  assert.ok(fine);
  assert.equal(frames, 2);
  assert.equal(lines[0]?.response.status, 101);
  assert.equal(lines[0]?.response.length, response.length);
  const answers = lines.filter(({ type, dir }) => type === "frame" && dir === "s2c");
  assert.equal(answers[0]?.offset, interim.length + response.length);
  assert.equal(lines.at(-1)?.s2c.head, interim.length + response.length);

  // A fault lies where it lies in the file.
  const refused = "HTTP/1.1 403 Forbidden\r\n\r\n";
  const other = await conversation([request, interim + refused]);
  assert.deepEqual(other.errors, [["s2c", "STATUS", null]]);
  const offset = interim.length + "HTTP/1.1 ".length;
  assert.equal(other.lines.find(({ type }) => type === "error")?.offset, offset);

  // An interim answer alone is no answer.
  const { fine: alone } = await inspectBytes([Buffer.from(interim)], ["--dir", "s2c"]);
  assert.equal(alone, false);
});

test("a rejection has no frames behind it", async () => {
  const refused = "HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\n";
  const { errors, frames, lines } = await conversation([request, refused]);
  assert.deepEqual(errors, [["s2c", "STATUS", null]]);
  assert.equal(frames, 0);
  assert.equal(lines.find(({ type }) => type === "error")?.offset, "HTTP/1.1 ".length);
  assert.equal(lines.at(-1)?.c2s.unread, frame(0x81, "up", true).length);
  assert.equal(lines.at(-1)?.s2c.unread, frame(0x81, "down").length);
});

test("compressed frames need an answer that agrees, unless there is none", async () => {
  const asked = without(request, /\r\n$/, offer);
  const compressed = frame(0xc1, "\0", true);
  const both = await conversation([asked, response], [compressed, frame(0x81, "")]);
  assert.deepEqual(both.errors, [["c2s", "RESERVED_BITS", 1002]]);
  const alone = Buffer.concat([Buffer.from(asked), compressed]);
  assert.ok((await inspectBytes([alone], ["--json"])).fine);
});

test("a head without an end leaves nothing to read behind it", async () => {
  const endless = Buffer.alloc(100_000, "GET / HTTP/1.1\r\nHost: x\r\nX: ".padEnd(100_000, "y"));
  const { errors, lines, frames } = await conversation([endless, response]);
  assert.deepEqual(errors, [["c2s", "HEAD_TOO_LARGE", null]]);
  assert.equal(frames, 1);
  assert.equal(lines[0]?.request, null);
  const totals = lines.at(-1)?.c2s;
  assert.deepEqual([totals.bytes, totals.bytes + totals.unread], [65536, 100_008]);
});

test("large heads are read, and so are long lists", async () => {
  const cookie = without(request, /\r\n$/, `Cookie: ${"c".repeat(40_000)}\r\n\r\n`);
  assert.ok((await conversation([cookie, response])).fine);
  const list = Array.from({ length: 4000 }, (_, i) => `p${i}`).join(", ");
  const protocols = without(request, /chat, superchat/, `chat, ${list}`);
  const { errors, frames, lines } = await conversation([protocols, response]);
  // More than the library takes of a peer: that does not keep them from being shown.
  assert.deepEqual(errors, [["c2s", "PROTOCOL_HEADER", null]]);
  assert.equal(frames, 2);
  assert.equal(lines[0]?.request.protocols.length, 4001);
});

test("names that JavaScript has a meaning for are only names", async () => {
  const odd = "__proto__; constructor=1; toString, hasOwnProperty; __proto__=\"a\\\"b;,c\"";
  const asked = without(request, /\r\n$/, `Sec-WebSocket-Extensions: ${odd}\r\n\r\n`);
  const { lines } = await conversation([asked, response]);
  assert.deepEqual(lines[0]?.request.extensions, [
    { name: "__proto__", params: [
      { name: "constructor", value: "1" },
      { name: "toString", value: null },
    ] },
    { name: "hasOwnProperty", params: [{ name: "__proto__", value: "a\"b;,c" }] },
  ]);
  assert.equal(lines[0]?.deflate, null);
});
