// All subpaths, with nothing that TypeScript before 5.7 can't read.

import { type Bytes, MessageDecoder, MessageEncoder, type OwnedMessage, Prepared, Session } from "wscodec";
import { connect as bun } from "wscodec/bun";
import { connect as deno } from "wscodec/deno";
import { connect as node } from "wscodec/node";
import { createRing, RingReader } from "wscodec/ring";
import { memory, MessageDecoder as Sharing } from "wscodec/shared";
import { MessageEncoder as Slim } from "wscodec/slim";
import { SocketStream } from "wscodec/streams";
import { connect as workers } from "wscodec/workers";
import { MessageEncoder as Zlib } from "wscodec/zlib";

const decoder = new MessageDecoder({ role: "server" });
export const bytes: Uint8Array = decoder.bytes();
export const owned: OwnedMessage = decoder.owned();
export const input: Bytes = new ArrayBuffer(3);
export const same: boolean = decoder.push(input) === decoder;
export const sent: Uint8Array = new Session({ role: "client" }).send(new Prepared("a")).take();
export const shared: Uint8Array = new Sharing({ role: "server" }).bytes();
export const buffer: SharedArrayBuffer = memory.buffer;
export const record: Uint8Array = new RingReader(createRing(64)).bytes();
export const others = [bun, deno, node, workers, SocketStream, MessageEncoder, Slim, Zlib];
// @ts-expect-error: a string is no bytes
export const text = () => decoder.push("text");
// @ts-expect-error: there is no such option
export const wrong = () => new MessageEncoder({ role: "server", levle: 5 });
