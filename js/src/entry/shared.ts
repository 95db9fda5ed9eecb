/**
 * All of `wscodec`, with its module on memory that other threads can read. One thread can read the
 * bytes that `bytes()` has lent in another thread, without a copy.
 *
 * @module
 */

import "./load-shared.ts";

import { wasm } from "../wasm/module.ts";

export * from "../index.ts";

/** Memory that threads share: a `WebAssembly.Memory`, which `postMessage` hands on as it is. */
export interface SharedMemory {
  /** A new object, of the same memory, each time that this has grown. */
  readonly buffer: SharedArrayBuffer;
}

/** The module's memory. Other threads may read it; only the module writes there. */
export const memory = wasm.memory as unknown as SharedMemory;
