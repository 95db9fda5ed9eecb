/** Whether the heads are right. */

import type { Fault } from "./events.ts";
import { faultAt } from "./faults.ts";
import { type Head, MAX_HEAD, statusOf } from "./heads.ts";

/** What is wrong with a client's request. */
export function checkRequest(head: Head): Fault | undefined {
  return head.complete ? undefined : endless(head);
}

/** What is wrong with a server's answer. */
export function checkResponse(head: Head): Fault | undefined {
  if (!head.complete) return endless(head);
  const status = statusOf(head);
  const refused = status !== undefined && status !== 101;
  return refused ? faultAt("STATUS", head.line.indexOf(" ") + 1) : undefined;
}

/** The fault of a head whose end was not found, if nothing else is wrong with it. */
function endless({ bytes }: Head): Fault {
  const { length } = bytes;
  if (length >= MAX_HEAD) return faultAt("HEAD_TOO_LARGE", MAX_HEAD);
  return faultAt("UNEXPECTED_EOF", length);
}
