/** permessage-deflate (RFC 7692). */

export { Compressor } from "./deflate/compressor.ts";
export { Decompressor, type DecompressorLimits } from "./deflate/decompressor.ts";
export {
  acceptDeflate,
  type AcceptedDeflate,
  DeflateOffer,
  type ExtensionsInput,
} from "./deflate/negotiate.ts";
export { deflateEngines } from "./deflate/engines.ts";
export type { Deflate, DeflateDirection, DeflateOptions } from "./deflate/options.ts";
