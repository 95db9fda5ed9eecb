// Runs in a folder where the packed package is installed, once as it is and once
// with `--conditions=development`: whether stale views are to be caught is argument 1.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

import * as imported from "wscodec";
import * as slim from "wscodec/slim";
import * as zlib from "wscodec/zlib";

const caught = process.argv[2] === "caught";
const required = createRequire(import.meta.url)("wscodec");
for (const { MessageDecoder } of [imported, required, slim, zlib]) {
  const decoder = new MessageDecoder({ role: "client" });
  decoder.push(Uint8Array.of(0x82, 2, 1, 2)).next();
  const view = decoder.bytes();
  assert.deepEqual([...view], [1, 2]);
  decoder.push(new Uint8Array(0));
  assert.equal(view.length, caught ? 0 : 2);
}
