/** The options of decoders. */

import type { DeflateOptions } from "../deflate/options.ts";
import { flag, integer } from "../limits/check.ts";

/** A side of the connection: the one that reads what is decoded. */
export type Role = "client" | "server";

/** How a decoder reads, and how much it takes. */
export interface DecoderOptions {
  /**
   * The side that these bytes come in at. A `"server"` gets masked frames, a
   * `"client"` unmasked ones; to look at what a client sends, read as a server.
   */
  readonly role: Role;
  /**
   * The most bytes of payload in a frame. By default frames have no limit of their own: a frame may
   * have as many bytes as a message within `maxMessage` can need.
   */
  readonly maxFrame?: number;
  /** The most bytes of payload in a message, over all its frames. The default is 64 MiB. */
  readonly maxMessage?: number;
  /** Most frames in a message, empty ones too; default 131072. */
  readonly maxFragments?: number;
  /**
   * permessage-deflate as it was agreed on, by `acceptDeflate` or `DeflateOffer`:
   * a `MessageDecoder` inflates messages then, and a `FrameDecoder` lets RSV1
   * pass. By default, and with `undefined`, RSV1 is a fault.
   */
  readonly deflate?: DeflateOptions | undefined;
  /**
   * How many times as large as it came a compressed message may become, once it is larger than
   * 1 MiB. By default there is no limit, because honest messages reach DEFLATE's bound of 1032.
   * `maxMessage` holds for the inflated message.
   */
  readonly maxInflation?: number;
  /**
   * The reserved bits (RSV1 = 4, RSV2 = 2, RSV3 = 1) that the endpoints have
   * agreed to use; default 0. Messages with one of them are handed out as they
   * are, coded, their text unchecked: 4 lets permessage-deflate pass without
   * inflating it.
   */
  readonly rsv?: number;
  /**
   * Has a `MessageDecoder` show messages as they come, in pieces, and hold nothing of
   * them but what inflating needs: `first` and `last` tell where they begin and end.
   * Text is checked all the same. `maxMessage` holds too. Default false.
   */
  readonly pieces?: boolean | undefined;
  /** The offset of the first byte, from which offsets count; default 0. */
  readonly offset?: number;
  /**
   * Lets a client send frames that are not masked; a `MessageDecoder` of role
   * `"server"` takes masked ones then too. Masking keeps a browser's bytes from
   * looking like another protocol to what lies in between (RFC 6455 §10.3), so
   * only for networks where nothing does. Default false.
   */
  readonly dangerouslyAcceptUnmasked?: boolean;
}

/** A flag beside the reserved bits. */
const UNMASKED = 8;

/** The options as the module takes them: client, rsv, frame, message, fragments, offset. */
export function decoderArguments(
  options: DecoderOptions,
): [boolean, number, number, number, number, number] {
  const { role } = options;
  if (role !== "client" && role !== "server") {
    throw new TypeError('role must be "client" or "server"');
  }
  return [
    role === "client",
    integer("rsv", options.rsv ?? 0, 7) |
      (flag("dangerouslyAcceptUnmasked", options.dangerouslyAcceptUnmasked ?? false) ? UNMASKED : 0),
    // The module takes NaN for a frame limit that follows the message limit.
    options.maxFrame === undefined ? NaN : integer("maxFrame", options.maxFrame),
    integer("maxMessage", options.maxMessage ?? 64 * 2 ** 20),
    integer("maxFragments", options.maxFragments ?? 131_072, 2 ** 32 - 1),
    integer("offset", options.offset ?? 0),
  ];
}
