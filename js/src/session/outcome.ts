/** How far a session is, and how it has ended. */

import type { WscodecError } from "../error/errors.ts";
import { decodeText } from "../memory/memory.ts";
import type { Endpoint } from "../wasm/module.ts";

/**
 * How far a session is (RFC 6455 §7.1):
 *
 * - `"open"`: both sides may send.
 * - `"closing"`: we sent a close frame, and messages may still come.
 * - `"peer-closed"`: the peer sent one, and ours is due; only without `autoClose`.
 * - `"closed"`: nothing more goes either way, as both close frames went or the
 *   session failed. What waits is to be sent; then a server closes the transport,
 *   and a client waits for the server to.
 */
export type SessionState = "open" | "closing" | "peer-closed" | "closed";

/** How a session ended. */
export interface Outcome {
  /**
   * The code that the peer sent (RFC 6455 §7.1.5): 1005 if its close frame had
   * none, 1006 if no close frame came.
   */
  readonly code: number;
  /** The reason that the peer sent; often empty. */
  readonly reason: string;
  /** The code that we sent, 1005 for a close frame without; `undefined` if we sent none. */
  readonly sent: number | undefined;
  /** Whether both close frames went (RFC 6455 §7.1.4). */
  readonly clean: boolean;
  /** What went wrong, if something did. */
  readonly error: WscodecError | undefined;
}

/** The states in the order of the module's numbers. */
export const STATES = ["open", "closing", "peer-closed", "closed"] as const;

export const [CLOSING, PEER_CLOSED, CLOSED] = [1, 2, 3];

const CLEAN = 1 << 16;

/**
 * The outcome of an endpoint whose session is closed, and whose error is known.
 *
 * @internal
 */
export function outcomeOf(endpoint: Endpoint, error: WscodecError | undefined): Outcome {
  const sent = endpoint.sent();
  return {
    code: endpoint.code(),
    reason: decodeText(endpoint.reason(), endpoint.reason_len(), false),
    sent: sent & 0xffff || undefined,
    clean: (sent & CLEAN) !== 0,
    error,
  };
}

/** The outcome of a session that could not even get an endpoint. */
export function outcomeWithoutMemory(error: WscodecError): Outcome {
  return { code: 1006, reason: "", sent: undefined, clean: false, error };
}
