/** The options of the handshake, and the shapes in which they are given. */

import { integer } from "../limits/check.ts";
import { type Checks, checkOptions } from "../options/check.ts";
import { handshakeChecks, headerPairs } from "../options/tables.ts";

/** How much a peer's head may have. */
export interface HandshakeLimits {
  /** Most bytes of a head with its closing empty line; default 16 KiB. */
  readonly maxHead?: number;
  /** Most header lines, up to 128; default 100. */
  readonly maxHeaders?: number;
}

/** Names and values of headers, in any of the shapes that runtimes have them in. */
export type HeadersInput =
  | Iterable<readonly [name: string, value: string]>
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/** The defaults, as the module takes them. */
const DEFAULT: readonly [number, number] = [16 * 1024, 100];

/** The limits as the module takes them. */
export function limitsOf(limits?: HandshakeLimits): readonly [number, number] {
  if (limits === undefined) return DEFAULT;
  checkOptions("HandshakeLimits", limits, handshakeChecks satisfies Checks<HandshakeLimits>);
  const { maxHead = DEFAULT[0], maxHeaders = DEFAULT[1] } = limits;
  return [integer("maxHead", maxHead, 2 ** 30), integer("maxHeaders", maxHeaders, 128)];
}

/**
 * Names and values, one pair for each line.
 *
 * @throws TypeError for a value of another shape
 */
export function pairsOf(headers: HeadersInput | undefined): (readonly [string, string])[] {
  if (headers === undefined) return [];
  const pairs = headerPairs(headers);
  if (pairs !== undefined) return pairs;
  throw new TypeError(
    "headers must be pairs of strings, or an object with strings or arrays of strings",
  );
}
