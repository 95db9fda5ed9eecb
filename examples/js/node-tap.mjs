// Shows the WebSockets of a server that runs in Node, whatever library it uses, without a change of its
// code: `node --import ./node-tap.mjs server.mjs`. A line of JSON for each event goes to standard error.
//
// It sees what passes through `net.Socket`. `createServer` of `wscodec/node` reads from sockets by itself;
// its handlers show the messages.

import { subscribe } from "node:diagnostics_channel";

import { ConversationInspector } from "wscodec/inspect";

/** Bytes that are shown of each payload. */
const PAYLOAD = 1024;

function show(events) {
  for (const event of events) process.stderr.write(`${JSON.stringify(event)}\n`);
}

function address(host, port) {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Watches both directions of an accepted socket. The server reads and writes as before. */
function tap(socket) {
  const inspector = new ConversationInspector({
    payload: PAYLOAD,
    client: address(socket.remoteAddress, socket.remotePort),
    server: address(socket.localAddress, socket.localPort),
  });
  socket.on("data", (bytes) => show(inspector.push("c2s", bytes)));
  for (const name of ["write", "end"]) {
    const original = socket[name];
    socket[name] = function (chunk, encoding, ...rest) {
      if (typeof chunk === "string") {
        const bytes = Buffer.from(chunk, typeof encoding === "string" ? encoding : "utf8");
        show(inspector.push("s2c", bytes));
      } else if (ArrayBuffer.isView(chunk)) {
        show(inspector.push("s2c", chunk));
      }
      return original.call(this, chunk, encoding, ...rest);
    };
  }
  socket.on("end", () => show(inspector.end("c2s")));
  socket.on("close", () => {
    show(inspector.finish());
    inspector.free();
  });
}

// A client that is gone already has no address any more.
subscribe("net.server.socket", ({ socket }) => {
  if (socket.remoteAddress !== undefined) tap(socket);
});
