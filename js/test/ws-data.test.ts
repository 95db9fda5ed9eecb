/**
 * The data with which npm ws tests its receiver and its sender (websockets/ws, MIT: the bytes and
 * the results in test/receiver.test.js and test/sender.test.js), put into words of this
 * package: each is run here and, where ws is to be had, by ws itself.
 *
 * These features do not exist here, so their data is left out: binary types, blobs, a limit on chunks that
 * are kept (none are), and what happens between calls of an asynchronous compressor.
 */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";

import { MessageDecoder, MessageEncoder, type Role, Session, WscodecError } from "wscodec";

import { bytesOf } from "./codec-harness.ts";

interface Case {
  readonly name: string;
  readonly role: Role;
  /** Each is a chunk. */
  readonly bytes: readonly (string | Uint8Array)[];
  readonly events: readonly string[];
  /** The error, as ws and as this package call it, and the close code that both have for it. */
  readonly error?: readonly [ws: string, ours: string, close: number];
  readonly deflate?: boolean;
  readonly maxPayload?: number;
  readonly maxFragments?: number;
}

const text = (length: number) => new Uint8Array(length).fill(65);
const some = (length: number) => Uint8Array.from({ length }, (_, i) => (i * i) % 251);

/** A frame by hand, masked if there is a key. */
function frame(first: number, payload: Uint8Array, key?: readonly number[]): Uint8Array {
  const { length } = payload;
  const mask = key === undefined ? 0 : 0x80;
  const header = Buffer.alloc(10);
  header[0] = first;
  let end = 2;
  if (length < 126) {
    header[1] = mask | length;
  } else if (length < 65536) {
    header[1] = mask | 126;
    end = header.writeUInt16BE(length, 2);
  } else {
    header[1] = mask | 127;
    end = header.writeBigUInt64BE(BigInt(length), 2);
  }
  const body = payload.map((byte, i) => byte ^ (key?.[i & 3] ?? 0));
  return Buffer.concat([header.subarray(0, end), Uint8Array.from(key ?? []), body]);
}

const KEY = [0x34, 0x83, 0xa8, 0x68];
const hello = Buffer.from("Hello");
const a300 = "A".repeat(300);

/** A message's part, compressed as ws does it: to the next byte, without the four at its end. */
function compressed(data: string | Uint8Array): Uint8Array {
  const bytes = deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH });
  return bytes.subarray(0, -4);
}

function halves(bytes: Uint8Array): Uint8Array[] {
  const half = Math.floor(bytes.length / 2);
  return [bytes.subarray(0, half), bytes.subarray(half)];
}

const binary = (bytes: Uint8Array) => `binary ${Buffer.from(bytes).toString("hex")}`;
const parts = [some(7321), some(137), some(285_787), some(3)];
const withPing = [
  frame(0x01, text(150), KEY),
  frame(0x89, hello, KEY),
  frame(0x80, text(150), KEY),
];
const client = { role: "client" } as const;
const server = { role: "server" } as const;
const RSV1 = ["WS_ERR_UNEXPECTED_RSV_1", "RESERVED_BITS", 1002] as const;
const RSV2 = ["WS_ERR_UNEXPECTED_RSV_2_3", "RESERVED_BITS", 1002] as const;
const OPCODE = "WS_ERR_INVALID_OPCODE";
const LENGTH = "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH";
const UTF8 = ["WS_ERR_INVALID_UTF8", "INVALID_UTF8", 1007] as const;
const LARGE = "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
const MANY = ["WS_ERR_TOO_MANY_BUFFERED_PARTS", "TOO_MANY_FRAGMENTS", 1008] as const;

