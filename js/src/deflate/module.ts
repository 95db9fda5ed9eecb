/**
 * The module's part for permessage-deflate, in one place: builds without it have
 * `absent.ts` instead.
 */

export {
  deflate_accept,
  deflate_check,
  deflate_observe,
  deflate_offer,
  Deflater,
  Engines,
  Inflater,
  SessionDeflate,
} from "../../generated/wscodec.js";
import { Encoder, Messages } from "../../generated/wscodec.js";

/** Whether the build has it. */
export const available: boolean = true;

/** A receiver of messages that may be compressed. */
export const inflating = Messages.inflating;

/** An encoder of messages that compresses. */
export const compressing = Encoder.compressing;
