/** A server's handshake on a connection. */

import { UpgradeRequestReader } from "../handshake/reader.ts";
import { rejection, reject, type UpgradeRequest } from "../handshake/request.ts";
import { Upgrade } from "../session/upgrade.ts";
import type { Connection, Opening } from "./connection.ts";
import type { Plan } from "./options.ts";
import { limit, report } from "./report.ts";
import { decisionOf, isThenable } from "./verdict.ts";

/** How long the transport stays after a rejection, for the answer to leave. */
const LINGER = 2000;
/** How much may arrive behind a request while it is decided on, before reading stops. */
const EARLY = 64 * 1024;

/** Reads a request, decides on it, and answers. */
export class Serving implements Opening {
  readonly server = true;
  readonly #plan: Plan;
  #reader: UpgradeRequestReader | undefined;
  /** The bytes that followed the request, until the program has decided on it. */
  #early: Uint8Array[] | undefined;
  #length = 0;
  /** Whether the request was answered, or can't be any more. */
  #done = false;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  push(connection: Connection<any>, chunk: Uint8Array): void {
    if (this.#done) return;
    if (this.#early !== undefined) {
      this.#early.push(chunk.slice());
      this.#length += chunk.length;
      if (this.#length > EARLY) connection.read(false);
      return;
    }
    this.#reader ??= new UpgradeRequestReader(this.#plan.limits);
    let request: UpgradeRequest | undefined;
    try {
      request = this.#reader.push(chunk);
    } catch (error) {
      return this.end(connection, error);
    }
    if (request !== undefined) this.decide(connection, request, this.#reader.rest);
  }

  late(connection: Connection<any>): boolean {
    if (this.#done) return false;
    // An answer to half a request is read by those who wait for one; silence gets no answer.
    if (this.#reader === undefined && this.#early === undefined) return false;
    if (this.#early !== undefined) this.#answer(connection, reject(503));
    else this.end(connection, limit("HANDSHAKE_TOO_SLOW"));
    return true;
  }

  reject(connection: Connection<any>): void {
    if (this.#done) return;
    if (this.#reader === undefined && this.#early === undefined) connection.terminate();
    else this.#answer(connection, reject(503));
  }

  closed(): void {
    this.#done = true;
    this.#reader?.free();
  }

  /** Answers a request; `rest` came behind it. */
  decide(connection: Connection<any>, request: UpgradeRequest, rest: Uint8Array): void {
    const { options, policy } = this.#plan;
    if (this.#plan.ending) return this.#answer(connection, reject(503));
    try {
      const upgrade = new Upgrade(request, policy);
      const verdict: unknown = options.upgrade?.(upgrade, connection);
      if (!isThenable(verdict)) return this.#grant(connection, upgrade, verdict, [rest]);
      // The chunk's memory is the transport's.
      const early = (this.#early = [rest.slice()]);
      new Promise((resolve) => resolve(verdict)).then(
        (verdict) => {
          if (this.#done) return;
          this.#grant(connection, upgrade, verdict, early);
          if (this.#length > EARLY) connection.read(true);
        },
        (error: unknown) => this.#fail(connection, error),
      );
    } catch (error) {
      this.end(connection, error);
    }
  }

  /** Answers with the rejection that an error calls for; 500 for an error of the program. */
  end(connection: Connection<any>, error: unknown): void {
    let answer: Uint8Array<ArrayBuffer>;
    try {
      answer = rejection(error);
    } catch {
      return this.#fail(connection, error);
    }
    this.#answer(connection, answer);
  }

  #fail(connection: Connection<any>, error: unknown): void {
    report(error);
    this.#answer(connection, reject(500));
  }

  #grant(
    connection: Connection<any>,
    upgrade: Upgrade,
    verdict: unknown,
    early: readonly Uint8Array[],
  ): void {
    let answer: Uint8Array<ArrayBuffer>;
    try {
      const decision = decisionOf(verdict);
      if ("reject" in decision) return this.#answer(connection, reject(decision.reject));
      answer = upgrade.accept(decision.headers);
    } catch (error) {
      return this.#fail(connection, error);
    }
    // Whoever has left, or has ended its side, can't answer a close frame.
    if (connection.lost) {
      this.#done = true;
      return connection.terminate();
    }
    this.#done = true;
    connection.write(answer);
    connection.opened(upgrade.session(this.#plan.session), upgrade.protocol);
    for (const chunk of early) if (chunk.length > 0) connection.received(chunk);
  }

  /** Sends a rejection, and nothing more. */
  #answer(connection: Connection<any>, answer: Uint8Array<ArrayBuffer>): void {
    if (this.#done) return;
    this.#done = true;
    connection.write(answer);
    connection.hangUp(LINGER);
  }
}
