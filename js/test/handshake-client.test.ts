/** The client's side: requests written, answers read, and both of the recorded heads. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { HandshakeError, MisuseError, ClientRequest, UpgradeRequest, UpgradeResponse } from "wscodec";

import { bytes, head, KEY, request as parse, RESPONSE, text, thrown } from "./handshake-heads.ts";
import { recordings } from "./inspect-harness.ts";

const answer = (changes?: Record<string, string>, expected?: UpgradeRequest) =>
  UpgradeResponse.parse(bytes(head(RESPONSE, changes)), expected) as UpgradeResponse;

test("an answer gives what was agreed on", () => {
  const request = parse({
    p: "Sec-WebSocket-Protocol: chat, v2",
    e: "Sec-WebSocket-Extensions: x, y",
  });
  const response = answer(
    { p: "Sec-WebSocket-Protocol: v2", e: "Sec-WebSocket-Extensions: y; a=1", s: "S: 1" },
    request,
  );
  assert.deepEqual([response.status, response.accepted], [101, true]);
  assert.equal(response.reason, "Switching Protocols");
  assert.equal(response.protocol, "v2");
  assert.deepEqual(response.extensions, [{ name: "y", params: [{ name: "a", value: "1" }] }]);
  assert.equal(response.header("S"), "1");
  const short = UpgradeResponse.parse(bytes("HTTP/1.1 404\r\nA: b\r\n\r\nbody")) as UpgradeResponse;
  assert.deepEqual([short.status, short.reason, short.accepted], [404, "", false]);
  assert.equal(short.headLength, 22);
  // These headers mean nothing in a rejection, so they are not checked and not handed out.
  const rejected = answer({ HTTP: "HTTP/1.1 400 Bad", e: "Sec-WebSocket-Extensions: ;;=" }, request);
  assert.deepEqual([rejected.protocol, rejected.extensions], [undefined, []]);
  assert.equal(rejected.header("sec-websocket-extensions"), ";;=");
});

test("answers that can't be are rejected", () => {
  const request = parse({ p: "Sec-WebSocket-Protocol: chat", e: "Sec-WebSocket-Extensions: x" });
  for (const [code, changes] of [
    ["UPGRADE_HEADER", { "Upgrade:": "Upgrade: websocket, h2c" }],
    ["CONNECTION_HEADER", { "Connection:": "" }],
    ["HTTP_VERSION", { HTTP: "HTTP/1.0 101 OK" }],
    ["ACCEPT", { "Sec-WebSocket-Accept": "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=" }],
    ["UNOFFERED_PROTOCOL", { "": "Sec-WebSocket-Protocol: v2" }],
    ["UNOFFERED_EXTENSION", { "": "Sec-WebSocket-Extensions: y" }],
    ["PROTOCOL_HEADER", { "": "Sec-WebSocket-Protocol: chat, v2" }],
    ["EXTENSIONS_HEADER", { "": "Sec-WebSocket-Extensions: x;" }],
  ] as [string, Record<string, string>][]) {
    const error = thrown(() => answer(changes, request));
    assert.ok(error instanceof HandshakeError);
    assert.deepEqual([error.code, typeof error.offset], [code, "number"]);
    const known = /^(ACCEPT|UNOFFERED_.*)$/.test(code);
    if (known) assert.ok(answer(changes), "can't be known without the request");
    else assert.equal(thrown(() => answer(changes)).code, code);
  }
  assert.equal(thrown(() => answer({ HTTP: "HTTP/1.1 1O1 OK" })).code, "MALFORMED_HEAD");
});

test("what is expected must be what can be asked for", () => {
  const input = bytes(head(RESPONSE));
  for (const expected of [
    { key: "short" },
    { key: `${KEY}\r\nX: y` },
    { key: KEY, protocols: ["a b"] },
    { key: KEY, protocols: ["a", "a"] },
    { key: KEY, extensions: ["a;"] },
    { key: KEY, extensions: ["a\r\nX: y"] },
  ]) {
    assert.equal(thrown(() => UpgradeResponse.parse(input, expected)).code, "INVALID_HEADER");
  }
  assert.ok(UpgradeResponse.parse(input, { key: KEY, protocols: [], extensions: ["x"] }));
});

test("an offer is what a server takes, and checks what it says", () => {
  const offer = new ClientRequest({
    host: "example.com:8080",
    path: "/chat?room=1",
    origin: "https://example.com",
    protocols: ["v2", "v1"],
    extensions: "permessage-deflate; client_max_window_bits, x",
    headers: { Cookie: "a=1" },
    key: KEY,
  });
  const request = UpgradeRequest.parse(offer.bytes) as UpgradeRequest;
  assert.equal(request.headLength, offer.bytes.length);
  assert.deepEqual([request.host, request.pathAndQuery], ["example.com:8080", "/chat?room=1"]);
  assert.deepEqual([request.key, offer.key], [KEY, KEY]);
  assert.deepEqual([request.protocols, offer.protocols], [["v2", "v1"], ["v2", "v1"]]);
  assert.deepEqual(offer.extensions, ["permessage-deflate", "x"]);
  assert.deepEqual([request.origin, request.header("cookie")], ["https://example.com", "a=1"]);
  const response = offer.check(request.accept({ protocol: "v1", extensions: "x" }));
  assert.deepEqual([response?.accepted, response?.protocol], [true, "v1"]);
  assert.equal(offer.check(request.reject(403))?.accepted, false);
  assert.equal(offer.check(request.accept().subarray(0, -1)), undefined);

  const other = new ClientRequest({ host: "example.com" });
  assert.notEqual(other.key, new ClientRequest({ host: "example.com" }).key);
  assert.equal(parseOffer(other).path, "/");
  assert.equal(thrown(() => other.check(request.accept())).code, "ACCEPT");
});

const parseOffer = (offer: ClientRequest) => UpgradeRequest.parse(offer.bytes) as UpgradeRequest;

test("an offer of what can't be sent is rejected", () => {
  const host = "example.com";
  for (const [code, options] of [
    ["INVALID_HEADER", { host: "a b" }],
    ["INVALID_HEADER", { host: "" }],
    ["INVALID_HEADER", { host: "a\r\nX: y" }],
    ["INVALID_HEADER", { host: "a\n/x" }],
    ["INVALID_HEADER", { host, path: "/ HTTP/1.1\r\nX: y" }],
    ["INVALID_HEADER", { host, path: "chat" }],
    ["INVALID_HEADER", { host, protocols: ["a", "a"] }],
    ["INVALID_HEADER", { host, protocols: ["a, b"] }],
    ["INVALID_HEADER", { host, protocols: [""] }],
    ["INVALID_HEADER", { host, extensions: "x;" }],
    ["INVALID_HEADER", { host, origin: "a\r\nb" }],
    ["INVALID_HEADER", { host, headers: { X: "a\r\nb" } }],
    ["RESERVED_HEADER", { host, headers: { Host: "b" } }],
    ["INVALID_KEY", { host, key: "short" }],
    ["INVALID_KEY", { host, key: "dGhlIHNhbXBsZSBub25jZR==" }],
  ] as const) {
    const error = thrown(() => new ClientRequest(options));
    assert.ok(error instanceof MisuseError);
    assert.equal(error.code, code, JSON.stringify(options));
  }
});

/** Two of the recordings are of requests that no server may accept. */
const unacceptable: Record<string, string> = {
  "refused-426": "UPGRADE_HEADER",
  "refused-version": "VERSION",
};

for (const { name, c2s, s2c, expected } of recordings()) {
  test(`${name}: the heads are what another decoder sees`, () => {
    const code = unacceptable[name];
    if (code !== undefined) {
      assert.equal(thrown(() => UpgradeRequest.parse(c2s)).code, code);
    }
    const request = code === undefined ? UpgradeRequest.parse(c2s) : undefined;
    if (request !== undefined) {
      assert.equal(request.headLength, expected.c2s.head);
      assert.equal(`GET ${request.target} HTTP/1.1`, expected.requestLine);
    }
    const response = UpgradeResponse.parse(s2c, request) as UpgradeResponse;
    assert.equal(response.headLength, expected.s2c.head);
    assert.equal(response.status, expected.status);
    assert.equal(response.protocol ?? null, expected.protocol);
    const extensions = response.extensions.map(({ name, params }) =>
      [name, ...params.map(({ name, value }) => (value === undefined ? name : `${name}=${value}`))]
        .join("; "),
    );
    assert.equal(extensions.join(", "), expected.extensions ?? "");
    if (expected.status === 101) {
      const key = response.header("sec-websocket-accept") as string;
      assert.ok(text(request?.accept() as Uint8Array).includes(key));
    }
  });
}
