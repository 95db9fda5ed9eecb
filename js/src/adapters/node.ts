/**
 * WebSocket connections over Node's sockets.
 *
 * ```js
 * import { createServer } from "wscodec/node";
 *
 * const server = createServer({ message: (ws, data) => ws.send(data) });
 * server.listen(8080);
 * ```
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import * as net from "node:net";
import type { Duplex } from "node:stream";
import * as tls from "node:tls";

import { Calling, Connection, type Opening, Serving } from "../connection/index.ts";
import type { ConnectionOptions, Handlers, ServerOptions } from "../connection/index.ts";
import {
  type ClientSessionOptions,
  type ConnectOptions,
  refusal,
  type Session,
  type SessionEvent,
  UpgradeRequest,
} from "../index.ts";
import { targetOf } from "./target.ts";

/** What a connection's socket leads back to it by. */
const OWNER = Symbol("wscodec");

interface Owned extends net.Socket {
  [OWNER]: NodeConnection;
}

// Listeners for all sockets: a closure for each would cost memory for each.
function onData(this: Owned, chunk: Buffer): void {
  this[OWNER].received(chunk);
}

function onDrain(this: Owned): void {
  this[OWNER].drained();
}

function onError(this: Owned, error: Error): void {
  this[OWNER].error ??= error;
}

function onEnd(this: Owned): void {
  this.end();
}

function onClose(this: Owned): void {
  const connection = this[OWNER];
  connection.closed(connection.error);
}

/**
 * Where sockets are read to: one place for all of them, as what was read is gone
 * through before the next read. It is not the module's memory, for that may move
 * while a socket still has its address; the copy from here is a hundredth of the read.
 */
const chunk = Buffer.allocUnsafeSlow(64 * 1024);

const onread: net.OnReadOpts = {
  buffer: chunk,
  callback(this: Owned, length: number): boolean {
    this[OWNER].received(length === chunk.length ? chunk : chunk.subarray(0, length));
    return true;
  },
} as net.OnReadOpts;

/** Bun calls `onread` without the socket. */
const readsInPlace = !("bun" in process.versions);

/** A connection over a Node socket. */
export class NodeConnection extends Connection {
  /** The socket, for its addresses and the like; its bytes are the connection's. */
  readonly socket: net.Socket;
  /** Why the socket was lost. */
  error: Error | undefined;

  /** @internal */
  constructor(duplex: Duplex, options: ConnectionOptions, opening: Opening, streams = true) {
    super(options, opening);
    const socket = duplex as Owned;
    this.socket = socket;
    socket[OWNER] = this;
    socket.setNoDelay?.(true);
    socket.setTimeout?.(0);
    socket.on("drain", onDrain);
    socket.on("error", onError);
    socket.on("close", onClose);
    if (streams) socket.on("data", onData);
    socket.on("end", onEnd);
  }

  override terminate(): void {
    this.socket.destroy();
  }

  /** @internal */
  override write(bytes: Uint8Array): boolean {
    const { socket } = this;
    if (!socket.writable) return true;
    return socket.write(bytes) || socket.writableLength === 0;
  }

  /** @internal */
  override hangUp(): void {
    this.socket.end();
  }

  /** @internal */
  override read(on: boolean): void {
    if (on) this.socket.resume();
    else this.socket.pause();
  }

  /** @internal */
  override get unsent(): number {
    return this.socket.writableLength;
  }

  /** @internal */
  protected override taken(session: Session): Uint8Array {
    // Small ones share memory, which is quicker to have than memory of their own.
    const bytes = Buffer.allocUnsafe(session.bufferedAmount);
    session.takeInto(bytes);
    return bytes;
  }

  /** @internal */
  protected override copied(event: SessionEvent): Uint8Array {
    const bytes = Buffer.allocUnsafe(event.length);
    bytes.set(event.bytes());
    return bytes;
  }
}

/** What a Node server does, and how. */
export interface NodeServerOptions extends ServerOptions<NodeConnection> {
  /** For `wss:`, what `tls.createServer` takes; only for {@link createServer}. */
  readonly tls?: tls.TlsOptions | undefined;
}

/**
 * A server of WebSocket connections and nothing else, on a bare socket: quicker and
 * smaller than behind an `http` server. What is no such request is refused.
 */
