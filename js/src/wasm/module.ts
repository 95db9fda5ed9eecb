/**
 * The module's exports, for the classes of this package; the only file that
 * imports what wasm-bindgen generated.
 *
 * An entry (`entry/*.ts`) calls {@link load} before `index.ts` is evaluated, so
 * nothing else here has to ask whether the module is there.
 */

import { initSync } from "../../generated/wscodec.js";
import type { InitOutput, SyncInitInput } from "../../generated/wscodec.js";

/** The functions and classes that wasm-bindgen wraps. They are listed by name, so that the bundler leaves out those that nobody uses. */
export * from "../../generated/wscodec.js";

/**
 * The raw exports, memory among them: calls with numbers only cost nothing
 * more than a JavaScript call. A view on `wasm.memory.buffer` dies when the
 * memory grows.
 */
export let wasm: InitOutput & {
  /** How many pages of 64 KiB the memory may have; see `xtask/src/growth.rs`. */
  readonly max_pages: { value: number };
};

/** 1 GiB. */
const PAGES = 16_384;

/**
 * Compiles the module, if bytes are given, and makes the one instance. A runtime that wants a
 * module of its own is a worker with little memory, and has the limit that the module is built with.
 *
 * @throws Error that says why this is not possible; its `cause` is the runtime's error
 */
export function load(module: SyncInitInput): void {
  if (typeof WebAssembly === "undefined") {
    throw new Error(
      "wscodec needs WebAssembly, and this runtime has none; Node has none with --jitless or " +
        "--no-expose-wasm",
    );
  }
  try {
    wasm = initSync({ module }) as typeof wasm;
    if (ArrayBuffer.isView(module)) wasm.max_pages.value = PAGES;
  } catch (error) {
    throw explained(error);
  }
}

/** The error for the user that stands for the runtime's error. The name decides, because the error may be of another realm. */
function explained(error: unknown): unknown {
  const { name } = error as Error;
  if (name === "RangeError") {
    return new Error(
      "wscodec can't reserve the memory of its WebAssembly module. Runtimes reserve address space " +
        "for it, several GiB in Node, so a limit on virtual memory (ulimit -v, RLIMIT_AS) is often " +
        "the reason; too many modules in one process are another",
      { cause: error },
    );
  }
  if (name === "CompileError") {
    return new Error(
      "wscodec can't compile its WebAssembly module. On a web page the content security policy has " +
        "to allow it by 'wasm-unsafe-eval'",
      { cause: error },
    );
  }
  return error;
}
