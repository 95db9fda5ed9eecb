// For workers, which may not compile WebAssembly: the package imports it as a module.

import * as wscodec from "wscodec";
import * as inspect from "wscodec/inspect";
import * as ring from "wscodec/ring";
import * as slim from "wscodec/slim";
import * as zlib from "wscodec/zlib";

import * as streams from "wscodec/streams";
import * as workers from "wscodec/workers";

import { result } from "./report.mjs";

export default {
  fetch() {
    for (const adapter of [streams, workers]) {
      if (Object.keys(adapter).length === 0) throw new Error("an adapter exports nothing");
    }
    return Response.json(result({ wscodec, slim, zlib, ring, inspect }));
  },
};
