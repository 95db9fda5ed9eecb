/** The server's side: requests read, answers written. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  acceptKey,
  HandshakeError,
  LimitError,
  MessageDecoder,
  MisuseError,
  rejection,
  reject,
  Upgrade,
  UpgradeRequest,
  UpgradeResponse,
} from "wscodec";

import {
  ACCEPT,
  bytes,
  head,
  KEY,
  request as parse,
  REQUEST,
  RESPONSE,
  text,
  thrown,
} from "./handshake-heads.ts";

test("a rejection can be the first thing that is asked for", () => {
  assert.match(text(reject(404)), /^HTTP\/1\.1 404 Not Found\r\n/);
});

test("a request gives what it asks for", () => {
  const request = parse({
    "": "oRIGIN: https://example.com",
    p1: "Sec-WebSocket-Protocol: chat ,, v2",
    p2: "sec-websocket-protocol: v1",
    e1: 'Sec-WebSocket-Extensions: x; a="1\\0" ; b=2; c, y',
    x: "X-Odd: \t caf\xe9 \x80\xff\xa0\t ",
  });
  assert.equal(request.target, "/chat?room=1");
  assert.deepEqual([request.path, request.query], ["/chat", "room=1"]);
  assert.equal(request.pathAndQuery, "/chat?room=1");
  assert.equal(request.host, "example.com:8080");
  assert.equal(request.origin, "https://example.com");
  assert.equal(request.key, KEY);
  assert.deepEqual(request.protocols, ["chat", "v2", "v1"]);
  assert.equal(request.selectProtocol(["v1", "v2"]), "v2");
  assert.equal(request.selectProtocol(["v3"]), undefined);
  assert.deepEqual(request.extensions, [
    {
      name: "x",
      params: [
        { name: "a", value: "10" },
        { name: "b", value: "2" },
        { name: "c", value: undefined },
      ],
    },
    { name: "y", params: [] },
  ]);
  assert.equal(request.header("x-odd"), "caf\xe9 \x80\xff\xa0");
  for (const name of ["__proto__", "", "Hos", "Host: example.com", "GET /chat?room=1 HTTP/1.1"]) {
    assert.equal(request.header(name), undefined);
  }
  for (const [name, value] of parse().headers) {
    assert.equal(parse().header(name.toUpperCase()), value);
  }
  assert.equal(request.headers.length, REQUEST.length - 1 + 5);
  assert.deepEqual(request.headers[0], ["Host", "example.com:8080"]);
  assert.equal(parse().origin, undefined);
  assert.deepEqual([parse().protocols, parse().extensions], [[], []]);
});

test("absolute targets lose scheme and authority", () => {
  for (const [target, path = ""] of [
    ["http://example.com/a?b", "/a?b"],
    ["HTTPS://example.com", "/"],
    ["ws://example.com?a", "/?a"],
    ["ws://example.com?a=b/c", "/?a=b/c"],
    ["ws://example.com/?a", "/?a"],
    ["/?a=ws://b/c", "/?a=ws://b/c"],
    ["/a//b?c=://d", "/a//b?c=://d"],
  ]) {
    const request = parse({ GET: `GET ${target} HTTP/1.1` });
    assert.deepEqual([request.target, request.pathAndQuery], [target, path]);
    const [before, query] = path.split("?", 2);
    assert.deepEqual([request.path, request.query], [before, query]);
  }
});

test("the authority of an absolute target is the host", () => {
  for (const [target, host] of [
    ["ws://a.example/b", "a.example"],
    ["http://a.example:81?b", "a.example:81"],
    ["WSS://[::1]:9", "[::1]:9"],
    ["/", "example.com:8080"],
  ]) {
    const request = parse({ GET: `GET ${target} HTTP/1.1`, "": `Origin: http://${host}` });
    assert.equal(request.host, host);
    request.checkOrigin("same-host");
    assert.equal(UpgradeRequest.from({ url: target, headers: request.headers }).host, host);
  }
});

test("a host is a name or an address with a port", () => {
  for (const host of ["[::1]:80", "[::1]", "localhost:", "a_b.example", "192.0.2.1:8080"]) {
    assert.equal(parse({ Host: `Host: ${host}` }).host, host);
  }
  for (const host of ["", "[::1", "::1", "a:b:c", ":80", "a:65536", "a b", "user@a"]) {
    const { code, status } = thrown(() => parse({ Host: `Host: ${host}` }));
    assert.deepEqual([code, status], ["HOST", 400], host);
  }
});

// A page of evil.example, whose name now has this server's address: host and origin agree.
test("allowed hosts defend against DNS rebinding", () => {
  const rebound = parse({ Host: "Host: evil.example", "": "Origin: http://evil.example" });
  assert.equal(new Upgrade(rebound).protocol, undefined);
  const allowedHosts = ["localhost", "127.0.0.1:9001"];
  for (const list of [allowedHosts, []]) {
    const error = thrown(() => new Upgrade(rebound, { allowedHosts: list }));
    assert.deepEqual([error.code, error.status], ["HOST_NOT_ALLOWED", 421]);
    assert.match(text(rejection(error)), /^HTTP\/1\.1 421 Misdirected Request\r\n/);
  }
  for (const [host, allowed] of [
    ["localhost", true],
    ["LOCALHOST:8080", true],
    ["127.0.0.1:9001", true],
    ["127.0.0.1:9002", false],
    ["localhost.evil.example", false],
  ] as const) {
    const check = () => parse({ Host: `Host: ${host}` }).checkHost(allowedHosts);
    if (allowed) check();
    else assert.equal(thrown(check).code, "HOST_NOT_ALLOWED", host);
  }
});

test("frames behind a head are left alone", () => {
  const frame = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
  const input = bytes(head(REQUEST) + frame.repeat(2000));
  const request = UpgradeRequest.parse(input) as UpgradeRequest;
  assert.equal(request.headLength, head(REQUEST).length);
  const decoder = new MessageDecoder({ role: "server" });
  let count = 0;
  decoder.push(input.subarray(request.headLength));
  while (decoder.next()) {
    // The decoders' memory is not the handshake's.
    if (count++ === 0) request.accept();
    assert.equal(decoder.text(), "Hello");
  }
  assert.equal(count, 2000);
});

test("a head is incomplete until its last byte", () => {
  const request = bytes(head(REQUEST));
  const response = bytes(head(RESPONSE));
  for (let end = 0; end < request.length; end++) {
    assert.equal(UpgradeRequest.parse(request.subarray(0, end)), undefined);
  }
  for (let end = 0; end < response.length; end++) {
    assert.equal(UpgradeResponse.parse(response.subarray(0, end)), undefined);
  }
});

test("bytes come in any shape", () => {
  const source = bytes(head(REQUEST));
  const shared = new SharedArrayBuffer(source.length + 3);
  const view = new Uint8Array(shared, 3);
  view.set(source);
  const padded = bytes(`\0\0\0\0${head(REQUEST)}`).buffer;
  for (const input of [
    source.buffer,
    view,
    Buffer.from(source),
    new DataView(padded, 4),
    new DataView(shared, 3),
  ]) {
    const request = UpgradeRequest.parse(input) as UpgradeRequest;
    view.fill(0);
    assert.equal(request.key, KEY, "has memory of its own");
    view.set(source);
  }
});

const faults: [code: string, status: number, changes: Record<string, string>][] = [
  ["MALFORMED_HEAD", 400, { "Host:": "Host : example.com" }],
  ["MALFORMED_HEAD", 400, { "": "X: a\nb" }],
  ["MALFORMED_HEAD", 400, { GET: "GET * HTTP/1.1" }],
  ["METHOD", 405, { GET: "POST / HTTP/1.1" }],
  ["HTTP_VERSION", 400, { GET: "GET / HTTP/1.0" }],
  ["HTTP_VERSION", 400, { GET: "GET / HTTP/2.0" }],
  ["HOST", 400, { "Host:": "" }],
  ["HOST", 400, { "": "Host: example.org" }],
  ["UPGRADE_HEADER", 400, { "Upgrade:": "Upgrade: h2c" }],
  ["CONNECTION_HEADER", 400, { "Connection:": "Connection: close" }],
  ["VERSION", 426, { "Sec-WebSocket-Version": "Sec-WebSocket-Version: 8" }],
  ["KEY", 400, { "Sec-WebSocket-Key": "Sec-WebSocket-Key: short" }],
  ["BODY", 400, { "": "Content-Length: 1" }],
  ["PROTOCOL_HEADER", 400, { "": "Sec-WebSocket-Protocol: a, a" }],
  ["EXTENSIONS_HEADER", 400, { "": "Sec-WebSocket-Extensions: a;" }],
];

for (const [code, status, changes] of faults) {
  test(`${code} is thrown, and rejected with ${status}: ${Object.values(changes)}`, () => {
    const error = thrown(() => parse(changes));
    assert.ok(error instanceof HandshakeError);
    assert.deepEqual([error.code, error.status], [code, status]);
    assert.equal(typeof error.offset, "number");
    const sent = text(rejection(error));
    assert.ok(sent.startsWith(`HTTP/1.1 ${status} `));
    const [, message = ""] = sent.split("\r\n\r\n");
    assert.ok(error.message.startsWith(message) && message !== "");
    assert.equal(sent.includes("\r\nSec-WebSocket-Version: 13\r\n"), status === 426);
    assert.equal(sent.includes("\r\nAllow: GET\r\n"), status === 405);
    const read = UpgradeResponse.parse(bytes(sent)) as UpgradeResponse;
    assert.deepEqual([read.status, read.accepted], [status, false]);
    assert.equal(read.header("content-length"), String(message.length));
  });
}

test("offsets are those of the line at fault", () => {
  const input = head(REQUEST, { "Sec-WebSocket-Key": "Sec-WebSocket-Key: short" });
  const { offset } = thrown(() => UpgradeRequest.parse(bytes(input)));
  assert.equal(offset, input.indexOf("Sec-WebSocket-Key"));
  assert.equal(thrown(() => UpgradeRequest.parse(bytes("GET / HTTP/1.1\nHost"))).offset, 14);
});

test("limits are kept", () => {
  const length = head(REQUEST).length;
  const input = bytes(head(REQUEST));
  assert.ok(UpgradeRequest.parse(input, { maxHead: length, maxHeaders: REQUEST.length - 1 }));
  for (const [code, limits] of [
    ["HEAD_TOO_LARGE", { maxHead: length - 1 }],
    ["TOO_MANY_HEADERS", { maxHeaders: REQUEST.length - 2 }],
  ] as const) {
    const error = thrown(() => UpgradeRequest.parse(input, limits));
    assert.ok(error instanceof LimitError);
    assert.deepEqual([error.code, error.status], [code, 431]);
    assert.match(text(rejection(error)), /^HTTP\/1\.1 431 /);
  }
  const endless = bytes(`GET / HTTP/1.1\r\nX: ${"x".repeat(100_000)}`);
  assert.equal(thrown(() => UpgradeRequest.parse(endless)).code, "HEAD_TOO_LARGE");
  assert.equal(UpgradeRequest.parse(endless, { maxHead: 2 ** 30 }), undefined);
  assert.equal(thrown(() => UpgradeResponse.parse(endless)).code, "MALFORMED_HEAD");
  for (const limits of [{ maxHead: -1 }, { maxHeaders: 129 }, { maxHead: 1.5 }]) {
    assert.throws(() => UpgradeRequest.parse(input, limits), RangeError);
  }
});

test("accepting answers with the key's other half and what was chosen", () => {
  const request = parse({
    p: "Sec-WebSocket-Protocol: chat, v2",
    e: "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
  });
  const start = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n`;
  const plain = request.accept();
  assert.equal(text(plain), `${start}\r\n`);
  const chosen = request.accept({
    protocol: "v2",
    extensions: "permessage-deflate; server_max_window_bits=10",
    headers: { "Set-Cookie": ["a=1", "b=2"], Absent: undefined },
  });
  assert.equal(
    text(chosen),
    `${start}Sec-WebSocket-Protocol: v2\r\nSec-WebSocket-Extensions: permessage-deflate; ` +
      "server_max_window_bits=10\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n",
  );
  assert.equal(text(plain), `${start}\r\n`, "stays as it was");
  // After the module's memory was used for something else.
  const other = parse({ "Sec-WebSocket-Key": "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==" });
  assert.equal(text(request.accept({})), `${start}\r\n`);
  assert.equal(text(request.accept({ headers: new Headers({ a: "b" }) })), `${start}a: b\r\n\r\n`);
  assert.ok(!text(other.accept()).includes(ACCEPT));
});

test("answers can't say what was not offered, nor more than they mean", () => {
  const request = parse({
    p: "Sec-WebSocket-Protocol: chat",
    e: "Sec-WebSocket-Extensions: x",
  });
  for (const [code, options] of [
    ["PROTOCOL_NOT_OFFERED", { protocol: "v2" }],
    ["PROTOCOL_NOT_OFFERED", { protocol: "" }],
    ["EXTENSION_NOT_OFFERED", { extensions: "permessage-deflate" }],
    ["RESERVED_HEADER", { headers: { Upgrade: "h2c" } }],
    ["RESERVED_HEADER", { headers: [["sec-websocket-accept", "x"]] as [string, string][] }],
    ["INVALID_HEADER", { extensions: "x;" }],
    ["INVALID_HEADER", { protocol: "chat\nx" }],
    ["INVALID_HEADER", { headers: { "X\r\nSet-Cookie": "a" } }],
    ["INVALID_HEADER", { headers: { "X: a": "b" } }],
    ["INVALID_HEADER", { headers: { "": "b" } }],
    ["INVALID_HEADER", { headers: { X: "a\nSet-Cookie: b" } }],
    ["INVALID_HEADER", { headers: { X: "a\r\nSet-Cookie: b" } }],
    ["INVALID_HEADER", { headers: { X: "a\rb" } }],
    ["INVALID_HEADER", { headers: { X: "a\0" } }],
  ] as const) {
    const error = thrown(() => request.accept(options));
    assert.ok(error instanceof MisuseError);
    assert.equal(error.code, code, JSON.stringify(options));
    assert.equal(error.offset, undefined);
    assert.equal(thrown(() => rejection(error)), error);
  }
  // Truncated to bytes, these would be CR and LF.
  const sent = text(request.accept({ headers: { X: "\u010d\u010a" } }));
  assert.ok(sent.endsWith("\r\nX: \xc4\x8d\xc4\x8a\r\n\r\n"));
});

test("rejections say what they are told to", () => {
  const headers = { "Content-Type": "text/plain", "Retry-After": "30" };
  assert.equal(
    text(parse().reject(503, { headers, body: "full: é" })),
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 8\r\n" +
      "Content-Type: text/plain\r\nRetry-After: 30\r\n\r\nfull: \xc3\xa9",
  );
  const body = new Uint8Array(new SharedArrayBuffer(100_000)).fill(65);
  const sent = reject(400, { reason: "No", body });
  assert.equal(text(sent.subarray(0, 17)), "HTTP/1.1 400 No\r\n");
  assert.deepEqual(sent.subarray(-body.length), new Uint8Array(body));
  for (const [code, status, options] of [
    ["REJECTION_STATUS", 200, {}],
    ["REJECTION_STATUS", 101, {}],
    ["REJECTION_STATUS", 600, {}],
    ["INVALID_HEADER", 400, { reason: "a\r\nb" }],
    ["RESERVED_HEADER", 400, { headers: { "Content-Length": "1" } }],
  ] as const) {
    assert.equal(thrown(() => reject(status, options)).code, code);
  }
  assert.throws(() => reject(400.5), RangeError);
  const mine = new Error("x");
  assert.throws(() => rejection(mine), mine);
});

test("origins are held against a policy", () => {
  const from = (origin: string) => parse({ "": `Origin: ${origin}` });
  parse().checkOrigin([]);
  from("http://example.com:8080").checkOrigin("same-host");
  from("HTTPS://Example.com").checkOrigin(["https://other.example", "https://example.com"]);
  for (const [request, allowed] of [
    [from("http://example.com"), "same-host"],
    [from("https://evil.example"), ["https://example.com"]],
    [from("https://evil.example"), []],
    [from(""), []],
    [from("null"), "same-host"],
  ] as const) {
    const error = thrown(() => request.checkOrigin(allowed));
    assert.deepEqual([error.code, error.status], ["ORIGIN", 403]);
    assert.equal(error.offset, head(REQUEST).length - 2);
  }
});

test("an accept key is that of RFC 6455 section 1.3", () => {
  assert.equal(acceptKey(KEY), ACCEPT);
  assert.equal(acceptKey(""), "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w=");
});
