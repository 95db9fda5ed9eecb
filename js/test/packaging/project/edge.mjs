// For edge functions: the report is a global, because the runtime has no standard output.

import * as wscodec from "wscodec";

import { result } from "./report.mjs";

globalThis.result = JSON.stringify(result({ wscodec }));
