/**
 * WebSocket connections over Bun's sockets.
 *
 * ```js
 * import { listen } from "wscodec/bun";
 *
 * listen({ port: 8080, message: (ws, data) => ws.send(data) });
 * ```
 *
 * @module
 */

import { checkServerIdentity, type PeerCertificate } from "node:tls";

import {
  Calling,
  clientChecks,
  Connection,
  end,
  newPlan,
  limit,
  type Opening,
  type Plan,
  serverChecks,
  Serving,
  type ShutdownOptions,
  type Transport,
} from "../connection/index.ts";
import type { ConnectionOptions, Handlers, ServerOptions } from "../connection/index.ts";
import type { ClientSessionOptions, ConnectOptions } from "../index.ts";
import { type Checks, integerFrom, object, text } from "../options/check.ts";
import { targetOf } from "./target.ts";

export type { ConnectionOptions, Handlers, ShutdownOptions, Verdict } from "../connection/index.ts";

/** The part of Bun's `Socket` that is used here. */
export interface BunSocket {
  data: unknown;
  write(bytes: Uint8Array): number;
  end(): void;
  shutdown(): void;
  terminate(): void;
  pause(): void;
  resume(): void;
  setNoDelay?(on?: boolean): void;
  getPeerCertificate?(): unknown;
}

/** The part of the result of `Bun.listen` that is used here. */
export interface BunListener {
  readonly port: number;
  readonly hostname: string;
  stop(closeAll?: boolean): void;
}

interface Runtime {
  listen(options: object): BunListener;
  connect(options: object): Promise<BunSocket>;
}

/** A Bun socket as a transport. */
class BunTransport implements Transport {
  readonly socket: BunSocket;
  /** Set right after both are made. */
  connection!: BunConnection<any>;
  ended = false;
  /** The reason why the socket was lost. */
  error: unknown;
  /** The bytes that the socket did not accept yet. */
  #queue: Uint8Array[] = [];
  #unsent = 0;
  #ending = false;

  constructor(socket: BunSocket) {
    this.socket = socket;
    socket.data = this;
    socket.setNoDelay?.(true);
  }

  write(bytes: Uint8Array): boolean {
    const length = this.#unsent > 0 ? 0 : Math.max(0, this.socket.write(bytes));
    if (length === bytes.length) return true;
    this.#queue.push(bytes.subarray(length));
    this.#unsent += bytes.length - length;
    return false;
  }

