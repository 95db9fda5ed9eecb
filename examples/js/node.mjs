// An echo server in Node: `node node.mjs`.

import { createServer } from "wscodec/node";

const server = createServer({
  message: (ws, data) => ws.send(data),
  close: (ws, { code, reason }) => console.log("closed:", code, reason),
});
server.listen(8080, "127.0.0.1");
