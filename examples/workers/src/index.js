// Routes: /gateway relays to a backend, /rooms/NAME is a chat room.

import { gateway } from "./gateway.js";
import { enter, Room } from "./room.js";

export { Room };

export default {
  fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/gateway") return gateway(request, env);
    if (pathname.startsWith("/rooms/")) return enter(request, env, pathname.slice("/rooms/".length));
    return new Response("not found\n", { status: 404 });
  },
};
