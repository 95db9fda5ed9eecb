/**
 * `wscodec/inspect`: finds the WebSocket connections in captures and live streams. The inspector is
 * the Rust crate `wscodec-inspect` as a wasm module of its own.
 */

export * from "./events.ts";
export * from "./inspector.ts";
export type { InspectOptions } from "./options.ts";
