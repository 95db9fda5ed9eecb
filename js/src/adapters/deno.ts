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

import { Calling, Connection, type Opening, Serving } from "../connection/index.ts";
import type { ConnectionOptions, Handlers, ServerOptions } from "../connection/index.ts";
import type { ClientSessionOptions, ConnectOptions } from "../index.ts";
import { targetOf } from "./target.ts";

/** Of `Deno.Conn` and `Deno.TlsConn` what is used here. */
export interface DenoConn {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  setNoDelay?(on?: boolean): void;
}

/** Of `Deno.Listener` what is used here. */
export interface DenoListener {
  accept(): Promise<DenoConn>;
}

interface Runtime {
  connect(options: { hostname: string; port: number }): Promise<DenoConn>;
  connectTls(options: object): Promise<DenoConn>;
}

/** What one read brings at most: each connection that reads has a place of this size. */
const READ = 16 * 1024;

/** A connection over a Deno socket. */
export class DenoConnection extends Connection {
  /** The socket, for its addresses; its bytes are the connection's. */
  readonly conn: DenoConn;
  #queue: Uint8Array[] = [];
  #unsent = 0;
  #writing = false;
  #ending = false;
  #gone = false;
  #paused = false;
  #wake: (() => void) | undefined;

  /** @internal */
  constructor(conn: DenoConn, options: ConnectionOptions, opening: Opening) {
    super(options, opening);
    this.conn = conn;
    conn.setNoDelay?.(true);
  }

  /** Reads to the end. @internal */
  async run(): Promise<void> {
    const place = new Uint8Array(READ);
    let error: unknown;
    try {
      for (;;) {
        while (this.#paused) await new Promise<void>((resolve) => (this.#wake = resolve));
        const length = await this.conn.read(place);
        if (length === null) break;
        // What a handler throws is the program's to see, and ends this connection only.
        try {
          this.received(place.subarray(0, length));
        } catch (thrown) {
          reportError(thrown);
        }
      }
    } catch (lost) {
      error = lost;
    }
    this.#ending = true;
    if (!this.#writing) this.terminate();
    this.closed(error);
  }

  override terminate(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#queue = [];
    this.#unsent = 0;
    this.read(true);
    try {
      this.conn.close();
    } catch {
      // It was lost before.
    }
  }

  /** @internal */
  override write(bytes: Uint8Array): boolean {
    if (this.#gone) return true;
    this.#queue.push(bytes);
    this.#unsent += bytes.length;
    if (!this.#writing) void this.#pump();
    return this.#unsent < READ;
  }

  /** @internal */
  override hangUp(): void {
    if (this.#ending) return;
    this.#ending = true;
    if (!this.#writing) this.conn.closeWrite().catch(() => {});
  }

  /** @internal */
  override read(on: boolean): void {
    this.#paused = !on;
    if (on) this.#wake?.();
  }

  /** @internal */
  override get unsent(): number {
    return this.#unsent;
  }

  async #pump(): Promise<void> {
    this.#writing = true;
    try {
      for (let bytes = this.#queue.shift(); bytes !== undefined; bytes = this.#queue.shift()) {
        while (bytes.length > 0) {
          const length = await this.conn.write(bytes);
          bytes = bytes.subarray(length);
          this.#unsent -= length;
        }
      }
      if (this.#ending) await this.conn.closeWrite();
    } catch {
      // Reading ends too then.
      this.terminate();
    }
    this.#writing = false;
    if (!this.#gone) this.drained();
  }
}

/** What a Deno server does, and how. */
export type DenoServerOptions = ServerOptions<DenoConnection>;

/** Serves a socket that was accepted, to its end. */
export function accept(conn: DenoConn, options: DenoServerOptions = {}): Promise<void> {
  return new DenoConnection(conn, options, new Serving(options)).run();
}

/** Serves all that a listener accepts, until it is closed. */
export async function serve(
  listener: DenoListener,
  options: DenoServerOptions = {},
): Promise<void> {
  for (;;) {
    let conn: DenoConn;
    try {
      conn = await listener.accept();
    } catch (error) {
      // The listener was closed.
      if ((error as Error).name === "BadResource" || (error as Error).name === "Interrupted") return;
      throw error;
    }
    void accept(conn, options);
  }
}

/** What a client asks for, and what it does with the connection. */
export interface DenoClientOptions
  extends Partial<Omit<ConnectOptions, "path">>,
    ClientSessionOptions,
    ConnectionOptions,
    Handlers<DenoConnection> {
  /** For `wss:`, what `Deno.connectTls` takes. */
  readonly tls?: object | undefined;
}

/**
 * Connects to a server, with any header. The promise fails with what the socket or the
 * handshake failed with; with HandshakeError `STATUS`, its `response` is the server's
 * answer.
 */
export async function connect(
  url: string | URL,
  options: DenoClientOptions = {},
): Promise<DenoConnection> {
  const { secure, hostname, port, host, path } = targetOf(url);
  const { Deno } = globalThis as unknown as { Deno: Runtime };
  const conn = secure
    ? await Deno.connectTls({ hostname, port, ...options.tls })
    : await Deno.connect({ hostname, port });
  return new Promise((resolve, reject) => {
    const calling = new Calling<DenoConnection>({ host, ...options, path }, resolve, reject);
    const connection = new DenoConnection(conn, options, calling);
    calling.start(connection);
    void connection.run();
  });
}
