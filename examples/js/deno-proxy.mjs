// A proxy that shows the WebSockets which pass through it: `deno run --allow-net deno-proxy.mjs`.
// It relays bytes unchanged. A line of JSON for each event goes to standard output.

import { ConversationInspector } from "wscodec/inspect";

const LISTEN = { hostname: "127.0.0.1", port: 8080 };
const UPSTREAM = { hostname: "127.0.0.1", port: 9000 };
/** Bytes that are shown of each payload. */
const PAYLOAD = 1024;

function show(events) {
  for (const event of events) console.log(JSON.stringify(event));
}

/** A stream that hands chunks on and shows what is in them. */
function watched(inspector, direction) {
  return new TransformStream({
    transform(chunk, controller) {
      show(inspector.push(direction, chunk));
      controller.enqueue(chunk);
    },
    flush: () => show(inspector.end(direction)),
  });
}

async function relay(client) {
  const server = await Deno.connect(UPSTREAM);
  const name = ({ hostname, port }) =>
    hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  const inspector = new ConversationInspector({
    payload: PAYLOAD,
    client: name(client.remoteAddr),
    server: name(server.remoteAddr),
  });
  // A pipe keeps the back-pressure, and passes on the end of its direction. An error of one direction
  // ends the other one too.
  const pipe = (from, direction, to) =>
    from.readable.pipeThrough(watched(inspector, direction)).pipeTo(to.writable).catch(() => {
      for (const side of [client, server]) {
        try {
          side.close();
        } catch {
          // It is closed already.
        }
      }
    });
  await Promise.all([pipe(client, "c2s", server), pipe(server, "s2c", client)]);
  show(inspector.finish());
  inspector.free();
}

for await (const client of Deno.listen(LISTEN)) {
  relay(client).catch((error) => {
    console.error(String(error)); // The upstream does not answer.
    client.close();
  });
}
