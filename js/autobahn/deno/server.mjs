// Echoes for the Autobahn test suite: `deno run --allow-all server.mjs PORT`.

import { serve } from "../../../pkg/dist/deno.mjs";

const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.args[0]) });
await serve(listener, { message: (ws, data) => ws.send(data) });
