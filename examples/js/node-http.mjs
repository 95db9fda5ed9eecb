// WebSocket connections beside pages, behind Node's http server: `node node-http.mjs`.

import { createServer } from "node:http";
import { accept } from "wscodec/node";

const chat = { protocols: ["chat"], message: (ws, data) => ws.send(data) };

const server = createServer((request, response) => response.end("a page"));
server.on("upgrade", (request, socket, head) => {
  if (request.url === "/chat") accept(request, socket, head, chat);
  else socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
});
server.listen(8080, "127.0.0.1");
