/** The options of a session: its automatic answers and its times. */

import type { DecoderOptions } from "../frame/options.ts";
import { integer } from "../limits/check.ts";

/** How a session behaves, the same for both roles. Times are in milliseconds. */
export interface SessionBehavior {
  /** Answers pings (RFC 6455 §5.5.2); without, the caller does. Default true. */
  readonly autoPong?: boolean | undefined;
  /**
   * Answers a close frame at once, with the code it came with (RFC 6455 §5.5.1).
   * Without, the caller may send more, and then closes. Default true.
   */
  readonly autoClose?: boolean | undefined;
  /**
   * With this many bytes not taken yet, no further pong is added: the newest is
   * kept, and added when there is room again (RFC 6455 §5.5.3). Default 16 KiB.
   */
  readonly backlog?: number | undefined;
  /**
   * How long the peer may take to answer our close frame, and then, at a client,
   * to close the transport (RFC 6455 §7.1.1). Default 10,000.
   */
  readonly closeTimeout?: number | undefined;
  /** Pings a peer of whom nothing came for that long. By default never. */
  readonly heartbeat?: number | undefined;
  /** How long something must come after such a ping. Default 20,000. */
  readonly pongTimeout?: number | undefined;
  /**
   * Closes with 1001 when no message came for that long; pings and pongs don't
   * count. By default never.
   */
  readonly idle?: number | undefined;
}

/** Whether messages are shown as they come. */
export type InPieces = Pick<DecoderOptions, "pieces">;

/** The options of a {@link Session}: its role, its limits, and the agreement of the handshake. */
export interface SessionOptions extends DecoderOptions, SessionBehavior {
  /** Where a client's mask keys come from: see `MessageEncoderOptions`. */
  readonly maskKey?: (() => number) | undefined;
}

/** Milliseconds, or as the option's default has it. */
function time(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (value >= 0 && value !== Infinity)) return value;
  throw new RangeError(`${name} must be a number of milliseconds from 0 on`);
}

/** How long is waited for what, in milliseconds; never, if it is undefined. */
export interface Times {
  readonly heartbeat: number | undefined;
  readonly pongTimeout: number;
  readonly idle: number | undefined;
  readonly closeTimeout: number;
}

/** The clock's part. */
export function timesOf(options: SessionBehavior): Times {
  return {
    heartbeat: time("heartbeat", options.heartbeat),
    pongTimeout: time("pongTimeout", options.pongTimeout) ?? 20_000,
    idle: time("idle", options.idle),
    closeTimeout: time("closeTimeout", options.closeTimeout) ?? 10_000,
  };
}

/** How much may wait before pongs do. */
export function backlogOf({ backlog = 16 * 1024 }: SessionBehavior): number {
  return integer("backlog", backlog);
}
