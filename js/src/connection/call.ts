/** A client's handshake on a connection. */

import { type ClientSessionOptions, Connect, type ConnectOptions } from "../session/connect.ts";
import type { Connection, Opening } from "./connection.ts";

/** Sends a request and holds the answer against it. */
export class Calling<C extends Connection<any>> implements Opening {
  readonly server = false;
  readonly #connect: Connect;
  readonly #session: ClientSessionOptions;
  readonly #done: (connection: C) => void;
  readonly #failed: (error: unknown) => void;

  constructor(
    options: ConnectOptions,
    session: ClientSessionOptions,
    done: (connection: C) => void,
    failed: (error: unknown) => void,
  ) {
    this.#connect = new Connect(options);
    this.#session = session;
    this.#done = done;
    this.#failed = failed;
  }

  /** The transport is there. */
  start(connection: C): void {
    connection.write(this.#connect.bytes);
  }

  push(connection: Connection<any>, chunk: Uint8Array): void {
    const connect = this.#connect;
    try {
      if (!connect.push(chunk)) return;
    } catch (error) {
      this.#failed(Object.assign(error as object, { response: connect.response }));
      connection.terminate();
      return;
    }
    connection.opened(connect.session(this.#session), connect.response?.protocol, connect.rest);
    this.#done(connection as C);
  }

  late(): boolean {
    return false;
  }

  reject(connection: Connection<any>): void {
    connection.terminate();
  }

  closed(error: unknown): void {
    this.#failed(error ?? this.#connect.cut());
  }
}
