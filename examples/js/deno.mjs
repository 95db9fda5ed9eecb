// An echo server in Deno: `deno run --allow-net deno.mjs`.

import { serve } from "wscodec/deno";

const listener = Deno.listen({ hostname: "127.0.0.1", port: 8080 });
await serve(listener, {
  message: (ws, data) => ws.send(data),
  close: (ws, { code, reason }) => console.log("closed:", code, reason),
});
