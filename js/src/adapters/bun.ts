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

import { Calling, Connection, type Opening, Serving } from "../connection/index.ts";
import type { ConnectionOptions, Handlers, ServerOptions } from "../connection/index.ts";
import type { ClientSessionOptions, ConnectOptions } from "../index.ts";
import { targetOf } from "./target.ts";

/** Of Bun's `Socket` what is used here. */
export interface BunSocket {
  data: unknown;
  write(bytes: Uint8Array): number;
  end(): void;
  shutdown(): void;
  terminate(): void;
  pause(): void;
  resume(): void;
  setNoDelay?(on?: boolean): void;
}

/** Of what `Bun.listen` returns what is used here. */
export interface BunListener {
  readonly port: number;
  readonly hostname: string;
  stop(closeAll?: boolean): void;
}

interface Runtime {
  listen(options: object): BunListener;
  connect(options: object): Promise<BunSocket>;
}

/** A connection over a Bun socket. */
export class BunConnection extends Connection {
  /** The socket, for its addresses; its bytes are the connection's. */
  readonly socket: BunSocket;
  /** What the socket did not take yet. */
  #queue: Uint8Array[] = [];
  #unsent = 0;
  #ending = false;

  /** @internal */
  constructor(socket: BunSocket, options: ConnectionOptions, opening: Opening) {
    super(options, opening);
    this.socket = socket;
    socket.data = this;
    socket.setNoDelay?.(true);
  }

  override terminate(): void {
    this.socket.terminate();
  }

  /** @internal */
  override write(bytes: Uint8Array): boolean {
    const length = this.#unsent > 0 ? 0 : Math.max(0, this.socket.write(bytes));
    if (length === bytes.length) return true;
    this.#queue.push(bytes.subarray(length));
    this.#unsent += bytes.length - length;
    return false;
  }

  /** Writes what waits, as far as there is room. @internal */
  override drained(): void {
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
    super.drained();
  }

  /** @internal */
  override hangUp(): void {
    this.#ending = true;
    if (this.#unsent === 0) this.socket.shutdown();
  }

  /** @internal */
  override read(on: boolean): void {
    if (on) this.socket.resume();
    else this.socket.pause();
  }

  /** @internal */
  override get unsent(): number {
    return this.#unsent;
  }
}

/** What all sockets call; `open` makes the connection. */
function calls(open: (socket: BunSocket) => void): object {
  return {
    open,
    data: (socket: BunSocket, chunk: Uint8Array) => (socket.data as BunConnection).received(chunk),
    drain: (socket: BunSocket) => (socket.data as BunConnection).drained(),
    end: (socket: BunSocket) => socket.end(),
    error: (_socket: BunSocket, error: Error) => reportError(error),
    close: (socket: BunSocket) => (socket.data as BunConnection).closed(),
  };
}

function runtime(): Runtime {
  return (globalThis as unknown as { Bun: Runtime }).Bun;
}

/** What a Bun server does, and how. */
export interface BunServerOptions extends ServerOptions<BunConnection> {
  /** Default: all of the machine's. */
  readonly hostname?: string | undefined;
  /** 0 for any. */
  readonly port: number;
  /** For `wss:`, what `Bun.listen` takes. */
  readonly tls?: object | undefined;
}

/** Listens; what is no WebSocket request is refused. */
export function listen(options: BunServerOptions): BunListener {
  const { hostname = "0.0.0.0", port, tls } = options;
  const open = (socket: BunSocket): void =>
    void new BunConnection(socket, options, new Serving(options));
  return runtime().listen({ hostname, port, ...(tls && { tls }), allowHalfOpen: true, socket: calls(open) });
}

/** What a client asks for, and what it does with the connection. */
export interface BunClientOptions
  extends Partial<Omit<ConnectOptions, "path">>,
    ClientSessionOptions,
    ConnectionOptions,
    Handlers<BunConnection> {
  /** For `wss:`, what `Bun.connect` takes. */
  readonly tls?: object | undefined;
}

/**
 * Connects to a server, with any header. The promise fails with what the socket or the
 * handshake failed with; with HandshakeError `STATUS`, its `response` is the server's
 * answer.
 */
export function connect(
  url: string | URL,
  options: BunClientOptions = {},
): Promise<BunConnection> {
  const { secure, hostname, port, host, path } = targetOf(url);
  return new Promise((resolve, reject) => {
    const calling = new Calling<BunConnection>({ host, ...options, path }, resolve, reject);
    const open = (socket: BunSocket): void =>
      calling.start(new BunConnection(socket, options, calling));
    const tls = secure ? { tls: options.tls ?? { serverName: hostname } } : {};
    const socket = { ...calls(open), connectError: (_: unknown, error: Error) => reject(error) };
    runtime().connect({ hostname, port, ...tls, socket }).catch(reject);
  });
}
