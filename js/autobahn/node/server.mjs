// Echoes for the Autobahn test suite: `node server.mjs PORT`.

import { createServer } from "../../../pkg/dist/node.mjs";

const server = createServer({ message: (ws, data) => ws.send(data) });
server.listen(Number(process.argv[2]), "127.0.0.1");
