// Handshakes that npm ws refuses, or that an application refuses before ws sees them.

import { once } from "node:events";
import { createServer, get, STATUS_CODES } from "node:http";
import { WebSocket } from "ws";

import { Sent } from "../lib/sent.mjs";
import { HOST } from "../lib/stage.mjs";
import { serve } from "../lib/ws-peer.mjs";

const nothing = () => ({ c2s: new Sent(), s2c: new Sent() });

/** Connects with a ws client and checks that it is refused with `status`. */
async function connect(stage, port, status, options) {
  const tapped = await stage.tap(port);
  const socket = new WebSocket(`ws://${HOST}:${tapped}/chat`, ["chat.v2"], options);
  const [, response] = await once(socket, "unexpected-response");
  response.resume();
  await once(response, "end");
  if (response.statusCode !== status) throw new Error(`answered ${response.statusCode}`);
  socket.on("error", () => {});
  socket.terminate();
  return nothing();
}

/** An ordinary request with `headers`, checked in the same way. */
async function request(stage, port, status, headers) {
  const tapped = await stage.tap(port);
  const sent = get({ host: HOST, port: tapped, path: "/chat", headers, agent: false });
  const [response] = await once(sent, "response");
  response.resume();
  await once(response, "end");
  if (response.statusCode !== status) throw new Error(`answered ${response.statusCode}`);
  return nothing();
}

/** The application answers on the socket itself, as the documentation of ws shows. */
async function unauthorized(stage) {
  const server = createServer();
  server.on("upgrade", (_, socket) => {
    const body = JSON.stringify({ error: "unauthorized", hint: "Bitte zuerst anmelden 🔑" });
    socket.end(
      [
        `HTTP/1.1 401 ${STATUS_CODES[401]}`,
        'WWW-Authenticate: Bearer realm="chat", error="invalid_token"',
        "Content-Type: application/json; charset=utf-8",
        `Content-Length: ${Buffer.byteLength(body)}`,
        "Set-Cookie: attempt=1; HttpOnly",
        "Set-Cookie: lang=de",
        "Connection: close",
        "",
        body,
      ].join("\r\n"),
    );
  });
  const headers = { Authorization: "Bearer not-a-token", Cookie: "lang=de; theme=dark" };
  return connect(stage, await stage.listen(server), 401, { headers });
}

async function foreignOrigin(stage) {
  const server = await serve(stage, {
    verifyClient: ({ origin }, answer) => {
      answer(origin === "https://chat.example", 403, "origin not allowed", { "Retry-After": "60" });
    },
  });
  return connect(stage, server.address().port, 403, { origin: "https://other.example" });
}

async function noUpgrade(stage) {
  const server = await serve(stage);
  return request(stage, server.address().port, 426, { Accept: "text/html" });
}

async function oldVersion(stage) {
  const server = await serve(stage);
  return request(stage, server.address().port, 400, {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "7",
  });
}

export default [
  {
    name: "refused-401",
    peers: ["ws client", "node:http server"],
    about: `The client brings a token and cookies; the server's upgrade handler answers 401 with
several fields and a JSON body.`,
    run: unauthorized,
  },
  {
    name: "refused-403",
    peers: ["ws client", "ws server"],
    about: "The server's verifyClient refuses the origin: 403 with a body.",
    run: foreignOrigin,
  },
  {
    name: "refused-426",
    peers: ["node:http client", "ws server"],
    about: "An ordinary request, without an upgrade: the server answers 426 with a body.",
    run: noUpgrade,
  },
  {
    name: "refused-version",
    peers: ["node:http client", "ws server"],
    about: "An upgrade to version 7: the server answers 400 and the versions it knows.",
    run: oldVersion,
  },
];
