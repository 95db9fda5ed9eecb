/** Agreeing on permessage-deflate (RFC 7692 §7.1), both sides. */

import { errorOf } from "../error/errors.ts";
import type { Extension } from "../head/head.ts";
import { ensure, refresh } from "../memory/memory.ts";
import { checkGiven } from "../options/check.ts";
import { deflateChecks } from "../options/tables.ts";
import { deflate_accept, deflate_check, deflate_observe, deflate_offer } from "./module.ts";
import { type AgreedDeflate, type DeflateDirection, type DeflateOptions, filled, packed, unpacked } from "./options.ts";

/** The agreement of a server, with the answer that states it. */
export interface AcceptedDeflate extends AgreedDeflate {
  /** The value of `Sec-WebSocket-Extensions` to answer with. */
  readonly header: string;
}

/** `Sec-WebSocket-Extensions`: as it stands, or as a head of this package has it. */
export type ExtensionsInput = string | readonly Extension[];

/**
 * A server's part: accepts the first of a request's offers that can be met;
 * `undefined` if there is none, and the connection goes without compression.
 *
 * ```js
 * const deflate = acceptDeflate(request.extensions, { threshold: 1024 });
 * socket.write(request.accept({ extensions: deflate?.header }));
 * const decoder = new MessageDecoder({ role: "server", deflate });
 * const encoder = new MessageEncoder({ role: "server", deflate });
 * ```
 *
 * Offers of other extensions are passed over, and so are those with anything
 * in them that RFC 7692 does not know.
 */
export function acceptDeflate(
  offers: ExtensionsInput,
  options: DeflateOptions = {},
): AcceptedDeflate | undefined {
  checkGiven("acceptDeflate", options, deflateChecks);
  const { send, receive } = options;
  filled(options);
  const found = deflate_accept(fitting(offers), packed(send), packed(receive));
  refresh();
  if (found === undefined) return undefined;
  const [header, toSend, toReceive] = found as [string, number, number];
  return { ...agreed(toSend | (toReceive << 8), options), header };
}

/**
 * A client's part: an offer to send, and to hold the answer against.
 *
 * ```js
 * const deflate = new DeflateOffer();
 * const offer = new ClientRequest({ host: "example.com", extensions: deflate.header });
 * // and when the response is there
 * const agreed = deflate.check(response.extensions); // undefined: no compression
 * const decoder = new MessageDecoder({ role: "client", deflate: agreed });
 * const encoder = new MessageEncoder({ role: "client", deflate: agreed });
 * ```
 */
export class DeflateOffer {
  /** The value of `Sec-WebSocket-Extensions` to send. */
  readonly header: string;
  readonly #options: DeflateOptions;

  constructor(options: DeflateOptions = {}) {
    checkGiven("DeflateOffer", options, deflateChecks);
    filled(options);
    this.#options = options;
    ensure(HANDLE);
    this.header = deflate_offer(packed(options.send), packed(options.receive));
    refresh();
  }

  /**
   * The agreement that the server's answer states; `undefined` if it did not choose the extension.
   *
   * @throws HandshakeError `EXTENSION_PARAMETER` if the answer is malformed, has
   * what was not offered, or lacks what the offer asks for; the client then
   * fails the connection
   */
  check(answer: ExtensionsInput): AgreedDeflate | undefined {
    const { send, receive } = this.#options;
    const found: number = deflate_check(fitting(answer), packed(send), packed(receive));
    refresh();
    if (found === 0) return undefined;
    if (found < 0) throw errorOf(-found);
    return agreed(found, this.#options);
  }
}

/** permessage-deflate of a connection that a program only observes. */
export interface ObservedDeflate {
  /** How the client compresses. */
  readonly fromClient: Required<DeflateDirection>;
  /** How the server compresses. */
  readonly fromServer: Required<DeflateDirection>;
}

/**
 * The agreement that a server's answer states, for a program that observes both sides; `undefined` if
 * the server did not choose the extension.
 *
 * @throws HandshakeError `EXTENSION_PARAMETER` if the answer is malformed
 */
export function observedDeflate(answer: ExtensionsInput): ObservedDeflate | undefined {
  const found: number = deflate_observe(fitting(answer));
  refresh();
  if (found === 0) return undefined;
  if (found < 0) throw errorOf(-found);
  return { fromClient: unpacked(found >> 8), fromServer: unpacked(found & 0xff) };
}

/** The module's number: receive above send. */
function agreed(found: number, options: DeflateOptions): AgreedDeflate {
  const [send, receive] = [found & 0xff, found >> 8];
  return { send: unpacked(send), receive: unpacked(receive), ...filled(options) };
}

/** More bytes than the module needs for a short text. */
const HANDLE = 4 * 1024;
/** A text takes three bytes for a character at most, and the list of its members 40 for two of them. */
const EXPANSION = 64;

/**
 * The value of a header, after the module was asked for memory: wasm-bindgen cannot report that it has none.
 *
 * @throws LimitError `OUT_OF_MEMORY`
 */
function fitting(extensions: ExtensionsInput): string {
  const value = text(extensions);
  ensure(HANDLE + EXPANSION * value.length);
  return value;
}

/** The value of the header. */
function text(extensions: ExtensionsInput): string {
  if (typeof extensions === "string") return extensions;
  const list = extensions.map(({ name, params }) =>
    [name, ...params.map(({ name, value }) => (value === undefined ? name : `${name}=${value}`))],
  );
  return list.map((parts) => parts.join("; ")).join(", ");
}
