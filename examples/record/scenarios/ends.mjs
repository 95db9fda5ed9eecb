// The ways a conversation of npm ws ends.

import { once } from "node:events";
import { Sender } from "ws";

import { chat, prose, receipt } from "../lib/data.mjs";
import { pair, sentBy } from "../lib/ws-peer.mjs";

const PEERS = ["ws client", "ws server"];
const PLAIN = { server: { perMessageDeflate: false } };

async function greet({ client, server }) {
  await client.tell(server, chat(70, 0));
  await server.tell(client, receipt(0));
}

function closes(code) {
  return async (stage) => {
    const peers = await pair(stage, PLAIN);
    await greet(peers);
    await peers.server.close(peers.client, code);
    return sentBy(peers);
  };
}

/** The longest reason there is: 123 bytes. */
async function longReason(stage) {
  const peers = await pair(stage, PLAIN);
  await greet(peers);
  await peers.client.close(peers.server, 4999, prose(71, 123));
  return sentBy(peers);
}

async function bothClose(stage) {
  const peers = await pair(stage, PLAIN);
  const { client, server } = peers;
  await greet(peers);
  const ends = [once(client.socket, "close"), once(server.socket, "close")];
  client.sent.close = { code: 1000, reason: "done" };
  server.sent.close = { code: 1001, reason: "shutting down" };
  client.socket.close(1000, "done");
  server.socket.close(1001, "shutting down");
  await Promise.all(ends);
  return sentBy(peers);
}

/**
 * Writes the first `length` bytes of a frame past ws, then drops the socket. `mask` says
 * whether the client writes.
 */
async function breakOff(from, to, { data, opcode, length, mask }) {
  const frame = Buffer.concat(
    Sender.frame(Buffer.from(data), { fin: true, rsv1: false, opcode, mask, readOnly: true }),
  );
  const ends = [once(from.socket, "close"), once(to.socket, "close")];
  const tcp = from.socket._socket;
  await new Promise((written) => tcp.write(frame.subarray(0, length), written));
  tcp.destroy();
  await Promise.all(ends);
}

async function cutPayload(stage) {
  const peers = await pair(stage, PLAIN);
  await greet(peers);
  await breakOff(peers.client, peers.server, {
    data: prose(72, 70_000),
    opcode: 1,
    length: 5_011,
    mask: true,
  });
  peers.client.sent.end = "cut";
  peers.server.sent.end = "eof";
  return sentBy(peers);
}

/** The server goes in the header of the second fragment: a message stays open. */
async function cutHeader(stage) {
  const peers = await pair(stage, PLAIN);
  const { client, server } = peers;
  await greet(peers);
  server.socket.send("the first half, and then", { fin: false });
  await server.ping(Buffer.from("still here"));
  await breakOff(server, client, { data: prose(73, 300), opcode: 0, length: 3, mask: false });
  client.sent.end = "eof";
  server.sent.end = "cut";
  return sentBy(peers);
}

async function noClose(stage) {
  const peers = await pair(stage, PLAIN);
  const { client, server } = peers;
  await greet(peers);
  const ends = [once(client.socket, "close"), once(server.socket, "close")];
  client.socket.terminate();
  await Promise.all(ends);
  client.sent.end = "eof";
  server.sent.end = "eof";
  return sentBy(peers);
}

export default [
  {
    name: "close-code-only",
    peers: PEERS,
    about: "The server closes with 1001 and no reason; the client answers the same.",
    run: closes(1001),
  },
  {
    name: "close-empty",
    peers: PEERS,
    about: "The server closes with an empty Close frame; the client answers the same.",
    run: closes(undefined),
  },
  {
    name: "close-long-reason",
    peers: PEERS,
    about: "The client closes with 4999 and a reason of 123 bytes, the most there can be.",
    run: longReason,
  },
  {
    name: "close-both",
    peers: PEERS,
    about: "Both sides close at once, each with its own code; neither answers the other.",
    run: bothClose,
  },
  {
    name: "cut-payload",
    peers: PEERS,
    about: `The client's socket is destroyed within the payload of a frame of 70 000 bytes; no
Close frame either way.`,
    run: cutPayload,
  },
  {
    name: "cut-header",
    peers: PEERS,
    about: `The server's socket is destroyed within the header of the second fragment of a text
message, behind a ping; no Close frame either way.`,
    run: cutHeader,
  },
  {
    name: "cut-no-close",
    peers: PEERS,
    about: "The client's socket is destroyed between two frames; no Close frame either way.",
    run: noClose,
  },
];
