// An echo server in Bun: `bun bun.mjs`.

import { listen } from "wscodec/bun";

listen({
  hostname: "127.0.0.1",
  port: 8080,
  message: (ws, data) => ws.send(data),
  close: (ws, { code, reason }) => console.log("closed:", code, reason),
});
