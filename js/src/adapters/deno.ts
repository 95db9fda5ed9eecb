/**
 * WebSocket connections over Deno's sockets.
 *
 * ```js
 * import { serve } from "wscodec/deno";
 *
 * const listener = Deno.listen({ port: 8080 });
 * await serve(listener, { message: (ws, data) => ws.send(data) });
 * ```
 *
 * @module
 */

import {
  Calling,
  clientChecks,
  Connection,
  end,
  knownPlan,
  newPlan,
  limit,
  type Opening,
  type Plan,
  planFor,
  serverChecks,
  Serving,
  type ShutdownOptions,
  sleep,
  type Transport,
  unusable,
} from "../connection/index.ts";
import type { ConnectionOptions, Handlers, ServerOptions } from "../connection/index.ts";
import type { ClientSessionOptions, ConnectOptions } from "../index.ts";
import { callable, type Checks, object } from "../options/check.ts";
import { targetOf } from "./target.ts";

export type { ConnectionOptions, Handlers, ShutdownOptions, Verdict } from "../connection/index.ts";

/** The part of `Deno.Conn` and `Deno.TlsConn` that is used here. */
export interface DenoConn {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  setNoDelay?(on?: boolean): void;
}

/** The part of `Deno.Listener` that is used here. */
export interface DenoListener {
  accept(): Promise<DenoConn>;
  close?(): void;
}

interface Runtime {
  connect(options: { hostname: string; port: number }): Promise<DenoConn>;
  connectTls(options: object): Promise<DenoConn>;
}

/** How many bytes one read brings at most: each connection that reads has a place of this size. */
const READ = 16 * 1024;
/** From this many bytes on that wait, there is no room for more. */
const ROOM = 16 * 1024;

/** The sockets that have a connection. */
const used = new WeakSet<DenoConn>();

/** A Deno socket as a transport. */
class DenoTransport implements Transport {
  readonly conn: DenoConn;
  /** Set right after both are made. */
  connection!: DenoConnection<any>;
  ended = false;
  #queue: Uint8Array[] = [];
  #unsent = 0;
  #writing = false;
  #ending = false;
  #failed = false;
  #gone = false;
  #paused = false;
  #wake: (() => void) | undefined;

  constructor(conn: DenoConn) {
    this.conn = conn;
    used.add(conn);
    conn.setNoDelay?.(true);
  }

