// Both ends of a connection between a client and a server of npm ws, in one process.

import { once } from "node:events";
import { WebSocket, WebSocketServer } from "ws";

import { bytesOf, same } from "./data.mjs";
import { Sent } from "./sent.mjs";
import { HOST } from "./stage.mjs";

/** A socket of ws that keeps account of what it sent. */
export class Peer {
  sent = new Sent();

  constructor(socket) {
    this.socket = socket;
    // ws answers by itself.
    socket.on("ping", (payload) => this.sent.pongs.push(Buffer.from(payload)));
  }

  /** Sends a message and waits until `other` has it, unchanged. */
  async tell(other, data, { compress = true, compressed } = {}) {
    const heard = other.#next();
    this.sent.message(data, { compressed, fragments: 1 });
    this.socket.send(data, { compress });
    await heard(data);
  }

  /**
   * Sends a message in pieces that end at the byte offsets `cuts` (which may lie within
   * a character), with `between(n)` called before piece n.
   */
  async tellInPieces(other, data, cuts, { compress = true, compressed, between } = {}) {
    const heard = other.#next();
    const bytes = bytesOf(data);
    const ends = [...cuts, bytes.length];
    this.sent.message(data, { compressed, fragments: ends.length });
    for (let at = 0; at < ends.length; at += 1) {
      if (at > 0) await between?.(at);
      const piece = bytes.subarray(ends[at - 1] ?? 0, ends[at]);
      const fin = at === ends.length - 1;
      this.socket.send(piece, { binary: typeof data !== "string", compress, fin });
    }
    await heard(data);
  }

  /** Sends without waiting: for many messages at once. */
  post(data, { compressed } = {}) {
    this.sent.message(data, { compressed, fragments: 1 });
    this.socket.send(data);
  }

  /** Sends a ping and waits for its answer. */
  async ping(payload = Buffer.alloc(0)) {
    const answered = once(this.socket, "pong");
    this.sent.pings.push(payload);
    this.socket.ping(payload);
    const [answer] = await answered;
    if (!same(Uint8Array.from(answer), Uint8Array.from(payload))) {
      throw new Error("the pong carries another payload");
    }
  }

  /** Sends a pong nobody asked for and waits until `other` has it. */
  async pong(other, payload) {
    const heard = once(other.socket, "pong");
    this.sent.pongs.push(payload);
    this.socket.pong(payload);
    await heard;
  }

  /** Closes, and waits until both sides know. ws repeats code and reason. */
  async close(other, code, reason) {
    const ends = [once(this.socket, "close"), once(other.socket, "close")];
    this.sent.close = code === undefined ? {} : { code, reason: reason ?? "" };
    other.sent.close = this.sent.close;
    this.socket.close(code, reason);
    await Promise.all(ends);
  }

  #next() {
    const event = once(this.socket, "message");
    return async (wanted) => {
      const [data, isBinary] = await event;
      const heard = isBinary ? Uint8Array.from(data) : data.toString();
      if (!same(heard, isBinary ? Uint8Array.from(wanted) : wanted)) {
        throw new Error("a message came as another");
      }
    };
  }
}

/** Connects a client and a server of ws through the tap. */
export async function pair(stage, { server: serverOptions = {}, client: clientOptions = {} } = {}) {
  const { protocols = [], ...options } = clientOptions;
  const server = await serve(stage, serverOptions);
  const port = await stage.tap(server.address().port);
  const accepted = once(server, "connection");
  const socket = new WebSocket(`ws://${HOST}:${port}/chat?room=1`, protocols, options);
  stage.defer(() => socket.terminate());
  // The client's peer must listen before the server can send anything.
  const client = new Peer(socket);
  const opened = once(socket, "open");
  const [serverSocket] = await accepted;
  const peer = new Peer(serverSocket);
  await opened;
  return { client, server: peer };
}

/** A ws server on a free port. */
export async function serve(stage, options = {}) {
  const server = new WebSocketServer({ host: HOST, port: 0, ...options });
  await once(server, "listening");
  stage.defer(() => {
    server.clients.forEach((client) => client.terminate());
    server.close();
  });
  return server;
}

export const sentBy = ({ client, server }) => ({ c2s: client.sent, s2c: server.sent });
