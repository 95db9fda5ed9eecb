/// <reference lib="esnext.disposable" preserve="true" />

/**
 * A WebSocket core (RFC 6455, RFC 7692) over bytes in place: frames, messages,
 * their compression and the opening handshake, without any I/O.
 *
 * @module
 */

export type { Bytes } from "./bytes/bytes.ts";
export {
  acceptDeflate,
  type AcceptedDeflate,
  Compressor,
  Decompressor,
  type DecompressorLimits,
  type AgreedDeflate,
  type DeflateDirection,
  deflateEngines,
  DeflateOffer,
  type DeflateOptions,
  type ExtensionsInput,
  type ObservedDeflate,
} from "./deflate/index.ts";
export { MessageEncoder, type MessageEncoderOptions } from "./message/encoder.ts";
export { frameHeader, type FrameOptions } from "./message/frame.ts";
export type {
  ErrorCode,
  ErrorGroup,
  HandshakeErrorCode,
  LimitErrorCode,
  MisuseErrorCode,
  PeerErrorCode,
} from "./error/codes.ts";
export {
  type ErrorRow,
  errorTable,
  HandshakeError,
  LimitError,
  MisuseError,
  ModuleError,
  PeerError,
  WscodecError,
} from "./error/errors.ts";
export { FrameDecoder, type OwnedFrame } from "./frame/frames.ts";
export {
  type AcceptOptions,
  acceptKey,
  type Expected,
  type Extension,
  type ExtensionParam,
  type HandshakeLimits,
  type Head,
  type HeadReader,
  type HeadersInput,
  type OfferOptions,
  RawHead,
  rejection,
  reject,
  type RejectOptions,
  type RequestLike,
  ClientRequest,
  UpgradeRequestReader,
  UpgradeRequest,
  UpgradeResponse,
  UpgradeResponseReader,
} from "./handshake/index.ts";
export { setDebug } from "./memory/lent.ts";
export { moduleMemory, setMaxMemory } from "./memory/limit.ts";
export { MessageDecoder, type MessageType, type OwnedMessage } from "./message/messages.ts";
export type { DecoderOptions, Role } from "./frame/options.ts";
export { Prepared, type PreparedOptions } from "./message/prepared.ts";
export { type ClientSessionOptions, Connect, type ConnectOptions } from "./session/connect.ts";
export { observe, type Observed, type ObserveOptions } from "./session/observe.ts";
export type { SessionEvent } from "./session/event.ts";
export type { InPieces, SessionBehavior, SessionOptions } from "./session/options.ts";
export type { Outcome, SessionState } from "./session/outcome.ts";
export { Session } from "./session/session.ts";
export { type Policy, type SessionLimits, Upgrade } from "./session/upgrade.ts";

import { simd as built } from "./wasm/module.ts";

/** Whether the module was built with SIMD, as the published one is. */
export function simd(): boolean {
  return built();
}
