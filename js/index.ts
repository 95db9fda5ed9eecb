/// <reference lib="esnext.disposable" preserve="true" />

/**
 * A WebSocket core (RFC 6455, RFC 7692) over bytes in place: frames, messages,
 * their compression and the opening handshake, without any I/O.
 *
 * @module
 */

export type { Bytes } from "./bytes.ts";
export {
  acceptDeflate,
  type AcceptedDeflate,
  Compressor,
  Decompressor,
  type DecompressorLimits,
  type Deflate,
  type DeflateDirection,
  deflateEngines,
  DeflateOffer,
  type DeflateOptions,
  type ExtensionsInput,
} from "./deflate.ts";
export { Encoder, type EncoderOptions, frameHeader, type FrameOptions } from "./encoder.ts";
export {
  type ErrorRow,
  errorTable,
  HandshakeError,
  LimitError,
  MisuseError,
  PeerError,
  WscodecError,
} from "./errors.ts";
export { FrameDecoder } from "./frames.ts";
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
  refusal,
  refuse,
  type RefuseOptions,
  type RequestLike,
  UpgradeOffer,
  UpgradeReader,
  UpgradeRequest,
  UpgradeResponse,
  UpgradeResponseReader,
} from "./handshake.ts";
export { setDebug } from "./lent.ts";
export { MessageDecoder, type MessageType, type OwnedMessage } from "./messages.ts";
export type { DecoderOptions, Role } from "./options.ts";
export { Prepared, type PreparedOptions } from "./prepared.ts";
export { type ClientSessionOptions, Connect, type ConnectOptions } from "./session/connect.ts";
export type { InPieces, SessionManner, SessionOptions } from "./session/options.ts";
export {
  type Outcome,
  Session,
  type SessionEvent,
  type SessionState,
} from "./session/session.ts";
export { type Policy, type SessionLimits, Upgrade } from "./session/upgrade.ts";

import { simd as built } from "./wasm.ts";

/** Whether the module was built with SIMD, as the published one is. */
export function simd(): boolean {
  return built();
}