  /** Reads to the end. */
  async run(): Promise<void> {
    const place = new Uint8Array(READ);
    let error: unknown;
    try {
      for (;;) {
        while (this.#paused) await new Promise<void>((resolve) => (this.#wake = resolve));
        const length = await this.conn.read(place);
        if (length === null) break;
        this.connection.received(place.subarray(0, length));
      }
    } catch (lost) {
      error = lost;
    }
    this.ended = true;
    this.#ending = true;
    if (!this.#writing || error !== undefined) this.destroy();
    this.connection.closed(error);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#gone || this.#failed) return true;
    this.#queue.push(bytes);
    this.#unsent += bytes.length;
    if (!this.#writing) void this.#pump();
    return this.#unsent < ROOM;
  }

  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    if (!this.#writing && !this.#gone) this.conn.closeWrite().catch(() => {});
  }

  read(on: boolean): void {
    this.#paused = !on;
    if (on) this.#wake?.();
  }

  destroy(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.ended = true;
    this.#queue = [];
    this.#unsent = 0;
    this.read(true);
    try {
      this.conn.close();
    } catch {
      // It was lost before.
    }
  }

  get unsent(): number {
    return this.#unsent;
  }

  allocate(length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(length);
  }

  async #pump(): Promise<void> {
    this.#writing = true;
    try {
      for (let bytes = this.#queue.shift(); bytes !== undefined; bytes = this.#queue.shift()) {
        while (bytes.length > 0) {
          const length = await this.conn.write(bytes);
          if (this.#gone) return;
          bytes = bytes.subarray(length);
          this.#unsent -= length;
        }
      }
      if (this.#ending) await this.conn.closeWrite();
    } catch {
      this.#failed = true;
      this.#queue = [];
      this.#unsent = 0;
      // The peer's last messages and its close frame may still wait to be read.
      if (!this.#gone) this.connection.lostWriting();
    }
    this.#writing = false;
    if (this.ended) this.destroy();
    else if (!this.#gone) this.connection.drained();
  }
}

/** A connection over a Deno socket. `T` is the type of its `data`. */
export class DenoConnection<T = unknown> extends Connection<T> {
  readonly #transport: DenoTransport;

  /** @internal */
  constructor(conn: DenoConn, plan: Plan, opening: Opening) {
    const transport = new DenoTransport(conn);
    super(transport, plan, opening);
    this.#transport = transport;
    transport.connection = this;
  }

  /** The socket, for its addresses; its bytes are the connection's. */
  get conn(): DenoConn {
    return this.#transport.conn;
  }

  /** Reads to the end. @internal */
  run(): Promise<void> {
    return this.#transport.run();
  }
}

/** The options of a server in Deno. */
export interface DenoServerOptions<T = unknown> extends ServerOptions<DenoConnection<T>> {
  /**
   * Is called by {@link serve} when the listener fails to accept a connection, for lack of
   * descriptors, say. It tries again after a pause. By default the first of such errors in a row is
   * written to the console.
   */
  acceptFailed?(error: unknown): void;
}

const acceptChecks = {
  ...serverChecks,
  acceptFailed: callable,
} satisfies Checks<DenoServerOptions>;
const connectChecks = { ...clientChecks, tls: object } satisfies Checks<DenoClientOptions>;

/**
 * Serves a socket that was accepted, to its end.
 *
 * @throws TypeError or RangeError for an option that is wrong or unknown; MisuseError
 * `SOCKET_IN_USE` if the socket was accepted before
 */
export function accept<T = unknown>(
  conn: DenoConn,
  options: DenoServerOptions<T> = {},
): Promise<void> {
  const plan = planFor("accept", options, acceptChecks);
  if (used.has(conn)) throw unusable("SOCKET_IN_USE");
  return new DenoConnection(conn, plan, new Serving(plan)).run();
}

/** The errors of `accept` that are about one connection, whose client has left. */
const LEFT = new Set(["NotConnected", "ConnectionAborted", "ConnectionReset"]);

/** The longest pause after a connection could not be accepted, in milliseconds. */
const LONGEST = 1000;

/** The plans of listeners that are served. */
const listeners = new WeakMap<object, Plan>();

/** Serves all connections that a listener accepts, until it is closed. */
export async function serve<T = unknown>(
  listener: DenoListener,
  options: DenoServerOptions<T> = {},
): Promise<void> {
  const plan = newPlan("serve", options, acceptChecks);
  listeners.set(listener, plan);
  let pause = 0;
  for (;;) {
    let conn: DenoConn;
    try {
      conn = await listener.accept();
    } catch (error) {
      const { name } = error as Error;
      // The listener was closed.
      if (name === "BadResource" || name === "Interrupted") return;
      // No listener.
      if (name === "TypeError") throw error;
      // The client reset the connection before it was accepted: the listener is as good as before.
      if (LEFT.has(name)) continue;
      if (options.acceptFailed !== undefined) options.acceptFailed(error);
      else if (pause === 0) console.error("wscodec: a connection could not be accepted:", error);
      pause = Math.min(LONGEST, pause === 0 ? 5 : 2 * pause);
      await sleep(pause);
      continue;
    }
    pause = 0;
    void new DenoConnection(conn, plan, new Serving(plan)).run();
  }
}

/**
 * Ends a server gracefully: the listener is closed and requests are answered with 503; messages
 * that have arrived are handled, and those that have arrived in part may complete within `grace`;
 * then each connection is closed with 1001. Resolves when all connections are gone.
 *
 * `server` is a listener of {@link serve}, or the options that were given to {@link accept}.
 */
export async function shutdown(
  server: DenoListener | DenoServerOptions<any>,
  options: ShutdownOptions = {},
): Promise<void> {
  const own = listeners.get(server);
  const plan = own ?? knownPlan(server);
  if (plan === undefined) {
    throw new TypeError("shutdown: no listener that is served, and no options given to accept");
  }
  if (own !== undefined) (server as DenoListener).close?.();
  await end(plan, options);
}

/** The options of a client in Deno. */
export interface DenoClientOptions<T = unknown>
  extends Partial<Omit<ConnectOptions, "path">>,
    ClientSessionOptions,
    ConnectionOptions,
    Handlers<DenoConnection<T>> {
  /** For `wss:`, the options of `Deno.connectTls` beside the address, such as `caCerts`. */
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
  options: DenoClientOptions<T> = {},
): Promise<DenoConnection<T>> {
  const { secure, hostname, port, host, path } = targetOf(url);
  const plan = newPlan("connect", options, connectChecks);
  const { Deno } = globalThis as unknown as { Deno: Runtime };
  const began = performance.now();
  const conn = await inTime(
    secure
      ? Deno.connectTls({ ...options.tls, hostname, port })
      : Deno.connect({ hostname, port }),
    plan.handshakeTimeout,
  );
  const left = Math.max(0, plan.handshakeTimeout - (performance.now() - began));
  return new Promise((resolve, reject) => {
    const asked = { host, ...plan.asked, path };
    const calling = new Calling<DenoConnection<T>>(asked, plan.session, resolve, reject);
    const connection = new DenoConnection<T>(conn, plan, calling);
    connection.wait(left);
    calling.start(connection);
    void connection.run();
  });
}

/** A socket that connects in time, or an error; a socket that comes too late is closed. */
async function inTime(connecting: Promise<DenoConn>, timeout: number): Promise<DenoConn> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let over = false;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      over = true;
      reject(limit("HANDSHAKE_TOO_SLOW"));
    }, timeout);
  });
  connecting.then(
    (conn) => over && conn.close(),
    () => {},
  );
  try {
    return await Promise.race([connecting, late]);
  } finally {
    clearTimeout(timer);
  }
}
