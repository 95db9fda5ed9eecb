// All three builds, imported.

import * as wscodec from "wscodec";
import * as slim from "wscodec/slim";
import * as zlib from "wscodec/zlib";

import { report } from "./report.mjs";

report({ wscodec, slim, zlib });
