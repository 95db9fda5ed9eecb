// Does the same as load-inline.ts, on memory that threads share.

import { load } from "../wasm/module.ts";
import bytes from "../../generated/wscodec.wasm";
import { shareable } from "../shared/shareable.ts";

/** Memory is taken as it is needed; the most has to be said beforehand: 1 GiB. */
const PAGES = 16_384;

load(shareable(bytes, PAGES));
