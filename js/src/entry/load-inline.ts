// Compiled at once on import: no top-level await, so that `require` works too.

import { load } from "../wasm/module.ts";
import bytes from "../../generated/wscodec.wasm";

load(bytes);
