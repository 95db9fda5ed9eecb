/**
 * Web streams: bytes to frames and messages, messages to bytes, and whole connections
 * over any duplex of bytes.
 *
 * @module
 */

export {
  FrameDecoderStream,
  MessageDecoderStream,
  MessageEncoderStream,
  type Sendable,
} from "../streams/codec.ts";
export type { Verdict } from "../connection/index.ts";
export type { OwnedFrame } from "../index.ts";
export {
  type ClientStreamOptions,
  type Closed,
  type Duplex,
  type Opened,
  type ServerStreamOptions,
  SocketStream,
} from "../streams/socket.ts";
