// For every runtime that may compile WebAssembly: the module lies in the code.

import bytes from "../../generated/inspect/wscodec.wasm";
import { load } from "./module.ts";

load(bytes);

export * from "./index.ts";
/** @internal */
export { InspectRun, takeBytes } from "./module.ts";
