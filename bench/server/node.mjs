// An echo server by our adapter for Node: `node node.mjs PORT`.

import { createServer } from "../../pkg/dist/node.mjs";

createServer({ message: (ws, data) => ws.send(data) }).listen(Number(process.argv[2]), "127.0.0.1");