const cases: readonly Case[] = [
  { name: "an unmasked text", ...client, bytes: ["81 05 48656c6c6f"], events: ["text Hello"] },
  { name: "a close frame", ...client, bytes: ["88 00"], events: ["close 1005 "] },
  { name: "a close frame in two chunks", ...client, bytes: ["88 06", "03e8 444f4e45"], events: ["close 1000 DONE"] },
  {
    name: "a masked text",
    ...server,
    bytes: ["81 93 3483a868 01b992524fa1c60959e68a5216e6cb005ba1d5"],
    events: ['text 5:::{"name":"echo"}'],
  },
  {
    name: "a masked text longer than 125 bytes, cut in its header",
    ...server,
    bytes: [frame(0x81, text(200), KEY).subarray(0, 2), frame(0x81, text(200), KEY).subarray(2)],
    events: [`text ${"A".repeat(200)}`],
  },
  { name: "64 KiB of masked text", ...server, bytes: [frame(0x81, text(65_536), KEY)], events: [`text ${"A".repeat(65_536)}`] },
  {
    name: "a masked text in fragments",
    ...server,
    bytes: [frame(0x01, text(150), KEY), frame(0x80, text(150), KEY)],
    events: [`text ${a300}`],
  },
  { name: "a ping", ...server, bytes: [frame(0x89, hello, KEY)], events: ["ping Hello"] },
  { name: "a ping without data", ...client, bytes: ["89 00"], events: ["ping "] },
  { name: "fragments with a ping between", ...server, bytes: withPing, events: ["ping Hello", `text ${a300}`] },
  {
    name: "fragments with a ping between, each frame in two chunks",
    ...server,
    bytes: withPing.flatMap(halves),
    events: ["ping Hello", `text ${a300}`],
  },
  ...[100, 256, 200 * 1024].map((length) => ({
    name: `${length} masked binary bytes`,
    ...server,
    bytes: [frame(0x82, some(length), KEY)],
    events: [binary(some(length))],
  })),
  { name: "200 KiB unmasked", ...client, bytes: [frame(0x82, some(204_800))], events: [binary(some(204_800))] },
  {
    name: "a compressed text",
    ...client,
    deflate: true,
    bytes: [frame(0xc1, compressed(hello))],
    events: ["text Hello"],
  },
  {
    name: "a compressed text in fragments",
    ...client,
    deflate: true,
    // Each by itself: the second refers to nothing before it.
    bytes: [frame(0x41, Buffer.concat([compressed("foo"), bytesOf("0000ffff")])), frame(0x80, compressed("bar"))],
    events: ["text foobar"],
  },
  {
    name: "20,000 empty texts in a chunk",
    ...client,
    bytes: [new Uint8Array(40_000).map((_, i) => (i % 2 === 0 ? 0x81 : 0))],
    events: Array<string>(20_000).fill("text "),
  },
  {
    name: "the limit is for each message",
    ...client,
    maxPayload: 10,
    bytes: ["81 05 48656c6c6f", "01 02 4865", "80 03 6c6c6f", "02 02 4865", "89 00", "80 03 6c6c6f"],
    events: ["text Hello", "text Hello", "ping ", "binary 48656c6c6f"],
  },
  {
    name: "what comes after a close frame",
    ...client,
    deflate: true,
    bytes: ["c1 01 00", "88 00", "81 00"],
    events: ["text ", "close 1005 "],
  },
  {
    name: "fragments of many lengths",
    ...client,
    bytes: parts.map((part, i) => frame((i === 3 ? 0x80 : 0) | (i === 0 ? 2 : 0), part)),
    events: [binary(Buffer.concat(parts))],
  },

  { name: "RSV1 without the extension", ...server, bytes: ["c2 80 00000000"], events: [], error: RSV1 },
  { name: "RSV1 on a continuation", ...client, deflate: true, bytes: ["40 00"], events: [], error: RSV1 },
  { name: "RSV1 on a control frame", ...client, deflate: true, bytes: ["c9 00"], events: [], error: RSV1 },
  { name: "RSV2", ...client, bytes: ["a2 00"], events: [], error: RSV2 },
  { name: "RSV3", ...client, bytes: ["92 00"], events: [], error: RSV2 },
  {
    name: "a message that begins with opcode 0",
    ...client,
    bytes: ["00 00"],
    events: [],
    error: [OPCODE, "UNEXPECTED_CONTINUATION", 1002],
  },
  ...["01 00", "02 00"].map((second) => ({
    name: `opcode ${second[1]} within a message`,
    ...client,
    bytes: ["01 00", second],
    events: [],
    error: [OPCODE, "EXPECTED_CONTINUATION", 1002] as const,
  })),
  {
    name: "a control frame without FIN",
    ...client,
    bytes: ["09 00"],
    events: [],
    error: ["WS_ERR_EXPECTED_FIN", "FRAGMENTED_CONTROL", 1002],
  },
  {
    name: "no mask, to a server",
    ...server,
    bytes: ["81 02 6869"],
    events: [],
    error: ["WS_ERR_EXPECTED_MASK", "UNMASKED_FRAME", 1002],
  },
  {
    name: "a mask, to a client",
    ...client,
    bytes: ["81 82 563aac80 3e53"],
    events: [],
    error: ["WS_ERR_UNEXPECTED_MASK", "MASKED_FRAME", 1002],
  },
  // ws needs no more than 89 7e for it, this package the whole header.
  { name: "126 bytes in a ping", ...client, bytes: ["89 7e", "007e"], events: [], error: [LENGTH, "CONTROL_TOO_LONG", 1002] },
  {
    name: "2^53 bytes",
    ...client,
    bytes: ["82 7f", "0020000000000000"],
    events: [],
    error: ["WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH", "MESSAGE_TOO_LARGE", 1009],
  },
  { name: "text that is not UTF-8", ...client, bytes: ["81 04 cebae1bd"], events: [], error: UTF8 },
  {
    name: "compressed text that is not UTF-8",
    ...client,
    deflate: true,
    bytes: [frame(0xc1, compressed(bytesOf("cebae1bd")))],
    events: [],
    error: UTF8,
  },
  { name: "half a close code", ...client, bytes: ["88 01 03"], events: [], error: [LENGTH, "CLOSE_LENGTH", 1002] },
  {
    name: "close code 0",
    ...client,
    bytes: ["88 02 0000"],
    events: [],
    error: ["WS_ERR_INVALID_CLOSE_CODE", "CLOSE_CODE", 1002],
  },
  { name: "a close reason that is not UTF-8", ...client, bytes: ["88 06 03ef cebae1bd"], events: [], error: UTF8 },
  {
    name: "a frame larger than the limit",
    ...server,
    maxPayload: 20 * 1024,
    bytes: [frame(0x82, some(204_800), KEY)],
    events: [],
    error: [LARGE, "MESSAGE_TOO_LARGE", 1009],
  },
  {
    name: "a compressed message larger than the limit",
    ...client,
    deflate: true,
    maxPayload: 25,
    bytes: [frame(0xc1, compressed(text(50)))],
    events: [],
    error: [LARGE, "MESSAGE_TOO_LARGE", 1009],
  },
  {
    name: "compressed fragments larger than the limit in all",
    ...client,
    deflate: true,
    maxPayload: 25,
    bytes: [
      frame(0x41, Buffer.concat([compressed(text(15)), bytesOf("0000ffff")])),
      frame(0x80, compressed(text(15))),
    ],
    events: [],
    error: [LARGE, "MESSAGE_TOO_LARGE", 1009],
  },
  {
    name: "three fragments of two",
    ...client,
    maxFragments: 2,
    bytes: ["02 01 61 00 01 62 00 01 63"],
    events: [],
    error: MANY,
  },
  {
    name: "three fragments of two, some of them empty",
    ...client,
    maxFragments: 2,
    bytes: ["02 01 00", "00 00", "00 00"],
    events: [],
    error: MANY,
  },
];

