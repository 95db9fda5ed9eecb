// The names of types.mts, typed, by `require`.

import wscodec = require("wscodec");
import ring = require("wscodec/ring");
import slim = require("wscodec/slim");
import zlib = require("wscodec/zlib");

const builds: readonly (typeof wscodec)[] = [wscodec, slim, zlib];
for (const { MessageDecoder } of builds) {
  const decoder: wscodec.MessageDecoder = new MessageDecoder({ role: "client" });
  decoder.free();
}
new ring.RingWriter(ring.createRing(64)).end();
console.log(JSON.stringify({ ok: true, tried: ["types"] }));
