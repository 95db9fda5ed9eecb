// A chat room: one Durable Object for each name. It hibernates while nobody says anything, so it
// keeps nothing in fields: the runtime keeps the sockets, each with its attachment.

import { DurableObject } from "cloudflare:workers";

import { upgrade } from "wscodec/workers";

import { admit, policy } from "./admit.js";
import { close } from "./close.js";

const PROTOCOL = "room";
const MAX_MEMBERS = 1000;
/** UTF-16 code units of the longest line. */
const MAX_LINE = 4096;

/** Sends an admitted client to the room of that name. Others do not start a Durable Object. */
export async function enter(request, env, name) {
  if (!/^[a-z0-9-]{1,32}$/.test(name)) return new Response("no such room\n", { status: 404 });
  const { user, refused } = await admit(request, env, PROTOCOL);
  if (refused !== undefined) return refused;
  const headers = new Headers(request.headers);
  headers.set("X-User", user);
  const room = env.ROOMS.get(env.ROOMS.idFromName(name));
  return room.fetch(new Request(request, { headers }));
}

export class Room extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    // The runtime answers these without waking the object.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  fetch(request) {
    if (this.ctx.getWebSockets().length >= MAX_MEMBERS) {
      return new Response("the room is full\n", { status: 503 });
    }
    const { response, socket } = upgrade(request, policy(this.env, PROTOCOL));
    if (socket === undefined) return response;
    const user = request.headers.get("X-User");
    // In place of `socket.accept()`: the object may hibernate.
    this.ctx.acceptWebSocket(socket);
    socket.serializeAttachment({ user });
    this.#say(`${user} is here`);
    return response;
  }

  webSocketMessage(socket, data) {
    if (typeof data !== "string") return socket.close(1003, "this chat is for text");
    if (data.length > MAX_LINE) return socket.close(1009, "the line is too long");
    this.#say(`${socket.deserializeAttachment().user}: ${data}`);
  }

  webSocketClose(socket, code, reason) {
    close(socket, code, reason);
    this.#leave(socket);
  }

  webSocketError(socket) {
    this.#leave(socket);
  }

  #leave(socket) {
    this.#say(`${socket.deserializeAttachment().user} has left`, socket);
  }

  /** Sends a line to all members but one. */
  #say(line, except) {
    for (const socket of this.ctx.getWebSockets()) {
      if (socket === except) continue;
      try {
        socket.send(line);
      } catch {
        // It is closing.
      }
    }
  }
}
