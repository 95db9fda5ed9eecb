// A dialogue both sides know beforehand, for peers with the WebSocket API of the web
// standard: undici, Deno and Bun, browsers. Runs in all of them.
//
// It goes in turns. In each the client sends its messages without waiting, the server
// waits for all of them, then sends its own.

import { chat, noise, prose, receipt, same, samples } from "./data.mjs";

export const PROTOCOLS = ["chat.v2", "chat.v1"];
/** What the server picks of PROTOCOLS. */
export const PROTOCOL = "chat.v1";
export const CLOSE = { code: 1000, reason: "bis später 👋" };

export const TURNS = [
  { client: [chat(1, 0)], server: [receipt(0)] },
  { client: ["", new Uint8Array(0)], server: [new Uint8Array(0), ""] },
  { client: [chat(1, 1), chat(1, 2), chat(1, 3)], server: [1, 2, 3].map(receipt) },
  { client: [noise(2, 125), noise(3, 126)], server: [noise(4, 126), noise(5, 125)] },
  { client: [prose(6, 125), prose(7, 126)], server: [prose(8, 1500)] },
  { client: [samples(9, 3000)], server: [prose(10, 9000)] },
  { client: [samples(11, 65_536)], server: [prose(12, 66_000)] },
  { client: [chat(1, 4, 40)], server: [receipt(4), chat(13, 5, 40)] },
];

/** The content of a message event as string or Uint8Array. */
export function content(data) {
  return typeof data === "string" ? data : new Uint8Array(data);
}

/**
 * The client's part; resolves when the connection is closed as agreed. It offers
 * `protocols`, and awaits `before(turn, socket)` before each turn.
 */
export function talk(WebSocket, url, { protocols = PROTOCOLS, before = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, protocols);
    const fail = (what) => {
      reject(new Error(what));
      socket.close(4000, what);
    };
    let turn = 0;
    let heard = 0;
    const speak = async () => {
      heard = 0;
      await before(turn, socket);
      if (turn === TURNS.length) socket.close(CLOSE.code, CLOSE.reason);
      else TURNS[turn].client.forEach((message) => socket.send(message));
    };
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      if (socket.protocol === PROTOCOL) speak().catch(reject);
      else fail(`the protocol is ${JSON.stringify(socket.protocol)}`);
    });
    socket.addEventListener("error", ({ message }) => {
      reject(new Error(`the connection failed: ${message ?? "no reason given"}`));
    });
    socket.addEventListener("message", ({ data }) => {
      const wanted = TURNS[turn]?.server[heard];
      if (wanted === undefined || !same(content(data), wanted)) {
        fail(`turn ${turn}, message ${heard} of the server is another`);
        return;
      }
      heard += 1;
      if (heard < TURNS[turn].server.length) return;
      turn += 1;
      speak().catch(reject);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      if (code === CLOSE.code && turn === TURNS.length) resolve();
      else reject(new Error(`closed in turn ${turn}: ${code} ${reason}`));
    });
  });
}

/**
 * The server's part: a function that takes the content of each message and throws if it
 * is not the expected one. `send(answer, turn)` is called for each answer.
 */
export function listener(send) {
  let turn = 0;
  let heard = 0;
  return (data) => {
    const wanted = TURNS[turn]?.client[heard];
    if (wanted === undefined || !same(content(data), wanted)) {
      throw new Error(`turn ${turn}, message ${heard} of the client is another`);
    }
    heard += 1;
    if (heard < TURNS[turn].client.length) return;
    const answers = TURNS[turn].server;
    turn += 1;
    heard = 0;
    answers.forEach((message) => send(message, turn - 1));
  };
}
