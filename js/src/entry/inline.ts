// For every runtime that may compile WebAssembly: the module lies in the code.

import "./load-inline.ts";

export * from "../index.ts";
