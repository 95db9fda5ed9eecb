// A gateway: it validates the request of a client, opens the backend with its own credentials, and
// relays messages in both directions.
//
// Memory: an isolate has 128 MiB for all its connections. The module of the codec has at most
// MODULE_MEMORY of it, and the queues of this program have QUEUES.

import { connect } from "cloudflare:sockets";

import { setMaxMemory } from "wscodec";
import { SocketStream, upgrade } from "wscodec/workers";

import { admit, policy } from "./admit.js";
import { Budget } from "./budget.js";
import { close } from "./close.js";
import { showing } from "./frames.js";

const PROTOCOL = "chat";
/** The longest message in either direction, in bytes. The runtime itself allows 32 MiB. */
const MAX_MESSAGE = 10 * 1024 * 1024;
const MODULE_MEMORY = 48 * 1024 * 1024;
/** Bytes that clients have sent and backends have not read yet, for all connections together. */
const QUEUES = 24 * 1024 * 1024;

setMaxMemory(MODULE_MEMORY);
const queues = new Budget(QUEUES);

export async function gateway(request, env) {
  const { user, refused } = await admit(request, env, PROTOCOL);
  if (refused !== undefined) return refused;
  const { response, socket } = upgrade(request, policy(env, PROTOCOL));
  if (socket === undefined) return response;
  const frames = {};
  const log = (event, more) => console.log(JSON.stringify({ event, user, ...more }));
  const backend = dial(env, user, (direction, type, length) => {
    const name = `${direction}: ${type}`;
    frames[name] = (frames[name] ?? 0) + 1;
    if (env.LOG_FRAMES === "1") log("frame", { direction, type, length });
  });
  let opened;
  try {
    opened = await backend.opened;
  } catch (error) {
    log("no backend", { error: String(error) });
    return new Response("the backend does not answer\n", { status: 502 });
  }
  log("open");
  relay(socket, backend, opened).then((outcome) => log("closed", { ...outcome, frames }));
  return response;
}

/** A connection to the backend, with its credentials and the name of the user. */
function dial(env, user, show) {
  const url = new URL(env.BACKEND);
  const secure = url.protocol === "wss:";
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port) || (secure ? 443 : 80);
  const secureTransport = secure ? "on" : "off";
  const duplex = connect({ hostname, port }, { secureTransport, allowHalfOpen: true });
  return new SocketStream(showing(duplex, show), {
    role: "client",
    host: url.host,
    path: url.pathname + url.search,
    headers: { Authorization: `Bearer ${env.BACKEND_TOKEN}`, "X-User": user },
    protocols: [PROTOCOL],
    // A window for each direction would cost memory, and the backend is near.
    deflate: false,
    maxMessage: MAX_MESSAGE,
    handshakeTimeout: 5000,
    heartbeat: 30_000,
  });
}

/**
 * Relays until one side closes. The outcome has the code of the close frame and its reason.
 *
 * Back-pressure: the session reads from the backend only while fewer than 64 KiB of messages wait
 * here. The runtime cannot pause a client. So messages of the client wait in a queue until the backend
 * reads them, the queues are bounded, and a client whose message does not fit is closed with 1013.
 */
async function relay(client, backend, { readable, writable }) {
  const writer = writable.getWriter();
  let sent = Promise.resolve();
  let over = false;
  // The default depends on the compatibility date.
  client.binaryType = "arraybuffer";
  // Half open: the close frame is answered when the backend has answered it, with its code.
  client.accept({ allowHalfOpen: true });

  /** Ends both sides for a reason of this gateway. */
  function refuse(code, reason) {
    over = true;
    close(client, code, reason);
    backend.close({ closeCode: 1001, reason: "the client was closed" });
  }
  client.addEventListener("message", ({ data }) => {
    if (over) return;
    const size = typeof data === "string" ? 2 * data.length : data.byteLength;
    if (size > 2 * MAX_MESSAGE || (size > MAX_MESSAGE && bytes(data) > MAX_MESSAGE)) {
      return refuse(1009, "the message is too long");
    }
    if (!queues.take(size)) return refuse(1013, "the gateway is full");
    // Messages are written one after another. Each promise settles when the socket has taken the bytes.
    sent = writer.write(typeof data === "string" ? data : new Uint8Array(data));
    sent.catch(() => {}).finally(() => queues.give(size));
  });
  client.addEventListener("close", ({ code, reason }) => {
    const pass = [1005, 1006].includes(code) ? {} : { closeCode: code, reason };
    // Behind the messages that wait. A failed write has ended the connection already.
    sent.then(() => backend.close(pass), () => {});
  });
  client.addEventListener("error", () => backend.close({ closeCode: 1001 }));

  try {
    for await (const message of readable) client.send(message);
  } catch {
    // `closed` has the reason, or the client is gone.
    backend.close({ closeCode: 1001 });
  }
  const outcome = await backend.closed.then(
    ({ closeCode: code, reason }) => ({ code, reason }),
    (error) => ({ code: 1011, reason: "the backend is lost", error: String(error) }),
  );
  close(client, outcome.code, outcome.reason);
  return outcome;
}

function bytes(data) {
  return typeof data === "string" ? new TextEncoder().encode(data).length : data.byteLength;
}
