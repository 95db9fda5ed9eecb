/** Both sides of a connection that a program only observes: a sniffer, a proxy's log, a debugger. */

import { observedDeflate, type ObservedDeflate } from "../deflate/negotiate.ts";
import { named } from "../error/errors.ts";
import type { DecoderOptions } from "../frame/options.ts";
import type { UpgradeRequest } from "../handshake/request.ts";
import type { UpgradeResponse } from "../handshake/response.ts";
import { checkGiven } from "../options/check.ts";
import { observeChecks } from "../options/tables.ts";
import { MessageDecoder } from "../message/messages.ts";

/** How both sides are read; see {@link DecoderOptions}. */
export type ObserveOptions = Omit<DecoderOptions, "role" | "deflate" | "offset">;

/** Decoders of both directions, compression included. */
export interface Observed {
  /** Reads the bytes behind the client's request. */
  readonly fromClient: MessageDecoder;
  /** Reads the bytes behind the server's answer. */
  readonly fromServer: MessageDecoder;
  /** The compression that was agreed on; `undefined` for none. */
  readonly deflate: ObservedDeflate | undefined;
  /** The subprotocol that was agreed on. */
  readonly protocol: string | undefined;
}

/**
 * Decoders for a connection that a program only observes, of the heads of its handshake.
 *
 * ```js
 * const request = UpgradeRequest.parse(fromClientBytes);
 * const response = UpgradeResponse.parse(fromServerBytes, request);
 * const { fromClient, fromServer } = observe(request, response);
 * fromClient.push(fromClientBytes.subarray(request.headLength));
 * while (fromClient.next()) console.log("client:", fromClient.owned());
 * ```
 *
 * The windows and the takeover of permessage-deflate are those of the answer, each for its
 * direction (RFC 7692 §7.1). Offsets count on from behind the heads. Where a capture begins after the
 * request, `request` is `undefined`.
 *
 * @throws HandshakeError `STATUS` if the server refused, `EXTENSION_PARAMETER` if its answer is
 * malformed; MisuseError `NO_DEFLATE` in `wscodec/slim` if compression was agreed on
 */
export function observe(
  request: UpgradeRequest | undefined,
  response: UpgradeResponse,
  options: ObserveOptions = {},
): Observed {
  checkGiven("observe", options, observeChecks);
  if (!response.accepted) throw named("STATUS");
  const { extensions, protocol } = response;
  const deflate = extensions.length === 0 ? undefined : observedDeflate(extensions);
  const fromClient = new MessageDecoder({
    ...options,
    role: "server",
    deflate: deflate && { receive: deflate.fromClient },
    offset: request?.headLength ?? 0,
  });
  try {
    const fromServer = new MessageDecoder({
      ...options,
      role: "client",
      deflate: deflate && { receive: deflate.fromServer },
      offset: response.headLength,
    });
    return { fromClient, fromServer, deflate, protocol };
  } catch (error) {
    fromClient.free();
    throw error;
  }
}
