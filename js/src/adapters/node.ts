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

import {
  Calling,
  clientChecks,
  Connection,
  end,
  knownPlan,
  newPlan,
  type Opening,
  type Plan,
  planFor,
  serverChecks,
  Serving,
  type ShutdownOptions,
  type Transport,
  unusable,
} from "../connection/index.ts";
import type { ConnectionOptions, Handlers, ServerOptions } from "../connection/index.ts";
import { type ClientSessionOptions, type ConnectOptions, UpgradeRequest } from "../index.ts";
import { type Checks, flag, object } from "../options/check.ts";
import { targetOf } from "./target.ts";

export type { ConnectionOptions, Handlers, ShutdownOptions, Verdict } from "../connection/index.ts";

/** The property of a socket that leads to its transport. */
const OWNER = Symbol("wscodec");

interface Owned extends net.Socket {
  [OWNER]?: NodeTransport;
}

/** How much is given to a socket at once: the rest waits here, so that progress can be seen. */
const SLICE = 256 * 1024;

// Listeners for all sockets: a closure for each would cost memory for each.
function onData(this: Owned, chunk: Buffer): void {
  this[OWNER]?.connection.received(chunk);
}

function onDrain(this: Owned): void {
  this[OWNER]?.pump();
}

function onError(this: Owned, error: Error): void {
  const owner = this[OWNER];
  if (owner !== undefined) owner.error ??= error;
}

function onEnd(this: Owned): void {
  this[OWNER]?.peerEnded();
}

function onClose(this: Owned): void {
  const owner = this[OWNER];
  owner?.connection.closed(owner.error);
}

/**
 * Node destroys a socket at the first write that fails, with all that it has received: the peer's
 * last messages and its close frame would be lost. So the end is put off until they were read.
 * Reading stops on a socket with an error, so the error is taken from its readable side.
 */
function destroyOnceRead(this: Owned, error?: Error): Owned {
  const owner = this[OWNER];
  if (owner !== undefined && (error as NodeJS.ErrnoException | undefined)?.syscall === "write") {
    if (owner.writeFailed(error as Error)) {
      const readable = (this as unknown as { _readableState?: { errored?: unknown } })._readableState;
      if (readable?.errored != null) readable.errored = null;
      owner.connection.lostWriting();
      return this;
    }
  }
  return (Object.getPrototypeOf(this) as Owned).destroy.call(this, error) as Owned;
}

/** A Node socket as a transport. */
class NodeTransport implements Transport {
  readonly socket: Owned;
  /** Set right after both are made. */
  connection!: NodeConnection<any>;
  /** The reason why the socket was lost. */
  error: Error | undefined;
  /** The bytes that were not passed to the socket yet. */
  #queue: Uint8Array[] | undefined;
  #queued = 0;
  #ending = false;
  #failed = false;

  constructor(socket: Owned) {
    this.socket = socket;
  }

