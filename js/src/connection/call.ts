/** A client's handshake on a connection. */

import { Connect } from "../session/connect.ts";
import type { ClientSessionOptions, ConnectOptions } from "../session/connect.ts";
import type { Connection, Opening } from "./connection.ts";
import { type Handlers, inPieces } from "./handlers.ts";

/** Sends a request and holds the answer against it. */
export class Calling<C extends Connection> implements Opening {
  readonly server = false;
  readonly #connect: Connect;
  readonly #options: ClientSessionOptions & Handlers<any>;
  readonly #done: (connection: C) => void;
  readonly #failed: (error: unknown) => void;

  constructor(
    options: ConnectOptions & ClientSessionOptions & Handlers<any>,
    done: (connection: C) => void,
    failed: (error: unknown) => void,
  ) {
    this.#connect = new Connect(options);
    this.#options = options;
    this.#done = done;
    this.#failed = failed;
  }

  /** The transport is there. */
  start(connection: C): void {
    connection.write(this.#connect.bytes);
  }

  push(connection: Connection, chunk: Uint8Array): void {
    const connect = this.#connect;
    try {
      if (!connect.push(chunk)) return;
    } catch (error) {
      this.#failed(Object.assign(error as object, { response: connect.response }));
      connection.terminate();
      return;
    }
    try {
      connection.opened(connect.session(inPieces(this.#options)), connect.response?.protocol);
    } finally {
      this.#done(connection as C);
    }
    if (connect.rest.length > 0) connection.received(connect.rest);
  }

  closed(error: unknown): void {
    this.#failed(error ?? this.#connect.cut());
  }
}
