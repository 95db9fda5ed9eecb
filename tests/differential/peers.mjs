// Decodes streams by the receiver of npm ws, or by wscodec in Node: see src/peer.rs for the protocol.
// The arguments are the name of the implementation and the path of its module.

import { once } from "node:events";
import { pathToFileURL } from "node:url";

const hex = (bytes) => Buffer.from(bytes).toString("hex");

async function ws(path) {
  const { default: WebSocket, Receiver = WebSocket.Receiver } = await import(pathToFileURL(path));
  return async (isServer, bytes) => {
    const events = [];
    let end = "ok";
    const receiver = new Receiver({ isServer, maxPayload: 64 << 20, allowSynchronousEvents: true });
    receiver.on("message", (data, binary) => events.push(`${binary ? "binary" : "text"} ${hex(data)}`));
    receiver.on("ping", (data) => events.push(`ping ${hex(data)}`));
    receiver.on("pong", (data) => events.push(`pong ${hex(data)}`));
    receiver.on("conclude", (code, reason) => events.push(`close ${code} ${reason}`));
    receiver.on("error", (error) => {
      const symbol = Object.getOwnPropertySymbols(error).find((it) => it.description === "status-code");
      end = String(error[symbol] ?? error);
    });
    const done = once(receiver, "close").catch(() => {});
    receiver.end(bytes);
    await done;
    return { events, end };
  };
}

async function wscodec(path) {
  const { MessageDecoder } = await import(pathToFileURL(path));
  return async (isServer, bytes) => {
    const events = [];
    const decoder = new MessageDecoder({ role: isServer ? "server" : "client" });
    try {
      decoder.push(bytes);
      while (decoder.next()) {
        if (decoder.type === "close") {
          events.push(`close ${decoder.closeCode} ${decoder.text()}`);
          return { events, end: "ok" };
        }
        events.push(`${decoder.type} ${hex(decoder.bytes())}`);
      }
      return { events, end: "ok" };
    } catch (error) {
      return { events, end: String(error.code ?? error) };
    } finally {
      decoder.free();
    }
  };
}

const decode = await { ws, wscodec }[process.argv[2]](process.argv[3]);
let pending = Buffer.alloc(0);
for await (const chunk of process.stdin) {
  pending = Buffer.concat([pending, chunk]);
  while (pending.length >= 5 && pending.length >= 5 + pending.readUInt32BE(1)) {
    const length = pending.readUInt32BE(1);
    const answer = await decode(pending[0] === 1, Uint8Array.from(pending.subarray(5, 5 + length)));
    pending = pending.subarray(5 + length);
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}
