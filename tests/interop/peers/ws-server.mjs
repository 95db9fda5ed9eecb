// npm ws as an echo server. It pings each client, sends back long texts in fragments, and closes
// when it is told to; prints its port, and what it saw of each connection.

import { once } from "node:events";
import process from "node:process";
import { WebSocketServer } from "ws";

const perMessageDeflate = JSON.parse(process.argv[2] ?? "true");
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate });
await once(server, "listening");
server.on("connection", (socket) => {
  let pongs = 0;
  socket.on("pong", (payload) => (pongs += Number(String(payload) === "here?")));
  socket.ping("here?");
  socket.on("message", (data, binary) => {
    if (String(data) === "close") socket.close(4001, "genug 👋");
    else if (data.length > 10_000) {
      const half = data.length >> 1;
      socket.send(data.subarray(0, half), { binary, fin: false });
      socket.send(data.subarray(half), { binary, fin: true });
    } else socket.send(data, { binary });
  });
  socket.on("error", (error) => console.log(`error ${error.message}`));
  socket.on("close", (code, reason) => {
    const { protocol, extensions } = socket;
    console.log(`ended ${JSON.stringify({ code, reason: String(reason), protocol, extensions, pongs })}`);
  });
});
console.log(`port ${server.address().port}`);
