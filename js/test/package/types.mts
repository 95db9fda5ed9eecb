// Type-checked in a folder where the packed package is installed.

import * as wscodec from "wscodec";

export const names: string[] = Object.keys(wscodec);
