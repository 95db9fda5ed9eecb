// Echoes for the Autobahn test suite: `bun server.mjs PORT`.

import { listen } from "../../../pkg/dist/bun.mjs";

const port = Number(process.argv[2]);
listen({ hostname: "127.0.0.1", port, message: (ws, data) => ws.send(data) });
