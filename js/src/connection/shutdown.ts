/** The graceful end of a server. */

import { integerFrom, type Checks, checkOptions, milliseconds, text } from "../options/check.ts";
import type { Plan } from "./options.ts";
import { sleep } from "./sleep.ts";

/** How a server ends. */
export interface ShutdownOptions {
  /**
   * How long messages that were received in part may take to complete, in milliseconds. Default
   * 5,000. Then the peers have the connections' `closeTimeout` to answer.
   */
  readonly grace?: number | undefined;
  /** The code that connections are closed with. Default 1001, "going away". */
  readonly code?: number | undefined;
  /** The reason that goes with it. */
  readonly reason?: string | undefined;
}

const checks = {
  grace: milliseconds,
  code: integerFrom(1000, 4999),
  reason: text,
} satisfies Checks<ShutdownOptions>;

/** How often connections are looked at. */
const TURN = 20;

/**
 * Ends all connections of a plan: requests are rejected with status 503 from now on; what has arrived
 * is answered; messages that were received in part may complete; then each connection is closed.
 * Resolves when all are gone.
 */
export async function end(plan: Plan, options: ShutdownOptions): Promise<void> {
  checkOptions("shutdown", options, checks);
  const { grace = 5000, code = 1001, reason = "" } = options;
  const until = performance.now() + grace;
  plan.ending = true;
  const told = new WeakSet<object>();
  for (const connection of plan.connections) connection.quiet();
  while (plan.connections.size > 0) {
    await sleep(TURN);
    const over = performance.now() >= until;
    for (const connection of plan.connections) {
      if (told.has(connection) || !(connection.quiet() || over)) continue;
      told.add(connection);
      connection.goAway(code, reason);
    }
  }
}
