/** The code that the adapters share. */

export { Calling } from "./call.ts";
export { Connection, type Opening } from "./connection.ts";
export type { ConnectionOptions, Handlers, ServerOptions, Verdict } from "./handlers.ts";
export { clientChecks, knownPlan, newPlan, type Plan, planFor, serverChecks } from "./options.ts";
export { limit, report, unusable } from "./report.ts";
export { Serving } from "./serve.ts";
export { end, type ShutdownOptions } from "./shutdown.ts";
export { sleep } from "./sleep.ts";
export type { Transport } from "./transport.ts";
