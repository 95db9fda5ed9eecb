// Type-checked in a folder where the packed package is installed.

import * as wscodec from "wscodec";
import * as slim from "wscodec/slim";
import * as zlib from "wscodec/zlib";

export const names: string[] = [wscodec, slim, zlib].flatMap(Object.keys);