  write(bytes: Uint8Array): boolean {
    const { socket } = this;
    if (this.#failed || !socket.writable) return true;
    if (this.#queue === undefined && bytes.length <= SLICE) {
      return socket.write(bytes) || socket.writableLength === 0;
    }
    (this.#queue ??= []).push(bytes);
    this.#queued += bytes.length;
    return this.#give();
  }

  /** The socket has room. */
  pump(): void {
    if (!this.#give()) return;
    if (this.#ending) this.socket.end();
    this.connection.drained();
  }

  /** Gives the socket what waits, as far as it has room; false if some still waits. */
  #give(): boolean {
    const { socket } = this;
    const queue = this.#queue;
    if (queue === undefined) return !socket.writableNeedDrain;
    for (let bytes = queue[0]; bytes !== undefined; bytes = queue[0]) {
      // The event `drain` follows then, and only then.
      if (socket.writableNeedDrain) return false;
      const slice = bytes.subarray(0, SLICE);
      if (slice.length === bytes.length) queue.shift();
      else queue[0] = bytes.subarray(SLICE);
      this.#queued -= slice.length;
      socket.write(slice);
    }
    this.#queue = undefined;
    return !socket.writableNeedDrain;
  }

  end(): void {
    this.#ending = true;
    if (this.#queue === undefined) this.socket.end();
  }

  read(on: boolean): void {
    if (on) this.socket.resume();
    else this.socket.pause();
  }

  destroy(): void {
    this.socket.destroy();
  }

  get unsent(): number {
    return this.#failed ? 0 : this.socket.writableLength + this.#queued;
  }

  get ended(): boolean {
    const { socket } = this;
    return socket.destroyed || socket.readableEnded || !socket.writable;
  }

  allocate(length: number): Uint8Array<ArrayBuffer> {
    // Small ones share memory, which is quicker to have than memory of their own.
    return Buffer.allocUnsafe(length);
  }

  /** Whether reading may go on after this write has failed. */
  writeFailed(error: Error): boolean {
    const first = !this.#failed;
    this.#failed = true;
    this.#queue = undefined;
    this.#queued = 0;
    this.error ??= error;
    return first && this.connection.session !== undefined;
  }

  peerEnded(): void {
    if (this.#failed) this.socket.destroy();
    else this.end();
  }
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
    onData.call(this, length === chunk.length ? chunk : chunk.subarray(0, length));
    return true;
  },
} as net.OnReadOpts;

/** Bun calls `onread` without the socket. */
const readsInPlace = !("bun" in process.versions);

/** A connection over a Node socket. `T` is the type of its `data`. */
export class NodeConnection<T = unknown> extends Connection<T> {
  readonly #transport: NodeTransport;

  /** @internal */
  constructor(duplex: Duplex, plan: Plan, opening: Opening, streams = true) {
    const socket = duplex as Owned;
    const transport = new NodeTransport(socket);
    super(transport, plan, opening);
    this.#transport = transport;
    transport.connection = this;
    socket[OWNER] = transport;
    socket.destroy = destroyOnceRead;
    socket.setNoDelay?.(true);
    socket.setTimeout?.(0);
    socket.on("drain", onDrain);
    socket.on("error", onError);
    socket.on("close", onClose);
    if (streams) socket.on("data", onData);
    socket.on("end", onEnd);
  }

  /** The socket, for its addresses and the like; its bytes are the connection's. */
  get socket(): net.Socket {
    return this.#transport.socket;
  }

  /** The reason why the socket was lost. */
  get error(): Error | undefined {
    return this.#transport.error;
  }
}

/** The options of a server in Node. */
export interface NodeServerOptions<T = unknown> extends ServerOptions<NodeConnection<T>> {
  /** For `wss:`, the options of `tls.createServer`; only for {@link createServer}. */
  readonly tls?: tls.TlsOptions | undefined;
  /**
   * Has {@link createServer} accept sockets by Node's internal interface and read them into one
   * place: a connection costs less memory and time. The diagnostics channel `net.server.socket` is
   * silent then, and `server.maxConnections` turns it off. Not with `tls`. Default false.
   */
  readonly fastAccept?: boolean | undefined;
}

const acceptChecks = serverChecks satisfies Checks<ServerOptions<NodeConnection>>;
const createServerChecks = {
  ...serverChecks,
  tls: object,
  fastAccept: flag,
} satisfies Checks<NodeServerOptions>;
const connectChecks = {
  ...clientChecks,
  tls: object,
  socket: object,
} satisfies Checks<NodeClientOptions>;

const servers = new WeakMap<object, Plan>();

/**
 * A server of WebSocket connections and nothing else, on a bare socket: quicker and
 * smaller than behind an `http` server. Other requests are refused.
 *
 * @throws TypeError or RangeError for an option that is wrong or unknown
 */
export function createServer<T = unknown>(options: NodeServerOptions<T> = {}): net.Server {
  const plan = newPlan("createServer", options, createServerChecks);
  if (options.fastAccept && options.tls !== undefined) {
    throw new TypeError("createServer: fastAccept has no effect with tls");
  }
  const accept = (socket: net.Socket): void => {
    if (!(OWNER in socket)) new NodeConnection(socket, plan, new Serving(plan));
  };
  const server =
    options.tls !== undefined
      ? tls.createServer({ noDelay: true, ...options.tls }, accept)
      : net.createServer({ noDelay: true }, accept);
  if (options.fastAccept) server.on("listening", () => readInPlace(server, plan));
  servers.set(server, plan);
  return server;
}

/** The internals of Node that are used only if they exist. */
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
function readInPlace(server: net.Server, plan: Plan): void {
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
    new NodeConnection(socket, plan, new Serving(plan), false);
    server.emit("connection", socket);
  };
}

/**
 * Accepts a connection from an `http` server's `upgrade` event. If the client has left meanwhile,
 * the socket is destroyed and no handler is called.
 *
 * ```js
 * server.on("upgrade", (request, socket, head) => {
 *   if (request.url === "/chat") accept(request, socket, head, chat);
 *   else socket.destroy();
 * });
 * ```
 *
 * @throws TypeError or RangeError for an option that is wrong or unknown; MisuseError
 * `SOCKET_IN_USE` if the socket was accepted before
 */
export function accept<T = unknown>(
  request: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
  options: ServerOptions<NodeConnection<T>> = {},
): void {
  const plan = planFor("accept", options, acceptChecks);
  if (OWNER in socket) throw unusable("SOCKET_IN_USE");
  if (isClosed(socket)) {
    socket.destroy();
    return;
  }
  const serving = new Serving(plan);
  const connection = new NodeConnection(socket, plan, serving);
  let upgrade: UpgradeRequest;
  try {
    upgrade = UpgradeRequest.from(request, plan.limits);
  } catch (error) {
    serving.end(connection, error);
    return;
  }
  serving.decide(connection, upgrade, head);
}

/** Whether a socket can't carry a connection any more: its `close` event may be past. */
function isClosed(socket: Duplex): boolean {
  return socket.destroyed || !socket.writable || socket.readableEnded;
}

/**
 * Ends a server gracefully: it accepts no more connections and answers requests with 503; messages
 * that have arrived are handled, and those that have arrived in part may complete within `grace`;
 * then each connection is closed with 1001. Resolves when all connections are gone.
 *
 * `server` is a server of {@link createServer}, or the options that were given to {@link accept}.
 */
export async function shutdown(
  server: net.Server | ServerOptions<NodeConnection<any>>,
  options: ShutdownOptions = {},
): Promise<void> {
  const own = servers.get(server);
  const plan = own ?? knownPlan(server);
  if (plan === undefined) {
    throw new TypeError("shutdown: no server of createServer, and no options given to accept");
  }
  if (own !== undefined) (server as net.Server).close();
  await end(plan, options);
}

/** The options of a client in Node. */
export interface NodeClientOptions<T = unknown>
  extends Partial<Omit<ConnectOptions, "path">>,
    ClientSessionOptions,
    ConnectionOptions,
    Handlers<NodeConnection<T>> {
  /** For `wss:`, the options of `tls.connect`. */
  readonly tls?: tls.ConnectionOptions | undefined;
  /**
   * A socket that is connected already, through a proxy, say. For `wss:` TLS is begun on it, unless
   * it is a TLS socket.
   */
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
 * The promise fails with the error of the socket or of the handshake; with
 * HandshakeError `STATUS`, its `response` is the server's answer. It fails with LimitError
 * `HANDSHAKE_TOO_SLOW` after `handshakeTimeout`. Messages that the server sends right behind its
 * answer are handed out after the promise has settled.
 */
export async function connect<T = unknown>(
  url: string | URL,
  options: NodeClientOptions<T> = {},
): Promise<NodeConnection<T>> {
  const { secure, hostname, port, host, path } = targetOf(url);
  const plan = newPlan("connect", options, connectChecks);
  const { socket } = options;
  if (socket !== undefined) {
    if (OWNER in socket) throw unusable("SOCKET_IN_USE");
    if (isClosed(socket)) throw unusable("SOCKET_CLOSED");
  }
  return new Promise((resolve, reject) => {
    const asked = { host, ...plan.asked, path };
    const calling = new Calling<NodeConnection<T>>(asked, plan.session, resolve, reject);
    if (secure) {
      const servername = net.isIP(hostname) ? "" : hostname;
      const secured = isTls(socket)
        ? socket
        : tls.connect({ host: hostname, port, servername, ...(socket && { socket }), ...options.tls });
      const connection = new NodeConnection<T>(secured, plan, calling);
      // The request, which may have secrets, is sent after the certificate was verified.
      if (isTls(socket) && !isConnecting(socket)) calling.start(connection);
      else secured.once("secureConnect", () => calling.start(connection));
    } else if (socket !== undefined) {
      calling.start(new NodeConnection<T>(socket, plan, calling));
    } else {
      const plain = net.connect({ host: hostname, port, ...(readsInPlace && { onread }) });
      const connection = new NodeConnection<T>(plain, plan, calling, !readsInPlace);
      plain.once("connect", () => calling.start(connection));
    }
  });
}

function isTls(socket: Duplex | undefined): socket is tls.TLSSocket {
  return (socket as { encrypted?: boolean } | undefined)?.encrypted === true;
}

function isConnecting(socket: tls.TLSSocket): boolean {
  return socket.connecting || (socket as { secureConnecting?: boolean }).secureConnecting === true;
}
