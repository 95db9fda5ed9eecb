// An echo server by ws, with bufferutil: `node ws.mjs PORT`, or `probe` to see that it could run.

import { createRequire } from "node:module";

const require = createRequire(new URL("../../js/package.json", import.meta.url));
// Throws where npm has no bufferutil for the platform, instead of measuring without.
require("bufferutil");
const { WebSocketServer } = require("ws");

if (process.argv[2] === "probe") process.exit();
const server = new WebSocketServer({ port: Number(process.argv[2]), host: "127.0.0.1" });
server.on("connection", (socket) => {
  socket.on("error", () => {});
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
