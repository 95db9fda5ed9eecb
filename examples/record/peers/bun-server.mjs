// The server of the dialogue on Bun, with compression; prints its port, ends with its
// one connection.

import { listener, PROTOCOL } from "../lib/dialogue.mjs";

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, server) {
    const headers = { "Sec-WebSocket-Protocol": PROTOCOL };
    if (server.upgrade(request, { headers })) return undefined;
    return new Response("this is a WebSocket", { status: 426, headers: { Upgrade: "websocket" } });
  },
  websocket: {
    perMessageDeflate: { compress: "32KB", decompress: "32KB" },
    open(socket) {
      socket.data = { hear: listener((answer) => socket.send(answer, true)) };
    },
    message(socket, data) {
      try {
        socket.data.hear(data);
      } catch (error) {
        console.error(error.message);
        process.exit(1);
      }
    },
    close: () => process.exit(0),
  },
});
console.log(server.port);
