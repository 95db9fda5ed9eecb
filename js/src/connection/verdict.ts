/**
 * What a server's `upgrade` may return, and what each of it means. The rule is that a decision
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
    // An object without any header is no list of headers: it may be an answer of another library.
    if (headers !== undefined && (Symbol.iterator in (verdict as object) || Object.keys(verdict as object).length > 0)) {
      return { headers };
    }
  }
  throw new TypeError(`${FORMS}; it returned ${described(verdict)}`);
}

function described(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  if (typeof value !== "object" || value === null) return String(value);
  return Object.prototype.toString.call(value);
}
