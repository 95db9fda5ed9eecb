// A worker that asks a WebSocket server, with a header that no browser could send.

import { connect } from "wscodec/workers";

export default {
  async fetch(request, env) {
    const ws = connect(env.UPSTREAM, { headers: { Authorization: "Bearer 1234" } });
    const { readable, writable } = await ws.opened;
    await writable.getWriter().write(await request.text());
    const { value } = await readable.getReader().read();
    ws.close({ closeCode: 1000 });
    return new Response(value);
  },
};
