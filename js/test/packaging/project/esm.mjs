// All builds, the ring and the inspector, imported.

import * as wscodec from "wscodec";
import * as inspect from "wscodec/inspect";
import * as ring from "wscodec/ring";
import * as shared from "wscodec/shared";
import * as slim from "wscodec/slim";
import * as zlib from "wscodec/zlib";

import { report } from "./report.mjs";

report({ wscodec, slim, zlib, shared, ring, inspect });
