/** Whether the heads are right. */

import { UpgradeRequest, UpgradeResponse } from "wscodec";
import { type Fault, faultAt, faultOf } from "./faults.ts";
import { type Head, MAX_HEAD } from "./heads.ts";

/** As much as can be: a recording may be of peers that take more than we do. */
const LIMITS = { maxHead: MAX_HEAD, maxHeaders: 128 };

/** Judges a client's request as a server has to (RFC 6455 §4.2.1). */
export function checkRequest(head: Head): { request?: UpgradeRequest; fault?: Fault } {
  try {
    const request = UpgradeRequest.parse(head.bytes, LIMITS);
    return request ? { request } : { fault: endless(head) };
  } catch (error) {
    return { fault: faultOf(error) };
  }
}

/**
 * Judges a server's answer as the client that asked has to (§4.1). What hangs
 * on the question is judged if that is known.
 */
export function checkResponse(head: Head, request?: UpgradeRequest): { fault?: Fault } {
  try {
    const response = UpgradeResponse.parse(head.bytes, request, LIMITS);
    if (response === undefined) return { fault: endless(head) };
    if (response.status === 101) return {};
    return { fault: faultAt("STATUS", head.start[0].length + 1) };
  } catch (error) {
    return { fault: faultOf(error) };
  }
}

/** The fault of a head without an end, if nothing else is wrong with it. */
function endless({ bytes }: Head): Fault {
  const { length } = bytes;
  if (length >= MAX_HEAD) return faultAt("HEAD_TOO_LARGE", MAX_HEAD);
  return faultAt("UNEXPECTED_EOF", length);
}
