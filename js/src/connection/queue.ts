/**
 * The bytes that wait to be sent on all connections of a program together. A connection tells
 * when its part changes; a connection with nothing to send costs nothing here.
 */

import type { WscodecError } from "../error/errors.ts";

/** A connection that has bytes to send, and that can be dropped because of them. */
interface Sender {
  drop(reason: WscodecError): void;
}

let total = 0;
const waiting = new Map<Sender, number>();

/** A connection has this many bytes to send now. */
export function account(connection: Sender, bytes: number): void {
  total += bytes - (waiting.get(connection) ?? 0);
  if (bytes > 0) waiting.set(connection, bytes);
  else waiting.delete(connection);
}

/** How many bytes wait in all. */
export function queued(): number {
  return total;
}

/** The connection on which most bytes wait. */
export function longest(): Sender | undefined {
  let found: Sender | undefined;
  let most = 0;
  for (const [connection, bytes] of waiting) {
    if (bytes > most) [found, most] = [connection, bytes];
  }
  return found;
}
