// A ws server that holds the server's part of the dialogue, through the tap.

import { once } from "node:events";

import { bytesOf } from "./data.mjs";
import { CLOSE, listener, PROTOCOL, TURNS } from "./dialogue.mjs";
import { Sent } from "./sent.mjs";
import { serve } from "./ws-peer.mjs";

/** Longer answers go in fragments. */
const FRAGMENTED = 1_000;

/** Starts it; the tap's port and a function that waits for the end and tells what was sent. */
export async function answering(stage, options) {
  const server = await serve(stage, { handleProtocols: () => PROTOCOL, ...options });
  const port = await stage.tap(server.address().port);
  const ended = once(server, "connection").then(([socket]) => converse(socket));
  // A fault is reported by whoever waits for `sent`.
  ended.catch(() => {});
  return { port, sent: () => ended };
}

async function converse(socket) {
  const c2s = new Sent();
  const s2c = new Sent();
  let answers = Promise.resolve();
  const hear = listener((answer, turn) => {
    answers = answers.then(() => send(socket, answer, turn, { c2s, s2c }));
  });
  await new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("close", resolve);
    socket.on("message", (data, isBinary) => {
      try {
        hear(isBinary ? data : data.toString());
        answers.catch(reject);
      } catch (error) {
        reject(error);
      }
    });
  });
  for (const { client } of TURNS) client.forEach((message) => c2s.message(message));
  c2s.close = CLOSE;
  s2c.close = CLOSE;
  return { c2s, s2c };
}

async function send(socket, answer, turn, { c2s, s2c }) {
  const bytes = bytesOf(answer);
  const binary = typeof answer !== "string";
  const ping = async (payload) => {
    s2c.pings.push(payload);
    c2s.pongs.push(payload);
    socket.ping(payload);
    await once(socket, "pong");
  };
  if (turn % 2 === 1) await ping(Buffer.from(`turn ${turn}`));
  if (bytes.length < FRAGMENTED) {
    s2c.message(answer, { fragments: 1 });
    socket.send(bytes, { binary });
    return;
  }
  // The pieces end anywhere, also within a character.
  const third = Math.floor(bytes.length / 3);
  s2c.message(answer, { fragments: 4 });
  socket.send(bytes.subarray(0, third), { binary, fin: false });
  await ping(Buffer.alloc(0));
  socket.send(bytes.subarray(third, 2 * third + 1), { binary, fin: false });
  socket.send(new Uint8Array(0), { binary, fin: false });
  socket.send(bytes.subarray(2 * third + 1), { binary });
}
