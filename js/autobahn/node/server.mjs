// Echoes for the Autobahn test suite: `node server.mjs PORT`.

import { createServer } from "../../../pkg/dist/node.mjs";
import { options } from "../options.mjs";

const server = createServer({ ...options, message: (ws, data) => ws.send(data) });
server.listen(Number(process.argv[2]), "127.0.0.1");
