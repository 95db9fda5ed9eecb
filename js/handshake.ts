/** The opening handshake (RFC 6455 §4), both sides. */

export type { Extension, ExtensionParam, Head } from "./handshake/head.ts";
export type { RequestLike } from "./handshake/like.ts";
export type { HandshakeLimits, HeadersInput } from "./handshake/options.ts";
export { type OfferOptions, UpgradeOffer } from "./handshake/offer.ts";
export { type HeadReader, UpgradeReader, UpgradeResponseReader } from "./handshake/reader.ts";
export {
  type AcceptOptions,
  acceptKey,
  refusal,
  refuse,
  type RefuseOptions,
  UpgradeRequest,
} from "./handshake/request.ts";
export { type Expected, UpgradeResponse } from "./handshake/response.ts";
