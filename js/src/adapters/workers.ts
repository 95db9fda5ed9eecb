/**
 * WebSockets in workers (workerd): connections to anywhere with any header, over
 * `connect()` of `cloudflare:sockets`, and the handshake of those that come in.
 *
 * ```js
 * import { connect, upgrade } from "wscodec/workers";
 *
 * const ws = connect("wss://example.com/chat", { headers: { Authorization: "Bearer 1234" } });
 * const { readable, writable } = await ws.opened;
 * ```
 *
 * @module
 */

import { connect as dial } from "cloudflare:sockets";

import { type HeadersInput, type Policy, rejection, Upgrade, UpgradeRequest } from "../index.ts";
import { type Checks, checkOptions, milliseconds } from "../options/check.ts";
import { clientSessionChecks, connectChecks, policyChecks } from "../options/tables.ts";
import { type ClientStreamOptions, SocketStream } from "../streams/socket.ts";
import { targetOf } from "./target.ts";

export { SocketStream } from "../streams/socket.ts";
export type { Closed, Opened } from "../streams/socket.ts";

/** The options of a client. */
export type WorkerClientOptions = Partial<Omit<ClientStreamOptions, "role" | "path">>;

const { path: _, ...asked } = connectChecks;
const clientOptionChecks = {
  ...asked,
  ...clientSessionChecks,
  handshakeTimeout: milliseconds,
} satisfies Checks<WorkerClientOptions>;

/**
 * Connects to a server, with any header.
 *
 * @throws TypeError or RangeError for an option that is wrong or unknown, before anything is dialled
 */
export function connect(url: string | URL, options: WorkerClientOptions = {}): SocketStream {
  checkOptions("connect", options, clientOptionChecks);
  const { secure, hostname, port, host, path } = targetOf(url);
  const secureTransport = secure ? "on" : "off";
  const duplex = dial({ hostname, port }, { secureTransport, allowHalfOpen: true });
  return new SocketStream(duplex, { host, ...options, role: "client", path });
}

/** The options of a worker that accepts requests. The runtime itself decides about compression. */
export interface WorkerPolicy extends Omit<Policy, "deflate"> {
  /** Further headers of the answer. */
  readonly headers?: HeadersInput | undefined;
}

const { deflate: __, ...granted } = policyChecks;
const { headers } = connectChecks;
const workerPolicyChecks = { ...granted, headers } satisfies Checks<WorkerPolicy>;

/** A runtime's own end of a WebSocket. */
interface PairSocket {
  accept(): void;
}

/**
 * Decides on a request in a `fetch` handler: with an answer to return, and the server's
 * end of the WebSocket, to be accepted; or with a rejection, and none.
 *
 * ```js
 * export default {
 *   fetch(request) {
 *     const { response, socket } = upgrade(request, { protocols: ["chat"] });
 *     socket?.accept();
 *     socket?.addEventListener("message", ({ data }) => socket.send(data));
 *     socket?.addEventListener("close", ({ code, reason }) => {
 *       if (code === 1005 || code === 1006) socket.close(); // no code came
 *       else socket.close(code, reason);
 *     });
 *     return response;
 *   },
 * };
 * ```
 *
 * The listener for `close` answers the peer's close frame. With a compatibility date from 2026-04-07 on
 * the runtime answers by itself, unless the socket was accepted with `{ allowHalfOpen: true }`. In a
 * Durable Object, pass the socket to `ctx.acceptWebSocket` instead of calling `accept`.
 */
export function upgrade(
  request: Request,
  policy: WorkerPolicy = {},
): { readonly response: Response; readonly socket: WebSocket & PairSocket | undefined } {
  checkOptions("upgrade", policy, workerPolicyChecks);
  const { headers: more, ...rest } = policy;
  let granted: Upgrade;
  try {
    granted = new Upgrade(UpgradeRequest.from(request), { ...rest, deflate: false });
  } catch (error) {
    return { response: answer(rejection(error)), socket: undefined };
  }
  const { WebSocketPair } = globalThis as unknown as {
    WebSocketPair: new () => { 0: WebSocket; 1: WebSocket & PairSocket };
  };
  const pair = new WebSocketPair();
  const headers = new Headers(more as HeadersInit | undefined);
  const { protocol } = granted;
  if (protocol !== undefined) headers.set("Sec-WebSocket-Protocol", protocol);
  const init = { status: 101, headers, webSocket: pair[0] };
  return { response: new Response(null, init as ResponseInit), socket: pair[1] };
}

/** A rejection as a runtime has it. */
function answer(bytes: Uint8Array): Response {
  const text = new TextDecoder().decode(bytes);
  const end = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    // The runtime has its own view of these.
    if (!/^(connection|content-length)$/i.test(name)) headers.append(name, line.slice(colon + 1));
  }
  return new Response(text.slice(end + 4), { status: Number(first.slice(9, 12)), headers });
}
