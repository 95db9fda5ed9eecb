/**
 * The module's exports, for the classes of this package; the only file that
 * imports what wasm-bindgen generated.
 *
 * An entry (`entry/*.ts`) calls {@link load} before `index.ts` is evaluated, so
 * nothing else here has to ask whether the module is there.
 */

import { initSync } from "../../generated/wscodec.js";
import type { InitOutput, SyncInitInput } from "../../generated/wscodec.js";

/** What wasm-bindgen wraps: by name, so that what nobody uses is left out. */
export * from "../../generated/wscodec.js";

/**
 * The raw exports, memory among them: calls with numbers only cost nothing
 * more than a JavaScript call. A view on `wasm.memory.buffer` dies when the
 * memory grows.
 */
export let wasm: InitOutput;

/** Compiles the module, if bytes are given, and makes the one instance. */
export function load(module: SyncInitInput): void {
  wasm = initSync({ module });
}
