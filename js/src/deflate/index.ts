/** permessage-deflate (RFC 7692). */

export { Compressor } from "./compressor.ts";
export { Decompressor, type DecompressorLimits } from "./decompressor.ts";
export {
  acceptDeflate,
  type AcceptedDeflate,
  DeflateOffer,
  type ExtensionsInput,
  type ObservedDeflate,
} from "./negotiate.ts";
export { deflateEngines } from "./engines.ts";
export type { AgreedDeflate, DeflateDirection, DeflateOptions } from "./options.ts";
