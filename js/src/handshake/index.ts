/** The opening handshake (RFC 6455 §4), both sides. */

export { type Extension, type ExtensionParam, type Head, RawHead } from "../head/head.ts";
export type { RequestLike } from "./like.ts";
export type { HandshakeLimits, HeadersInput } from "./options.ts";
export { type OfferOptions, ClientRequest } from "./offer.ts";
export { type HeadReader, UpgradeRequestReader, UpgradeResponseReader } from "./reader.ts";
export {
  type AcceptOptions,
  acceptKey,
  rejection,
  reject,
  type RejectOptions,
  UpgradeRequest,
} from "./request.ts";
export { type Expected, UpgradeResponse } from "./response.ts";
