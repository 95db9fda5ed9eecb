/** What a program does with its connections, once for all of them. */

import type { HandshakeLimits, HeadersInput } from "../handshake/options.ts";
import type { SessionManner } from "../session/options.ts";
import type { Outcome, SessionEvent } from "../session/session.ts";
import type { Policy, SessionLimits, Upgrade } from "../session/upgrade.ts";
import type { Connection } from "./connection.ts";

/**
 * What is called when something happens; all of it is optional. Within a call,
 * don't push to decoders of this package: the rest of the chunk that is gone
 * through would be gone.
 *
 * What a call throws closes the connection with 1011, and is thrown on: it is the
 * runtime's to report, as what any listener throws. What `upgrade` throws is answered with
 * status 500.
 */
export interface Handlers<C extends Connection = Connection> {
  /** The handshake is done. */
  open?(ws: C): void;
  /**
   * A message: a string if it is text, else its bytes. They are the program's own,
   * or with `lend` in the options valid during the call only.
   */
  message?(ws: C, data: string | Uint8Array): void;
  /**
   * A piece of a message, as it came, so that large ones need no memory: with this,
   * `message` is not called. `first` and `last` say where the message begins and ends;
   * what `bytes()` lends is valid during the call. `maxMessage` holds all the same.
   */
  piece?(ws: C, piece: SessionEvent): void;
  /** A ping, which is answered unless `autoPong` is false. The payload is lent. */
  ping?(ws: C, data: Uint8Array): void;
  /** A pong. The payload is lent. */
  pong?(ws: C, data: Uint8Array): void;
  /** What was sent has gone, after `send` returned false. */
  drain?(ws: C): void;
  /** The transport is closed; it was opened before. */
  close?(ws: C, outcome: Outcome): void;
}

/** How connections behave. Times are in milliseconds. */
export interface ConnectionOptions extends SessionManner, SessionLimits, HandshakeLimits {
  /** How long a handshake may take. Default 10,000. */
  readonly handshakeTimeout?: number | undefined;
  /**
   * Most bytes that may wait to be sent to a peer that does not read: past it, the
   * connection is dropped. Default 16 MiB.
   */
  readonly maxBuffered?: number | undefined;
  /** Lends binary messages instead of copying them. Default false. */
  readonly lend?: boolean | undefined;
}

/** What a server does, and how. */
export interface ServerOptions<C extends Connection = Connection>
  extends ConnectionOptions,
    Policy,
    Handlers<C> {
  /**
   * Looks at a request that the policy grants, and may wait: returns further
   * headers for the answer, or `false` or a status to refuse with (`false` is 403).
   */
  upgrade?(upgrade: Upgrade, ws: C): Verdict | Promise<Verdict>;
}

/** What a server's `upgrade` decides. */
export type Verdict = void | undefined | boolean | number | HeadersInput;

/** How a session is made for these handlers. */
export function inPieces<O extends Handlers<any>>(options: O): O & { pieces?: boolean } {
  return options.piece === undefined ? options : { ...options, pieces: true };
}
