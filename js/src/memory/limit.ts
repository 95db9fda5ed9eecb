/** How much memory the module may take for all connections together. */

import { wasm } from "../wasm/module.ts";

/** The unit in which a module's memory grows. */
const PAGE = 64 * 1024;

let limit = wasm.max_pages.value;

/**
 * Sets how much memory the module may take for all connections together, in bytes; `Infinity` is
 * the 4 GiB that WebAssembly has. Default: 1 GiB, and 64 MiB in the builds for workers, whose
 * runtimes allow 128 MiB in all. The module never gives memory back to the system, so a limit
 * below what it has taken only keeps it from taking more.
 *
 * A connection that needs more is closed: its error is LimitError `OUT_OF_MEMORY`, close code
 * 1013. The others go on.
 *
 * @throws RangeError for what is no number of bytes
 */
export function setMaxMemory(bytes: number): void {
  if (typeof bytes !== "number" || !(bytes >= 0)) {
    throw new RangeError("maxMemory must be a number of bytes from 0 on");
  }
  limit = Math.min(65536, Math.floor(bytes / PAGE));
  wasm.max_pages.value = limit;
}

/** How much memory the module has, and how much it may take, in bytes. */
export function moduleMemory(): { readonly taken: number; readonly max: number } {
  return { taken: wasm.memory.buffer.byteLength, max: limit * PAGE };
}
