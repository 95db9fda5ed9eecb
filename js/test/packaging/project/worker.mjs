// For workers, which may not compile WebAssembly: the package imports it as a module.

import * as wscodec from "wscodec";
import * as ring from "wscodec/ring";
import * as slim from "wscodec/slim";
import * as zlib from "wscodec/zlib";

import { result } from "./report.mjs";

export default {
  fetch() {
    return Response.json(result({ wscodec, slim, zlib, ring }));
  },
};
