/** Requests that a runtime has parsed, and handshakes with another implementation. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, request } from "node:http";
import { type AddressInfo, connect, createServer as listen, type Socket } from "node:net";
import { test } from "node:test";

import {
  MessageEncoder,
  MessageDecoder,
  rejection,
  ClientRequest,
  UpgradeRequestReader,
  UpgradeRequest,
  UpgradeResponse,
  UpgradeResponseReader,
} from "wscodec";
import WebSocket, { WebSocketServer } from "ws";

import { ACCEPT, head, KEY, REQUEST, text, thrown } from "./handshake-heads.ts";

const pairs = REQUEST.slice(1).map((line) => line.split(": ") as [string, string]);
const like = (changes = {}) => ({ method: "GET", url: "/chat", headers: pairs, ...changes });

test("a request comes in many shapes", () => {
  const url = "https://example.com:8080/chat?a=1";
  const withoutHost = pairs.filter(([name]) => name !== "Host");
  for (const request of [
    like(),
    like({ headers: Object.fromEntries(pairs) }),
    like({ headers: Object.fromEntries(pairs.map(([name, value]) => [name, [value]])) }),
    like({ headers: new Map(pairs) }),
    like({ headers: new Headers(pairs) }),
    like({ headers: {}, rawHeaders: pairs.flat(), httpVersion: "1.1" }),
    like({ url, headers: new Headers(withoutHost) }),
    new Request(url, { headers: withoutHost }),
    like({ url: "wss://example.com:8080?a=1", headers: withoutHost }),
  ]) {
    const upgrade = UpgradeRequest.from(request);
    assert.equal(upgrade.host, "example.com:8080");
    assert.equal(upgrade.key, KEY);
    assert.ok(text(upgrade.accept()).includes(ACCEPT));
  }
  assert.equal(UpgradeRequest.from(like({ url })).pathAndQuery, "/chat?a=1");
  const odd = UpgradeRequest.from(like({ headers: [...pairs, ["X", "caf\xe9"]] }));
  assert.equal(odd.header("x"), "caf\xe9");
});

test("a request from elsewhere is judged like any other", () => {
  for (const [code, changes] of [
    ["METHOD", { method: "POST" }],
    ["HOST", { headers: pairs.slice(1) }],
    ["KEY", { headers: [...pairs, ["Sec-WebSocket-Key", KEY]] }],
    ["HTTP_VERSION", { httpVersion: "1.0" }],
    ["HTTP_VERSION", { httpVersion: "2.0" }],
    ["MALFORMED_HEAD", { url: "http://user@example.com/", headers: pairs.slice(1) }],
    ["MALFORMED_HEAD", { url: "*" }],
    ["MALFORMED_HEAD", { url: "/ HTTP/1.1\r\nX: y" }],
    ["MALFORMED_HEAD", { url: "/a b" }],
    ["MALFORMED_HEAD", { url: "/\u{100}" }],
    ["MALFORMED_HEAD", { method: "GET /x" }],
    ["MALFORMED_HEAD", { method: "GET\r\nX: y" }],
    ["MALFORMED_HEAD", { headers: [...pairs, ["X", "a\r\nY: b"]] }],
    ["MALFORMED_HEAD", { headers: [...pairs, ["X", "a\nY: b"]] }],
    ["MALFORMED_HEAD", { headers: [...pairs, ["X", "a\0"]] }],
    ["MALFORMED_HEAD", { headers: [...pairs, ["X", "\u010d\u010a"]] }],
    ["MALFORMED_HEAD", { headers: [...pairs, ["X: y\r\nZ", "a"]] }],
    ["MALFORMED_HEAD", { headers: [...pairs, ["X Y", "a"]] }],
    ["MALFORMED_HEAD", { headers: [...pairs, ["", "a"]] }],
    ["HEAD_TOO_LARGE", { headers: [...pairs, ["X", "a".repeat(20_000)]] }],
    ["TOO_MANY_HEADERS", { headers: [...pairs, ...Array(100).fill(["X", "a"])] }],
  ] as const) {
    const error = thrown(() => UpgradeRequest.from(like(changes)));
    assert.equal(error.code, code, JSON.stringify(changes).slice(0, 200));
    assert.equal(error.offset, undefined, "the caller has no bytes to look in");
    assert.ok(rejection(error));
  }
});

/** Runs with a server on a port of its own, and closes what is left of it. */
async function serving(
  server: { listen(port: number, host: string): unknown; address(): unknown; close(): unknown },
  body: (port: number) => Promise<void>,
): Promise<void> {
  server.listen(0, "127.0.0.1");
  await once(server as never, "listening");
  try {
    await body((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}

/** Sends back what comes, until the close frame. */
function echo(socket: Socket, first: Uint8Array): void {
  const decoder = new MessageDecoder({ role: "server" });
  const encoder = new MessageEncoder({ role: "server" });
  const take = (chunk: Uint8Array) => {
    let closed = false;
    for (const message of decoder.push(chunk)) {
      if (message.type === "text") encoder.text(message.data);
      if (message.type === "close") {
        encoder.close(message.code);
        closed = true;
      }
    }
    if (encoder.length > 0) socket.write(encoder.take());
    if (closed) socket.end();
  };
  take(first);
  socket.on("data", take);
}

/** Has a client of ws talk to the server on this port. */
async function talk(port: number): Promise<void> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/chat?a=1`, ["v2", "chat"]);
  await once(client, "open");
  assert.equal(client.protocol, "chat");
  client.send("Grüße");
  const [data] = await once(client, "message");
  assert.equal(String(data), "Grüße");
  client.close(1000);
  assert.equal((await once(client, "close"))[0], 1000);
}

test("Node's http server hands a client of ws on", async () => {
  const server = createServer();
  server.on("upgrade", (incoming: IncomingMessage, socket: Socket, first: Buffer) => {
    const upgrade = UpgradeRequest.from(incoming);
    assert.deepEqual([upgrade.path, upgrade.query], ["/chat", "a=1"]);
    assert.deepEqual(upgrade.protocols, ["v2", "chat"]);
    socket.write(upgrade.accept({ protocol: upgrade.selectProtocol(["chat"]) }));
    echo(socket, first);
  });
  await serving(server, talk);
});

test("a bare socket takes a client of ws", async () => {
  const server = listen((socket) => {
    const reader = new UpgradeRequestReader();
    socket.on("data", function take(chunk) {
      const upgrade = reader.push(chunk);
      if (upgrade === undefined) return;
      socket.off("data", take);
      socket.write(upgrade.accept({ protocol: "chat" }));
      echo(socket, reader.rest);
    });
  });
  await serving(server, talk);
});

test("Node's http client understands a rejection", async () => {
  const server = listen((socket) => {
    socket.on("data", (chunk) => {
      const error = thrown(() => UpgradeRequest.parse(chunk));
      socket.end(rejection(error));
    });
  });
  await serving(server, async (port) => {
    const headers: OutgoingHttpHeaders = Object.fromEntries(pairs);
    headers["Sec-WebSocket-Version"] = "8";
    const outgoing = request({ port, host: "127.0.0.1", headers });
    outgoing.end();
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    assert.equal(response.statusCode, 426);
    assert.equal(response.headers["sec-websocket-version"], "13");
    let body = "";
    for await (const chunk of response) body += chunk;
    assert.match(body, /is not 13/);
  });
});

/** Sends an offer, and gives the answer, read in pieces of one byte. */
async function ask(port: number, offer: ClientRequest): Promise<[UpgradeResponse, Uint8Array]> {
  const socket = connect(port, "127.0.0.1");
  try {
    socket.write(offer.bytes);
    const reader = new UpgradeResponseReader(offer);
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      for (let i = 0; i < chunk.length; i++) {
        const response = reader.push(chunk.subarray(i, i + 1));
        if (response !== undefined) return [response, chunk.subarray(i + 1)];
      }
    }
    throw new Error("no answer came");
  } finally {
    socket.destroy();
  }
}

test("a server of ws answers an offer", async () => {
  const server = new WebSocketServer({
    host: "127.0.0.1",
    port: 0,
    perMessageDeflate: true,
    handleProtocols: (protocols) => [...protocols].at(-1) as string,
    verifyClient: ({ origin }: { origin: string }) => origin === "https://example.com",
  });
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const options = {
      host: `127.0.0.1:${port}`,
      path: "/chat",
      protocols: ["v2", "chat"],
      extensions: "permessage-deflate; client_max_window_bits",
    };
    const [response] = await ask(
      port,
      new ClientRequest({ ...options, origin: "https://example.com" }),
    );
    assert.equal(response.accepted, true);
    assert.equal(response.protocol, "chat");
    assert.deepEqual(response.extensions, [{ name: "permessage-deflate", params: [] }]);
    const [rejected] = await ask(port, new ClientRequest(options));
    assert.deepEqual([rejected.status, rejected.accepted], [401, false]);
  } finally {
    for (const client of server.clients) client.terminate();
    server.close();
  }
});

test("a head is the same from its parts", () => {
  const input = head(REQUEST);
  const again = UpgradeRequest.from({
    method: "GET",
    url: "/chat?room=1",
    headers: (UpgradeRequest.parse(new TextEncoder().encode(input)) as UpgradeRequest).headers,
  });
  assert.equal(again.headLength, input.length);
  assert.deepEqual(again.headers, pairs);
});
