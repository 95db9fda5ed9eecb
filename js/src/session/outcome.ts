/** How far a session is, and how it has ended. */

import type { WscodecError } from "../error/errors.ts";
import { decodeText, words } from "../memory/memory.ts";
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
  /** The error that ended the session, if there was one. */
  readonly error: WscodecError | undefined;
}

/** The states in the order of the module's numbers. */
export const STATES = ["open", "closing", "peer-closed", "closed"] as const;

export const [CLOSING, PEER_CLOSED, CLOSED] = [1, 2, 3];

/** The place of the outcome in the words that an endpoint shows. */
const OUTCOME = 12;
const CLEAN = 1 << 16;

/**
 * The outcome of an endpoint whose session is closed, and whose error is known. `word` is the index of
 * the words that the endpoint shows.
 *
 * @internal
 */
export function outcomeOf(endpoint: Endpoint, word: number, error: WscodecError | undefined): Outcome {
  endpoint.show_outcome();
  const [code, address, length, sent] = words.subarray(word + OUTCOME, word + OUTCOME + 4) as unknown as [
    number,
    number,
    number,
    number,
  ];
  return {
    code,
    reason: decodeText(address, length, false),
    sent: sent & 0xffff || undefined,
    clean: (sent & CLEAN) !== 0,
    error,
  };
}

/** The outcome of a session that could not even get an endpoint. */
export function outcomeWithoutMemory(error: WscodecError): Outcome {
  return { code: 1006, reason: "", sent: undefined, clean: false, error };
}