function chunks({ bytes }: Case): Uint8Array[] {
  return bytes.map((chunk) => (typeof chunk === "string" ? bytesOf(chunk) : chunk));
}

for (const one of cases) {
  const { name, role, events, error, deflate, maxPayload, maxFragments } = one;
  test(`receiver: ${name}`, () => {
    const session = new Session({
      role,
      ...(deflate ? { deflate: {} } : {}),
      ...(maxPayload === undefined ? {} : { maxMessage: maxPayload }),
      ...(maxFragments === undefined ? {} : { maxFragments }),
    });
    const found: string[] = [];
    let fault: unknown;
    try {
      for (const chunk of chunks(one)) {
        for (const event of session.receive(chunk)) {
          if (event.type === "close") found.push(`close ${event.closeCode} ${event.text()}`);
          else if (event.type === "binary") found.push(binary(event.bytes()));
          else found.push(`${event.type} ${event.text()}`);
        }
      }
    } catch (thrown) {
      fault = thrown;
    }
    assert.deepEqual(found, events);
    if (error === undefined) return assert.equal(fault, undefined);
    const [, code, close] = error;
    assert.ok(fault instanceof WscodecError, String(fault));
    assert.equal(fault.code, code);
    assert.equal(fault.closeCode, close);
    // And the peer is told: the close frame is what waits to be sent.
    const other = role === "client" ? "server" : "client";
    const told = new MessageDecoder({ role: other }).push(session.take());
    assert.ok(told.next());
    assert.equal(told.closeCode, close);
  });
}

