// Programs that the types accept, and programs that they reject.

import { type Bytes, type DecoderOptions, MessageDecoder, type OwnedMessage } from "wscodec";
import * as inspect from "wscodec/inspect";
import * as ring from "wscodec/ring";
import * as shared from "wscodec/shared";
import * as slim from "wscodec/slim";
import * as wscodec from "wscodec";
import * as zlib from "wscodec/zlib";

import { smoke, smokeInspect, smokeRing } from "./smoke.mjs";

const options: DecoderOptions = { role: "server", maxMessage: 1024 };
const decoder = new MessageDecoder(options);
const input: Bytes = new SharedArrayBuffer(8);
const lent: Uint8Array<ArrayBuffer> = decoder.push(input.slice(0, 0)).next()
  ? decoder.bytes()
  : new Uint8Array(0);
function reason(message: OwnedMessage): string | undefined {
  return message.type === "close" ? message.reason : undefined;
}
// @ts-expect-error: there is no such role
export const wrong = () => new MessageDecoder({ role: "proxy" });
// @ts-expect-error: a role is needed
export const without = () => new MessageDecoder({});
// @ts-expect-error: a string is no bytes
export const text = () => decoder.push("text");
const sharing = new shared.MessageDecoder(options);
export const elsewhere: () => Uint8Array<SharedArrayBuffer> = () => sharing.bytes();
export const owned: () => Uint8Array<ArrayBuffer> = () => sharing.copy();
export const memory: SharedArrayBuffer = shared.memory.buffer;
if (lent.length > 0 || reason({ type: "close", code: 1000, reason: "" })) throw new Error();

for (const [build, deflate] of [[wscodec, true], [slim, false], [zlib, true]] as const) {
  console.log(JSON.stringify({ ok: true, tried: smoke(build, { deflate }) }));
}
console.log(JSON.stringify({ ok: true, tried: smokeRing(ring) }));
console.log(JSON.stringify({ ok: true, tried: smokeInspect(inspect) }));
