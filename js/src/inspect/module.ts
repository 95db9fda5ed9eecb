/**
 * The wasm module of the inspector; the only file that imports what wasm-bindgen generated of it.
 *
 * An entry (`entry.ts`, or `entry-worker.ts`) calls {@link load} before `index.ts` is evaluated.
 */

import { initSync, type SyncInitInput } from "../../generated/inspect/wscodec.js";

export {
  FileInspector,
  InspectRun,
  PageInspector,
  PayloadReader,
  StreamInspector,
} from "../../generated/inspect/wscodec.js";

let memory: WebAssembly.Memory;

/** Compiles the module, if bytes are given, and makes the one instance. */
export function load(module: SyncInitInput): void {
  ({ memory } = initSync({ module }));
}

/** An object of the module that has output. */
interface HasOutput {
  address(): number;
  length(): number;
  clear(): void;
}

/** Takes the output of an object: a copy of its bytes. */
export function takeBytes(from: HasOutput): Uint8Array {
  const bytes = view(from).slice();
  from.clear();
  return bytes;
}

const decoder = new TextDecoder();

/** Takes the output of an object, as text. */
export function takeText(from: HasOutput): string {
  const text = decoder.decode(view(from));
  from.clear();
  return text;
}

function view(from: HasOutput): Uint8Array {
  return new Uint8Array(memory.buffer, from.address(), from.length());
}