  /** Writes what waits, as far as there is room. */
  pump(): void {
    for (let bytes = this.#queue[0]; bytes !== undefined; bytes = this.#queue[0]) {
      const length = Math.max(0, this.socket.write(bytes));
      this.#unsent -= length;
      if (length < bytes.length) {
        this.#queue[0] = bytes.subarray(length);
        return;
      }
      this.#queue.shift();
    }
    if (this.#ending) this.socket.shutdown();
    this.connection.drained();
  }

  end(): void {
    this.#ending = true;
    if (this.#unsent === 0) this.socket.shutdown();
  }

  /** The peer has ended its side. */
  peerEnded(): void {
    this.ended = true;
    this.#ending = true;
    if (this.#unsent === 0) this.socket.end();
  }

  closed(): void {
    this.ended = true;
    this.#queue = [];
    this.#unsent = 0;
    this.connection.closed(this.error);
  }

  read(on: boolean): void {
    if (on) this.socket.resume();
    else this.socket.pause();
  }

  destroy(): void {
    this.socket.terminate();
  }

  get unsent(): number {
    return this.#unsent;
  }

  allocate(length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(length);
  }
}

/** A connection over a Bun socket. `T` is the type of its `data`. */
export class BunConnection<T = unknown> extends Connection<T> {
  readonly #transport: BunTransport;

  /** @internal */
  constructor(socket: BunSocket, plan: Plan, opening: Opening) {
    const transport = new BunTransport(socket);
    super(transport, plan, opening);
    this.#transport = transport;
    transport.connection = this;
  }

  /** The socket, for its addresses; its bytes are the connection's. */
  get socket(): BunSocket {
    return this.#transport.socket;
  }
}

function transportOf(socket: BunSocket): BunTransport | undefined {
  return socket.data as BunTransport | undefined;
}

/**
 * The functions that all sockets call; `open` makes the connection. Bun before 1.4 may call `data`
 * on a TLS socket of a server before `open`, so whatever is called first makes it.
 */
function calls(open: (socket: BunSocket) => void): object {
  const made = (socket: BunSocket): BunTransport | undefined => {
    if (socket.data === undefined) open(socket);
    return transportOf(socket);
  };
  return {
    open: made,
    data: (socket: BunSocket, chunk: Uint8Array) => made(socket)?.connection.received(chunk),
    drain: (socket: BunSocket) => transportOf(socket)?.pump(),
    end: (socket: BunSocket) => transportOf(socket)?.peerEnded(),
    error(socket: BunSocket, error: Error) {
      const transport = transportOf(socket);
      if (transport !== undefined) transport.error ??= error;
    },
    close: (socket: BunSocket) => transportOf(socket)?.closed(),
  };
}

function runtime(): Runtime {
  return (globalThis as unknown as { Bun: Runtime }).Bun;
}

/** The options of a server in Bun. */
export interface BunServerOptions<T = unknown> extends ServerOptions<BunConnection<T>> {
  /** Default: all addresses of the machine. */
  readonly hostname?: string | undefined;
  /** 0 for any. */
  readonly port: number;
  /** For `wss:`, the options of `Bun.listen`. */
  readonly tls?: object | undefined;
}

const listenChecks = {
  ...serverChecks,
  hostname: text,
  port: integerFrom(0, 65535),
  tls: object,
} satisfies Checks<BunServerOptions>;
const connectChecks = { ...clientChecks, tls: object } satisfies Checks<BunClientOptions>;

const listeners = new WeakMap<object, Plan>();

/**
 * Listens. Requests that are no WebSocket requests are refused.
 *
 * @throws TypeError or RangeError for an option that is wrong or unknown
 */
export function listen<T = unknown>(options: BunServerOptions<T>): BunListener {
  const plan = newPlan("listen", options, listenChecks);
  const { hostname = "0.0.0.0", port, tls } = options;
  const open = (socket: BunSocket): void => void new BunConnection(socket, plan, new Serving(plan));
  const listener = runtime().listen({
    hostname,
    port,
    ...(tls && { tls }),
    allowHalfOpen: true,
    socket: calls(open),
  });
  listeners.set(listener, plan);
  return listener;
}

/**
 * Ends a server gracefully: it accepts no more connections and answers requests with 503; messages
 * that have arrived are handled, and those that have arrived in part may complete within `grace`;
 * then each connection is closed with 1001. Resolves when all connections are gone.
 */
export async function shutdown(
  listener: BunListener,
  options: ShutdownOptions = {},
): Promise<void> {
  const plan = listeners.get(listener);
  if (plan === undefined) throw new TypeError("shutdown: no listener of listen");
  listener.stop?.();
  await end(plan, options);
}

/** The TLS options that matter here; the rest is Bun's. */
interface TlsOptions {
  readonly rejectUnauthorized?: boolean;
  readonly serverName?: string;
}

/** The options of a client in Bun. */
export interface BunClientOptions<T = unknown>
  extends Partial<Omit<ConnectOptions, "path">>,
    ClientSessionOptions,
    ConnectionOptions,
    Handlers<BunConnection<T>> {
  /**
   * For `wss:`, the options of `Bun.connect`, such as `ca`. With `rejectUnauthorized: false`, and
   * only then, the server's certificate is not verified.
   */
  readonly tls?: object | undefined;
}

/**
 * Connects to a server, with any header. The promise fails with the error of the socket or of the
 * handshake; with HandshakeError `STATUS`, its `response` is the server's answer. It fails with
 * LimitError `HANDSHAKE_TOO_SLOW` after `handshakeTimeout`. Messages that the server sends right
 * behind its answer are handed out after the promise has settled.
 */
export async function connect<T = unknown>(
  url: string | URL,
  options: BunClientOptions<T> = {},
): Promise<BunConnection<T>> {
  const { secure, hostname, port, host, path } = targetOf(url);
  const plan = newPlan("connect", options, connectChecks);
  return new Promise((resolve, reject) => {
    const asked = { host, ...plan.asked, path };
    const calling = new Calling<BunConnection<T>>(asked, plan.session, resolve, reject);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      reject(limit("HANDSHAKE_TOO_SLOW"));
    }, plan.handshakeTimeout);
    const failed = (error: unknown): void => {
      clearTimeout(timer);
      reject(error);
    };
    const open = (socket: BunSocket): void => {
      clearTimeout(timer);
      if (late) {
        socket.terminate();
        return;
      }
      const connection = new BunConnection<T>(socket, plan, calling);
      if (!secure) calling.start(connection);
    };
    const given = (options.tls ?? {}) as TlsOptions;
    // Never without a name in it: Bun takes empty options for none, and connects without TLS.
    const tls = { serverName: hostname, ...given };
    const handshake = (socket: BunSocket, done: boolean, error: unknown): void => {
      const transport = transportOf(socket);
      if (transport === undefined) return;
      const fault = given.rejectUnauthorized === false ? undefined : faultOf(socket, done, error, tls);
      if (fault === undefined) return calling.start(transport.connection);
      transport.error = fault;
      reject(fault);
      socket.terminate();
    };
    const socket = {
      ...calls(open),
      ...(secure && { handshake }),
      connectError: (_: unknown, error: Error) => failed(error),
    };
    runtime()
      .connect({ hostname, port, ...(secure && { tls }), socket })
      .catch(failed);
  });
}

/**
 * The fault of a server's certificate. Bun before 1.4 calls `open` before the handshake, says
 * that it succeeded whatever the certificate is, and does not compare the certificate's names; so
 * all of this is checked here, in every version.
 */
function faultOf(
  socket: BunSocket,
  done: boolean,
  error: unknown,
  { serverName }: { serverName: string },
): unknown {
  if (error != null) return error;
  if (!done) return new Error("the TLS handshake failed");
  const certificate = socket.getPeerCertificate?.() as PeerCertificate | undefined;
  if (certificate == null) return new Error("the server's certificate could not be read");
  return checkServerIdentity(serverName, certificate);
}
