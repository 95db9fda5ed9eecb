// ws as a peer, in both roles, over a socket.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";

import {
  acceptDeflate,
  type AgreedDeflate,
  DeflateOffer,
  type DeflateOptions,
  MessageEncoder,
  MessageDecoder,
  ClientRequest,
  UpgradeRequestReader,
  UpgradeResponseReader,
} from "wscodec";
import WebSocket, { WebSocketServer } from "ws";

import { messages } from "./deflate-harness.ts";

const data = messages(31);

/** The options of both sides, ours and those of ws. */
const policies: [DeflateOptions, object][] = [
  [{}, {}],
  [{ send: { windowBits: 9 }, receive: { windowBits: 10 } }, {}],
  [{ level: 1 }, { serverNoContextTakeover: true, clientNoContextTakeover: true }],
  [{ threshold: 500, dedicated: true }, { serverMaxWindowBits: 11, clientMaxWindowBits: 12 }],
];

const timeout = 20_000;

for (const [i, [ours, theirs]] of policies.entries()) {
  test(`a server of ws echoes, policy ${i}`, { timeout }, async () => {
    const server = new WebSocketServer({
      host: "127.0.0.1",
      port: 0,
      perMessageDeflate: { threshold: 0, ...theirs },
    });
    server.on("connection", (peer) => {
      peer.on("message", (message, binary) => peer.send(message, { binary }));
    });
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, "127.0.0.1");
    try {
      const deflate = new DeflateOffer(ours);
      const offer = new ClientRequest({ host: "127.0.0.1", extensions: deflate.header });
      socket.write(offer.bytes);
      const reader = new UpgradeResponseReader(offer);
      let decoder: MessageDecoder | undefined;
      let received = 0;
      for await (let chunk of socket as AsyncIterable<Uint8Array>) {
        if (decoder === undefined) {
          const response = reader.push(chunk);
          if (response === undefined) continue;
          assert.ok(response.accepted);
          const agreed = deflate.check(response.extensions);
          assert.ok(agreed, "ws chose the extension");
          decoder = new MessageDecoder({ role: "client", deflate: agreed });
          send(socket, new MessageEncoder({ role: "client", deflate: agreed }));
          chunk = reader.rest;
        }
        received = receive(decoder.push(chunk), received);
        if (received === data.length) break;
      }
      assert.equal(received, data.length);
    } finally {
      socket.destroy();
      for (const client of server.clients) client.terminate();
      server.close();
    }
  });

  test(`a client of ws is echoed, policy ${i}`, { timeout }, async () => {
    let agreed: AgreedDeflate | undefined;
    const server = createServer((socket) => {
      const reader = new UpgradeRequestReader();
      let decoder: MessageDecoder;
      let encoder: MessageEncoder;
      socket.on("error", () => {});
      socket.on("data", (chunk: Uint8Array) => {
        if (decoder === undefined) {
          const request = reader.push(chunk);
          if (request === undefined) return;
          const deflate = acceptDeflate(request.extensions, ours);
          agreed = deflate;
          socket.write(request.accept({ extensions: deflate?.header }));
          decoder = new MessageDecoder({ role: "server", deflate });
          encoder = new MessageEncoder({ role: "server", deflate });
          chunk = reader.rest;
        }
        decoder.push(chunk);
        while (decoder.next()) {
          // Half of them as they are lent, half in fragments.
          const bytes = decoder.bytes();
          const half = bytes.length >> 1;
          if (bytes.length % 2 === 0) encoder.binary(bytes);
          else encoder.begin("binary", bytes.slice(0, half)).ping().finish(decoder.copy().slice(half));
        }
        if (encoder.length > 0) socket.write(encoder.take());
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const client = new WebSocket(`ws://127.0.0.1:${port}/`, {
      perMessageDeflate: { threshold: 0, ...theirs },
      // Each of ours has a ping in it.
      autoPong: false,
    });
    try {
      await once(client, "open");
      assert.match(client.extensions, /permessage-deflate/);
      assert.ok(agreed);
      let received = 0;
      const done = new Promise<void>((resolve, reject) => {
        client.on("error", reject);
        client.on("message", (message: Buffer) => {
          try {
            assert.equal(Buffer.compare(message, data[received++] as Buffer), 0);
          } catch (error) {
            reject(error);
          }
          if (received === data.length) resolve();
        });
      });
      for (const message of data) client.send(message);
      await done;
    } finally {
      client.terminate();
      server.close();
    }
  });
}

function send(socket: Socket, encoder: MessageEncoder): void {
  for (const [i, message] of data.entries()) {
    if (i % 3 === 0) encoder.begin("binary", message.subarray(0, 10)).finish(message.subarray(10));
    else encoder.binary(message);
  }
  socket.write(encoder.take());
  encoder.free();
}

function receive(decoder: MessageDecoder, received: number): number {
  while (decoder.next()) {
    assert.equal(decoder.type, "binary");
    const expected = data[received++] as Buffer;
    assert.equal(Buffer.compare(decoder.bytes(), expected), 0, `message ${received - 1}`);
  }
  return received;
}