const require = createRequire(import.meta.url);

test("ws finds the same in all of these", async () => {
  const lib = join(dirname(require.resolve("ws/package.json")), "lib");
  const Receiver = require(join(lib, "receiver.js"));
  const PerMessageDeflate = require(join(lib, "permessage-deflate.js"));
  for (const one of cases) {
    const { name, role, events, error, deflate, maxPayload = 0, maxFragments = 0 } = one;
    const extension = new PerMessageDeflate({ isServer: role === "server", maxPayload });
    extension.accept([{}]);
    const receiver = new Receiver({
      isServer: role === "server",
      maxPayload,
      maxFragments,
      extensions: deflate ? { "permessage-deflate": extension } : {},
    });
    const found: string[] = [];
    receiver.on("message", (data: Buffer, isBinary: boolean) =>
      found.push(isBinary ? binary(data) : `text ${data}`),
    );
    receiver.on("ping", (data: Buffer) => found.push(`ping ${data}`));
    receiver.on("conclude", (code: number, reason: Buffer) => found.push(`close ${code} ${reason}`));
    const ended = new Promise<{ code?: string } | undefined>((resolve) => {
      receiver.on("error", resolve);
      receiver.on("finish", () => resolve(undefined));
    });
    for (const chunk of chunks(one)) receiver.write(Buffer.from(chunk));
    receiver.end();
    const fault = await ended;
    assert.equal(fault?.code, error?.[0], name);
    assert.deepEqual(found, events, name);
  }
});

test("sender: what it is given stays as it is", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5);
  new MessageEncoder({ role: "client" }).binary(bytes);
  assert.deepEqual([...bytes], [1, 2, 3, 4, 5]);
});

test("sender: RSV1 as asked for", () => {
  const frame = new MessageEncoder({ role: "server" }).frame({ opcode: 1, rsv: 4 }, "hi").take();
  assert.equal((frame[0] as number) & 0x40, 0x40);
});

const hi = Uint8Array.of(0x68, 0x69);

test("sender: data of all kinds is compressed", () => {
  const encoder = new MessageEncoder({ role: "server", deflate: { threshold: 0 } });
  for (const data of [hi.buffer, hi]) assert.equal((encoder.binary(data).take()[0] as number) & 0x40, 0x40);
  assert.equal((encoder.text("hi").take()[0] as number) & 0x40, 0x40);
});

test("sender: small messages are not", () => {
  const encoder = new MessageEncoder({ role: "server", deflate: {} });
  assert.equal((encoder.text("hi").take()[0] as number) & 0x40, 0);
});

test("sender: of a message in fragments all are, and the first says so", () => {
  for (const [first, last] of [["123", "12"], ["", "data"], ["data", ""]] as const) {
    const encoder = new MessageEncoder({ role: "server", deflate: { threshold: 3 } });
    const begun = encoder.begin("text", first).take();
    const rest = encoder.finish(last).take();
    assert.equal(begun[0], 0x41);
    assert.equal(rest[0], 0x80);
    const decoder = new MessageDecoder({ role: "client", deflate: {} });
    decoder.push(begun).push(rest);
    assert.ok(decoder.next());
    assert.equal(decoder.text(), first + last);
  }
});

test("sender: pings and pongs of all kinds of data, between compressed messages", () => {
  const encoder = new MessageEncoder({ role: "server", deflate: { threshold: 0 } });
  encoder.text("foo").take();
  for (const data of [hi.buffer, hi, "hi"]) {
    assert.deepEqual([...encoder.ping(data).take()], [0x89, 2, 0x68, 0x69]);
    assert.deepEqual([...encoder.pong(data).take()], [0x8a, 2, 0x68, 0x69]);
  }
});

test("sender: what was sent before a close frame comes before it", () => {
  const encoder = new MessageEncoder({ role: "server", deflate: { threshold: 0 } });
  const bytes = encoder.text("foo").text("bar").text("baz").close(1000).take();
  const decoder = new MessageDecoder({ role: "client", deflate: {} }).push(bytes);
  const found = Array.from(decoder, ({ type }) => `${type} ${decoder.text()}`);
  assert.deepEqual(found, ["text foo", "text bar", "text baz", "close "]);
});
