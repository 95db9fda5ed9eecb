// An echo server by our adapter for Node: `node node.mjs PORT`, or `probe` to see that it could run.

import { createServer } from "../../pkg/dist/node.mjs";

const server = createServer({ message: (ws, data) => ws.send(data) });
if (process.argv[2] !== "probe") server.listen(Number(process.argv[2]), "127.0.0.1");
