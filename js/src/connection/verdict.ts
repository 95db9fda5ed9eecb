/**
 * The values that a server's `upgrade` may return, and their meaning. The rule is that a decision
 * fails closed: a value is a grant only if it is on the list, and everything else is an error of the
 * program (status 500).
 *
 * Nothing here asks `instanceof`: a promise of another realm, of zone.js or of Bluebird is no
 * `Promise` of ours, and not to await it means to let everybody in.
 */

import { headerPairs } from "../options/tables.ts";

/** The decision on a request: further headers of the 101, or the status to reject with. */
export type Decision =
  | { readonly reject: number }
  | { readonly headers: readonly (readonly [string, string])[] | undefined };

/**
 * Names that no header of a 101 has, but a verdict of another library or of the program itself, such
 * as `{ error: "no" }`. A grant must not be read into one of these.
 */
const NO_HEADERS = new Set(
  ("accept allow allowed authorized body code error errors granted headers message ok reason reject " +
    "rejected result status statuscode statustext success verdict").split(" "),
);

const FORMS =
  "upgrade must return undefined or true (granted), headers (granted with them), false (403) or a " +
  "status from 300 to 599, or a promise of one of these";

/** Whether a value has to be awaited. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  return typeof (value as { then?: unknown }).then === "function";
}

/**
 * Reads a verdict.
 *
 * @throws TypeError for a value that is no verdict
 */
export function decisionOf(verdict: unknown): Decision {
  if (verdict === undefined || verdict === true) return { headers: undefined };
  if (verdict === false) return { reject: 403 };
  if (typeof verdict === "number") {
    if (Number.isInteger(verdict) && verdict >= 300 && verdict <= 599) return { reject: verdict };
  } else {
    const headers = headerPairs(verdict);
    if (headers !== undefined && isHeaders(verdict as object)) return { headers };
  }
  throw new TypeError(`${FORMS}; it returned ${described(verdict)}`);
}

/** Whether an object that has the shape of headers is meant as headers. */
function isHeaders(verdict: object): boolean {
  // Bytes are iterable, and no list of pairs, also if there are none.
  if (Symbol.iterator in verdict) return !ArrayBuffer.isView(verdict);
  // An object without any header may be an answer of another library.
  const names = Object.keys(verdict);
  return names.length > 0 && !names.some((name) => NO_HEADERS.has(name.toLowerCase()));
}

function described(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  if (typeof value !== "object" || value === null) return String(value);
  return Object.prototype.toString.call(value);
}
