// A worker that holds connections to its origins and subprotocols, and echoes.

import { upgrade } from "wscodec/workers";

export default {
  fetch(request) {
    const { response, socket } = upgrade(request, { protocols: ["chat"] });
    socket?.accept();
    socket?.addEventListener("message", ({ data }) => socket.send(data));
    // Answers a close frame. With a compatibility date before 2026-04-07 the runtime does not do it, and
    // the client would see code 1006.
    socket?.addEventListener("close", ({ code, reason }) => {
      if (code === 1005 || code === 1006) socket.close(); // no code came
      else socket.close(code, reason);
    });
    return response;
  },
};
