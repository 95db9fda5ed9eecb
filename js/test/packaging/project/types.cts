// The same names by `require`, typed.

import wscodec = require("wscodec");
import slim = require("wscodec/slim");
import zlib = require("wscodec/zlib");

const builds: readonly (typeof wscodec)[] = [wscodec, slim, zlib];
for (const { MessageDecoder } of builds) {
  const decoder: wscodec.MessageDecoder = new MessageDecoder({ role: "client" });
  decoder.free();
}
console.log(JSON.stringify({ ok: true, tried: ["types"] }));
