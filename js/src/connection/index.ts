/** What the adapters share. */

export { Connection, type Opening } from "./connection.ts";
export type {
  ConnectionOptions,
  Handlers,
  ServerOptions,
  Verdict,
} from "./handlers.ts";
export { Calling } from "./call.ts";
export { Serving } from "./serve.ts";
