// The options of decoders and encoders, and the table of errors.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  acceptDeflate,
  Compressor,
  Connect,
  type DecoderOptions,
  Decompressor,
  DeflateOffer,
  MessageEncoder,
  type ErrorGroup,
  errorTable,
  FrameDecoder,
  HandshakeError,
  LimitError,
  MessageDecoder,
  MisuseError,
  observe,
  PeerError,
  Prepared,
  reject,
  Session,
  simd,
  Upgrade,
  ClientRequest,
  UpgradeRequest,
  UpgradeRequestReader,
  UpgradeResponse,
  UpgradeResponseReader,
  WscodecError,
} from "wscodec";

import { bytesOf } from "./codec-harness.ts";

const HEADERS = {
  host: "a",
  upgrade: "websocket",
  connection: "Upgrade",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

const makers = [
  (options: DecoderOptions) => new MessageDecoder(options),
  (options: DecoderOptions) => new FrameDecoder(options),
];

/** The code of the error that these bytes are, if they are one. */
function errorCode(
  decoder: MessageDecoder | FrameDecoder,
  bytes: Uint8Array,
): string | undefined {
  try {
    decoder.push(bytes);
    while (decoder.next());
    return undefined;
  } catch (error) {
    assert.ok(error instanceof WscodecError);
    return error.code;
  }
}

test("a role has to be given", () => {
  for (const role of [undefined, null, "", "Server", "peer", 1]) {
    const options = { role } as unknown as DecoderOptions;
    for (const make of [...makers, (wrong: DecoderOptions) => new MessageEncoder(wrong)]) {
      assert.throws(() => make(options), { name: "TypeError", message: /role/ }, `${role}`);
    }
  }
});

test("numbers have to be whole and in range", () => {
  const names: [keyof DecoderOptions, number][] = [
    ["maxFrame", Number.MAX_SAFE_INTEGER],
    ["maxMessage", Number.MAX_SAFE_INTEGER],
    ["maxFragments", 2 ** 32 - 1],
    ["rsv", 7],
    ["offset", Number.MAX_SAFE_INTEGER],
  ];
  for (const make of makers) {
    for (const [name, most] of names) {
      for (const value of [0, 1, most]) make({ role: "client", [name]: value }).free();
      for (const value of [-1, 0.5, most + 1, Number.NaN, Number.POSITIVE_INFINITY, "5", null]) {
        const options = { role: "client", [name]: value } as DecoderOptions;
        const named = { name: "RangeError", message: new RegExp(name) };
        assert.throws(() => make(options), named, `${name}: ${value}`);
      }
    }
  }
});

test("the defaults", () => {
  const at = (length: number) => {
    const bytes = new Uint8Array(10);
    bytes.set([0x82, 0x7f]);
    new DataView(bytes.buffer).setBigUint64(2, BigInt(length));
    return bytes;
  };
  for (const make of makers) {
    const role = "client";
    assert.equal(errorCode(make({ role }), at(64 * 2 ** 20)), undefined);
    assert.equal(errorCode(make({ role }), at(64 * 2 ** 20 + 1)), "MESSAGE_TOO_LARGE");
    const maxFrame = 2 ** 30;
    assert.equal(errorCode(make({ role, maxFrame }), at(2 ** 27)), "MESSAGE_TOO_LARGE");
    const maxMessage = 2 ** 30;
    assert.equal(errorCode(make({ role, maxFrame, maxMessage }), at(2 ** 30)), undefined);
    assert.equal(errorCode(make({ role, maxMessage }), at(2 ** 30)), undefined);
    assert.equal(errorCode(make({ role, maxMessage }), at(2 ** 30 + 1)), "MESSAGE_TOO_LARGE");
    assert.equal(errorCode(make({ role, maxFrame: 10, maxMessage }), at(2 ** 20)), "FRAME_TOO_LARGE");
    assert.equal(errorCode(make({ role }), bytesOf("c1 00")), "RESERVED_BITS");
    const most = bytesOf(["01 00", "0000*131070", "80 00"]);
    assert.equal(errorCode(make({ role }), most), undefined);
    const more = bytesOf(["01 00", "0000*131071", "80 00"]);
    assert.equal(errorCode(make({ role }), more), "TOO_MANY_FRAGMENTS");
  }
});

test("names that no option has are errors, and so are wrong values of those that have one", () => {
  const role = "server";
  const request = () => UpgradeRequest.from({ method: "GET", url: "/", headers: HEADERS });
  const reply = UpgradeResponse.parse(request().accept());
  assert.ok(reply);
  const entries: Record<string, [make: (options: never) => unknown, wrong: object]> = {
    MessageDecoder: [(more: object) => new MessageDecoder({ role, ...more }), { pieces: "yes" }],
    FrameDecoder: [(more: object) => new FrameDecoder({ role, ...more }), { rsv: "4" }],
    MessageEncoder: [(more: object) => new MessageEncoder({ role, ...more }), { maskKey: 5 }],
    Session: [(more: object) => new Session({ role, ...more }), { heartbeat: "30s" }],
    Compressor: [(options) => new Compressor(options), { level: 99 }],
    Decompressor: [(options) => new Decompressor(options), { receive: 15 }],
    "Decompressor's limits": [(limits) => new Decompressor({}, limits), { maxMessage: "1M" }],
    Prepared: [(options) => new Prepared("text", options), { deflate: true }],
    "Prepared's deflate": [(deflate) => new Prepared("text", { deflate }), { level: 0 }],
    acceptDeflate: [(options) => acceptDeflate("permessage-deflate", options), { send: { windowBits: 7 } }],
    DeflateOffer: [(options) => new DeflateOffer(options), { dedicated: 1 }],
    "a decoder's deflate": [(deflate) => new MessageDecoder({ role, deflate }), { historyBits: 16 }],
    "UpgradeRequest.parse": [(limits) => UpgradeRequest.parse(new Uint8Array(0), limits), { maxHead: "16K" }],
    UpgradeRequestReader: [(limits) => new UpgradeRequestReader(limits), { maxHeaders: 129 }],
    UpgradeResponseReader: [(limits) => new UpgradeResponseReader(undefined, limits), { maxHead: -1 }],
    ClientRequest: [(more: object) => new ClientRequest({ host: "a", ...more }), { protocols: "chat" }],
    Connect: [(more: object) => new Connect({ host: "a", ...more }), { headers: new Error("no") }],
    Upgrade: [(policy) => new Upgrade(request(), policy), { origin: "https://a.example" }],
    "Upgrade.session": [(options) => new Upgrade(request()).session(options), { closeTimeout: "1" }],
    accept: [(options) => request().accept(options), { protocol: 5 }],
    reject: [(options) => reject(403, options), { body: 5 }],
    observe: [(options) => observe(undefined, reply, options), { maxFragments: "5" }],
  };
  for (const [entry, [make, wrong]] of Object.entries(entries)) {
    make({} as never);
    for (const name of ["maxPayload", "Level", "constructor", "toString"]) {
      const message = new RegExp(`there is no option "${name}"`);
      assert.throws(() => make({ [name]: 5 } as never), { name: "TypeError", message }, `${entry}: ${name}`);
    }
    const [name = ""] = Object.keys(wrong);
    const named = { name: /^(Type|Range)Error$/, message: new RegExp(name) };
    assert.throws(() => make(wrong as never), named, `${entry}: ${name}`);
    // An option of undefined is one that is not given.
    make({ [name]: undefined } as never);
  }
});

test("a higher limit of the message is enough", () => {
  const length = 65 * 2 ** 20;
  // The header is enough to tell, and a worker has no memory for such a message.
  const bytes = new Uint8Array(10);
  bytes.set([0x82, 0x7f]);
  new DataView(bytes.buffer).setBigUint64(2, BigInt(length));
  const limits = { role: "client", maxMessage: length } as const;
  const messages = new MessageDecoder(limits);
  messages.push(bytes);
  assert.ok(!messages.next() && messages.inMessage);
  const session = new Session(limits);
  assert.equal(session.receive(bytes).next(), undefined);
  assert.ok(session.inMessage);
  for (const made of [messages, session]) made.free();
  for (const [options, code] of [
    [{ ...limits, maxFrame: length - 1 }, "FRAME_TOO_LARGE"],
    [{ ...limits, maxMessage: length - 1 }, "MESSAGE_TOO_LARGE"],
  ] as const) {
    assert.equal(errorCode(new MessageDecoder(options), bytes), code);
  }
});

test("each decoder has its own limits", () => {
  const small = new MessageDecoder({ role: "client", maxMessage: 1 });
  const large = new MessageDecoder({ role: "client" });
  const bytes = bytesOf("82 02 0102");
  assert.equal(errorCode(small, bytes), "MESSAGE_TOO_LARGE");
  assert.equal(errorCode(large, bytes), undefined);
});

test("places are told as they are asked for", () => {
  const messages = new MessageDecoder({ role: "client", offset: 1000 });
  const frames = new FrameDecoder({ role: "client", offset: 1000 });
  const bytes = bytesOf("89 00 81 05 4865");
  messages.push(bytes);
  frames.push(bytes);
  assert.equal(messages.offset, 1006);
  assert.equal(frames.consumed, 1006);
  assert.equal(frames.frameOffset, 1002);
  assert.throws(() => messages.end(), { code: "UNEXPECTED_EOF", closeCode: 1006, offset: 1006 });
  assert.throws(() => frames.end(), { code: "UNEXPECTED_EOF", closeCode: 1006, offset: 1006 });
});

test("the table of errors", () => {
  const table = errorTable();
  const codes = table.map(({ code }) => code);
  assert.equal(new Set(codes).size, codes.length, "codes are distinct");
  for (const { group, code, closeCode, status, message } of table) {
    assert.match(code, /^[A-Z0-9_]+$/);
    assert.ok(message.length > 10, code);
    switch (group) {
      case "PeerError":
        assert.ok([1002, 1006, 1007].includes(closeCode as number), code);
        assert.equal(status, undefined, code);
        break;
      case "LimitError":
        assert.ok((closeCode === undefined) !== (status === undefined), code);
        if (status !== undefined) assert.ok(status >= 400 && status < 600, code);
        else assert.ok([1001, 1006, 1008, 1009, 1013].includes(closeCode as number), code);
        break;
      case "HandshakeError":
        assert.equal(closeCode, undefined, code);
        assert.ok(status === undefined || (status >= 400 && status < 500), code);
        break;
      default:
        assert.equal(group, "MisuseError", code);
        // A handler that fails is the only misuse that ends a connection.
        assert.equal(closeCode ?? status, code === "HANDLER_FAILED" ? 1011 : undefined, code);
    }
  }
});

test("the classes of errors", () => {
  const row = { closeCode: 1002, status: undefined, message: "words" };
  for (const Class of [PeerError, HandshakeError, LimitError, MisuseError]) {
    const { name: group } = Class as unknown as { name: ErrorGroup };
    const error = new Class({ ...row, group, code: "CLOSE_CODE" }, 7);
    assert.ok(error instanceof WscodecError && error instanceof Error);
    assert.equal(error.name, Class.name);
    assert.equal(error.message, "words (at byte 7)");
    const { code, closeCode, status, offset } = error;
    assert.deepEqual([code, closeCode, status, offset], ["CLOSE_CODE", 1002, undefined, 7]);
    // The engine decides about the first line of a stack.
    if (!("Bun" in globalThis)) assert.match(String(error.stack), new RegExp(Class.name));
  }
  assert.equal(new PeerError({ ...row, group: "PeerError", code: "CLOSE_CODE" }).message, "words");
});

test("the module has SIMD, as published", () => {
  assert.equal(simd(), true);
});
