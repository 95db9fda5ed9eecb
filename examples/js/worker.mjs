// A worker that holds connections to its origins and subprotocols, and echoes.

import { upgrade } from "wscodec/workers";

export default {
  fetch(request) {
    const { response, socket } = upgrade(request, { protocols: ["chat"] });
    socket?.accept();
    socket?.addEventListener("message", ({ data }) => socket.send(data));
    return response;
  },
};
