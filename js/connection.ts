/** What the adapters share. */

export { Connection, type Opening } from "./connection/connection.ts";
export type {
  ConnectionOptions,
  Handlers,
  ServerOptions,
  Verdict,
} from "./connection/handlers.ts";
export { Calling } from "./connection/call.ts";
export { Serving } from "./connection/serve.ts";
