/** The program's part: its handlers and options, one object for all connections of a server. */

import type { HandshakeLimits, HeadersInput } from "../handshake/options.ts";
import type { SessionBehavior } from "../session/options.ts";
import type { SessionEvent } from "../session/event.ts";
import type { Outcome } from "../session/outcome.ts";
import type { Policy, SessionLimits, Upgrade } from "../session/upgrade.ts";

/**
 * Functions that a connection calls. All of them are optional.
 *
 * If a handler throws, the connection is closed with 1011, and the error is thrown on where the
 * runtime reports it, once, as it reports the error of any listener. From then on the connection
 * drops the messages, pings and pongs that it receives, also the rest of the same chunk; it still
 * answers the peer's close frame, and calls `close`. If `upgrade` throws, the client gets
 * status 500.
 *
 * A handler may be an `async` function. The connection does not wait for it before it calls the next
 * handler. If its promise is rejected, that counts as if the handler had thrown; and a graceful end
 * of the server waits for it within `grace`. Several handlers of a connection may be at work when one
 * fails. Only that first failure is reported; those of the others are dropped. A failure of `close` is
 * always reported.
 */
export interface Handlers<C> {
  /** The handshake is done. */
  open?(ws: C): void;
  /**
   * A message: a string for text, otherwise its bytes. The bytes belong to the program; with `lend`
   * in the options they are valid during the call only.
   */
  message?(ws: C, data: string | Uint8Array): void;
  /**
   * A piece of a message, as it was received, so that a large message needs no memory. With this
   * handler `message` is not called. `first` and `last` say where the message begins and ends;
   * the bytes that `bytes()` lends are valid during the call. `maxMessage` applies all the same.
   */
  piece?(ws: C, piece: SessionEvent): void;
  /** A ping. It is answered unless `autoPong` is false. The payload is lent. */
  ping?(ws: C, data: Uint8Array): void;
  /** A pong. The payload is lent. */
  pong?(ws: C, data: Uint8Array): void;
  /** There is room again, after `send` returned false. */
  drain?(ws: C): void;
  /**
   * The peer's close frame was received: 1005 if it has no code. It is answered already, unless
   * `autoClose` is false; then the program may send more messages, and calls `ws.close()`.
   */
  peerClose?(ws: C, code: number, reason: string): void;
  /** The transport is closed. It is called once for each connection for which `open` was due. */
  close?(ws: C, outcome: Outcome): void;
}

/** How connections behave. Times are in milliseconds. */
export interface ConnectionOptions extends SessionBehavior, SessionLimits, HandshakeLimits {
  /**
   * How long the opening handshake may take, from the first byte of the transport to the end of
   * `upgrade`, and at a client from the call of `connect`. Default 10,000.
   */
  readonly handshakeTimeout?: number | undefined;
  /**
   * How many bytes may wait to be sent when one more message is sent. If more wait, the peer does
   * not read, and the connection is dropped with LimitError `BUFFER_FULL`. The message itself does
   * not count, so a message of any size can be sent. Default 64 MiB.
   */
  readonly maxBuffered?: number | undefined;
  /**
   * How many bytes may wait to be sent on all connections of the program together. Past this
   * limit, the connection on which most bytes wait is dropped with LimitError `OUT_OF_MEMORY`.
   * Default 1 GiB.
   */
  readonly maxMemory?: number | undefined;
  /**
   * Whether a connection stops reading while its transport has no room, so that a peer that does
   * not read is not served further. Pings and close frames of the peer are read late then. Default
   * false: the connection goes on reading, and `maxBuffered` limits the bytes that wait.
   */
  readonly pauseReadingWhenFull?: boolean | undefined;
  /** Lends binary messages instead of copying them. Default false. */
  readonly lend?: boolean | undefined;
}

/** The options of a server. */
export interface ServerOptions<C>
  extends ConnectionOptions,
    Policy,
    Handlers<C> {
  /**
   * Decides on a request that the policy grants. It may return a promise; anything with a method
   * `then` is awaited. Every value that is no {@link Verdict} is an error of the program: the
   * client gets status 500, and the error is reported once.
   */
  upgrade?(upgrade: Upgrade, ws: C): Verdict | PromiseLike<Verdict>;
}

/**
 * A decision of `upgrade`:
 *
 * - nothing, `undefined` or `true`: the request is granted.
 * - headers: the request is granted, and the answer has these headers too. They are an iterable of
 *   pairs (`Headers`, a `Map`, an array) or a plain object with at least one name. A plain object
 *   with a name such as `status`, `error`, `ok` or `reason` is no list of headers.
 * - `false`: the request is rejected with status 403.
 * - a whole number from 300 to 599: the request is rejected with this status.
 */
export type Verdict = void | undefined | boolean | number | HeadersInput;
