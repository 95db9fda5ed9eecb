/** A server's handshake on a connection. */

import { refusal, refuse, type UpgradeRequest } from "../handshake/request.ts";
import { UpgradeReader } from "../handshake/reader.ts";
import { Upgrade } from "../session/upgrade.ts";
import type { Connection, Opening } from "./connection.ts";
import { inPieces, type ServerOptions, type Verdict } from "./handlers.ts";

/** Reads a request, decides on it, and answers. */
export class Serving implements Opening {
  readonly server = true;
  readonly #options: ServerOptions<any>;
  #reader: UpgradeReader | undefined;
  /** Whether the request was answered, or is being decided on. */
  #decided = false;

  constructor(options: ServerOptions<any>) {
    this.#options = options;
  }

  push(connection: Connection, chunk: Uint8Array): void {
    if (this.#decided) return;
    this.#reader ??= new UpgradeReader(this.#options);
    let request: UpgradeRequest | undefined;
    try {
      request = this.#reader.push(chunk);
    } catch (error) {
      this.#decided = true;
      return end(connection, refusal(error));
    }
    if (request !== undefined) this.decide(connection, request, this.#reader.rest);
  }

  closed(): void {
    this.#reader?.free();
  }

  /** Answers a request; `rest` came behind it. */
  decide(connection: Connection, request: UpgradeRequest, rest: Uint8Array): void {
    this.#decided = true;
    const options = this.#options;
    let upgrade: Upgrade;
    try {
      upgrade = new Upgrade(request, options);
    } catch (error) {
      return end(connection, refusal(error));
    }
    let verdict: Verdict | Promise<Verdict>;
    try {
      verdict = options.upgrade?.(upgrade, connection);
    } catch (error) {
      end(connection, refuse(500));
      throw error;
    }
    if (!(verdict instanceof Promise)) return this.#answer(connection, upgrade, verdict, rest);
    // The chunk's memory is the transport's.
    const kept = rest.slice();
    connection.read(false);
    verdict.then(
      (verdict) => {
        this.#answer(connection, upgrade, verdict, kept);
        connection.read(true);
      },
      (error: unknown) => {
        end(connection, refuse(500));
        throw error;
      },
    );
  }

  #answer(connection: Connection, upgrade: Upgrade, verdict: Verdict, rest: Uint8Array): void {
    if (verdict === false) return end(connection, refuse(403));
    if (typeof verdict === "number") return end(connection, refuse(verdict));
    const headers = verdict === undefined || verdict === true ? undefined : verdict;
    connection.write(upgrade.accept(headers));
    connection.opened(upgrade.session(inPieces(this.#options)), upgrade.protocol);
    if (rest.length > 0) connection.received(rest);
  }
}

/** Sends a refusal, and nothing more. */
function end(connection: Connection, answer: Uint8Array): void {
  connection.write(answer);
  connection.hangUp();
  connection.wait(2000);
}