export function createServer(options: NodeServerOptions = {}): net.Server {
  const accept = (socket: net.Socket): void => {
    if (!(OWNER in socket)) new NodeConnection(socket, options, new Serving(options));
  };
  if (options.tls !== undefined) return tls.createServer({ noDelay: true, ...options.tls }, accept);
  const server = net.createServer({ noDelay: true }, accept);
  server.on("listening", () => readInPlace(server, options));
  return server;
}

/** What is internal to Node, and used only if it is there. */
interface Internals {
  _handle?: { onconnection?: (error: number, handle: unknown) => void };
  _connections?: number;
  maxConnections?: number;
}

/**
 * Has accepted sockets read into one place, as `net.connect` can: Node has no option
 * for that, but its own way to make a socket of a handle. Else each read costs memory
 * of 64 KiB and a walk through a stream.
 */
function readInPlace(server: net.Server, options: NodeServerOptions): void {
  const internals = server as unknown as Internals;
  const handle = internals._handle;
  const usual = handle?.onconnection;
  const { versions } = process;
  if ("bun" in versions || "deno" in versions) return;
  if (typeof usual !== "function" || typeof internals._connections !== "number") return;
  handle!.onconnection = function (error, accepted) {
    if (error || !accepted || internals.maxConnections != null) {
      return usual.call(this, error, accepted);
    }
    const socket = new net.Socket({ handle: accepted, onread } as net.SocketConstructorOpts);
    Object.assign(socket, { server, _server: server });
    (internals._connections as number)++;
    new NodeConnection(socket, options, new Serving(options), false);
    server.emit("connection", socket);
  };
}

/**
 * Accepts a connection from an `http` server's `upgrade` event.
 *
 * ```js
 * server.on("upgrade", (request, socket, head) => {
 *   if (request.url === "/chat") accept(request, socket, head, chat);
 *   else socket.destroy();
 * });
 * ```
 */
export function accept(
  request: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
  options: NodeServerOptions = {},
): void {
  const serving = new Serving(options);
  const connection = new NodeConnection(socket, options, serving);
  let upgrade: UpgradeRequest;
  try {
    upgrade = UpgradeRequest.from(request, options);
  } catch (error) {
    connection.write(refusal(error));
    connection.hangUp();
    return;
  }
  serving.decide(connection, upgrade, head);
}

/** What a client asks for, and what it does with the connection. */
export interface NodeClientOptions
  extends Partial<Omit<ConnectOptions, "path">>,
    ClientSessionOptions,
    ConnectionOptions,
    Handlers<NodeConnection> {
  /** For `wss:`, what `tls.connect` takes. */
  readonly tls?: tls.ConnectionOptions | undefined;
  /** A socket that is connected already, through a proxy, say. */
  readonly socket?: Duplex | undefined;
}

/**
 * Connects to a server.
 *
 * ```js
 * const ws = await connect("wss://example.com/chat", {
 *   headers: { Authorization: "Bearer 1234" },
 *   message: (ws, data) => console.log(data),
 * });
 * ws.send("Hello");
 * ```
 *
 * The promise fails with what the socket or the handshake failed with; with
 * HandshakeError `STATUS`, its `response` is the server's answer.
 */
export function connect(
  url: string | URL,
  options: NodeClientOptions = {},
): Promise<NodeConnection> {
  const { secure, hostname, port, host, path } = targetOf(url);
  return new Promise((resolve, reject) => {
    const calling = new Calling<NodeConnection>({ host, ...options, path }, resolve, reject);
    const { socket } = options;
    if (socket !== undefined) {
      calling.start(new NodeConnection(socket, options, calling));
    } else if (secure) {
      const servername = net.isIP(hostname) ? "" : hostname;
      const secured = tls.connect({ host: hostname, port, servername, ...options.tls });
      const connection = new NodeConnection(secured, options, calling);
      secured.once("secureConnect", () => calling.start(connection));
    } else {
      const plain = net.connect({ host: hostname, port, ...(readsInPlace && { onread }) });
      const connection = new NodeConnection(plain, options, calling, !readsInPlace);
      plain.once("connect", () => calling.start(connection));
    }
  });
}
