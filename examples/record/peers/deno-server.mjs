// The server of the dialogue on Deno; prints its port, ends with its one connection.

import { listener, PROTOCOL } from "../lib/dialogue.mjs";

function fail(error) {
  console.error(error.message);
  Deno.exit(1);
}

Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: ({ port }) => console.log(port) },
  (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: PROTOCOL });
    const hear = listener((answer) => socket.send(answer));
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      try {
        hear(data);
      } catch (error) {
        fail(error);
      }
    });
    socket.addEventListener("error", () => fail(new Error("the connection failed")));
    socket.addEventListener("close", () => Deno.exit(0));
    return response;
  },
);
