/** Whether the heads are right. */

import type { Fault } from "./events.ts";
import { faultAt } from "./faults.ts";
import { type Head, statusOf } from "./heads.ts";

/** What is wrong with a client's request. */
export function checkRequest(head: Head): Fault | undefined {
  return head.complete ? undefined : faultAt("UNEXPECTED_EOF", head.bytes.length);
}

/** What is wrong with a server's answer. */
export function checkResponse(head: Head): Fault | undefined {
  if (!head.complete) return faultAt("UNEXPECTED_EOF", head.bytes.length);
  const status = statusOf(head);
  const refused = status !== undefined && status !== 101;
  return refused ? faultAt("STATUS", head.line.indexOf(" ") + 1) : undefined;
}
