// npm ws: what the web's WebSocket does, with options for compression, and fragments and pings.

import { once } from "node:events";
import process from "node:process";
import { WebSocket } from "ws";

import { longText, outlast, PROTOCOLS, talk } from "../lib/messages.mjs";

const [url, perMessageDeflate] = process.argv.slice(2);
const options = { perMessageDeflate: JSON.parse(perMessageDeflate ?? "true") };
class Chosen extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, options);
  }
}

/** Fragments with a ping between them, cut within characters. */
async function pieces() {
  const socket = new Chosen(url, PROTOCOLS);
  await once(socket, "open");
  const echo = once(socket, "message");
  const bytes = Buffer.from(longText());
  for (let at = 0; at < bytes.length; at += 99_999) {
    const fin = at + 99_999 >= bytes.length;
    socket.send(bytes.subarray(at, at + 99_999), { binary: false, fin });
    if (at === 0) {
      const pong = once(socket, "pong");
      socket.ping("here?");
      if (String(await pong) !== "here?") throw new Error("the pong is another");
    }
  }
  const [data, isBinary] = await echo;
  if (isBinary || !data.equals(bytes)) throw new Error("the fragments came as another message");
  const end = once(socket, "close");
  socket.close();
  const [code] = await end;
  if (code !== 1005) throw new Error(`closed with ${code}`);
}

try {
  const extensions = await talk(Chosen, url);
  await pieces();
  console.log(`talked ${JSON.stringify({ extensions, did: ["fragments", "ping"] })}`);
  await outlast(Chosen, url, () => console.log("ready"));
} catch (error) {
  console.error(error.stack);
  process.exit(1);
}
