// A client for the tests: a request to the worker, and the messages that arrive.

import { exports } from "cloudflare:workers";

const ORIGIN = "https://example.com";

/** The response of the worker to the request for a WebSocket. */
export function ask(path, protocols, headers = {}) {
  return exports.default.fetch(`http://worker.test${path}`, {
    headers: {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Protocol": protocols.join(", "),
      Origin: ORIGIN,
      ...headers,
    },
  });
}

export class Client {
  #events = [];
  #wake = () => {};
  #socket;

  constructor(socket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    const push = (event) => {
      this.#events.push(event);
      this.#wake();
    };
    socket.addEventListener("message", ({ data }) => push(data));
    socket.addEventListener("close", ({ code, reason }) => push({ code, reason }));
    socket.accept();
  }

  static async open(path, protocols, headers) {
    const response = await ask(path, protocols, headers);
    if (response.status !== 101) throw new Error(`status ${response.status}`);
    return new Client(response.webSocket);
  }

  send(data) {
    this.#socket.send(data);
  }

  close(code, reason) {
    this.#socket.close(code, reason);
  }

  /** The next message, or the code and reason of the end. */
  async next() {
    while (this.#events.length === 0) await new Promise((resolve) => (this.#wake = resolve));
    return this.#events.shift();
  }
}
