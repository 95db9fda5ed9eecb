// Runs in Node beside the tests, which run in workerd: an echo server for the gateway. It answers the
// text "who" with the credentials that came with the request, and closes on "close".

import { createServer } from "wscodec/node";

export default async function setup({ provide }) {
  const server = createServer({
    protocols: ["chat"],
    maxMessage: 16 * 1024 * 1024,
    upgrade({ request }, ws) {
      ws.data = ["authorization", "x-user"].map((name) => request.header(name));
    },
    message(ws, data) {
      if (data === "who") ws.send(JSON.stringify(ws.data));
      else if (data === "close") ws.close(4002, "the backend is done");
      else ws.send(data);
    },
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  provide("backend", `ws://127.0.0.1:${server.address().port}/`);
  return () => new Promise((resolve) => server.close(resolve));
}
