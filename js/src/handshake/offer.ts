/** The client's side: a request to send, and the answer held against it. */

import type { Bytes } from "../bytes/bytes.ts";
import { misuse } from "../error/errors.ts";
import { checkGiven } from "../options/check.ts";
import { offerChecks } from "../options/tables.ts";
import { type HandshakeLimits, type HeadersInput, pairsOf } from "./options.ts";
import { extensionsOf } from "../head/head.ts";
import { begin, heads, output, putAt, putParts } from "../head/region.ts";
import { type Expected, UpgradeResponse } from "./response.ts";

/** The options of a client. */
export interface OfferOptions {
  /** Name or address, with the port if it is not the scheme's: `"example.com:8080"`. */
  readonly host: string;
  /** The path with its query, from `/` on; default `"/"`. */
  readonly path?: string | undefined;
  /** The `Origin`, which browsers send. */
  readonly origin?: string | undefined;
  /** The subprotocols to offer, most wanted first. */
  readonly protocols?: readonly string[] | undefined;
  /** The extensions to offer, as a value of `Sec-WebSocket-Extensions`. */
  readonly extensions?: string | undefined;
  /** Further headers, such as `Cookie`. What is not ASCII in them is sent as UTF-8. */
  readonly headers?: HeadersInput | undefined;
  /**
   * The `Sec-WebSocket-Key`: base64 of 16 bytes that can't be guessed, new for
   * each connection (RFC 6455 §4.1). By default from `crypto.getRandomValues`,
   * so this is for tests and replays.
   */
  readonly key?: string | undefined;
}

/** Base64 of 16 bytes, in its only canonical form. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/**
 * A client's request: written once, and kept to hold the answer against it.
 *
 * ```js
 * const offer = new ClientRequest({ host: "example.com", path: "/chat", protocols: ["chat"] });
 * socket.write(offer.bytes);
 * const reader = new UpgradeResponseReader(offer);
 * socket.on("data", (chunk) => {
 *   const response = reader.push(chunk);
 *   if (response?.accepted) decoder.push(reader.rest);
 * });
 * ```
 */
export class ClientRequest implements Expected {
  /** The `Sec-WebSocket-Key`. */
  readonly key: string;
  /** The subprotocols offered. */
  readonly protocols: readonly string[];
  /** The names of the extensions offered. */
  readonly extensions: readonly string[];
  /** The request's bytes, whole. */
  readonly bytes: Uint8Array<ArrayBuffer>;

  /**
   * @throws MisuseError `INVALID_HEADER` if a part has a character that is not
   * allowed there or a subprotocol is named twice, `RESERVED_HEADER`,
   * `INVALID_KEY`
   */
  constructor(options: OfferOptions) {
    checkGiven("ClientRequest", options, offerChecks);
    const { host, path = "/", origin, extensions = "" } = options;
    const nonce = options.key === undefined ? random() : decode(options.key);
    const headers = pairsOf(options.headers);
    if (origin !== undefined) headers.unshift(["Origin", origin]);
    this.protocols = [...(options.protocols ?? [])];
    this.key = options.key ?? btoa(String.fromCharCode(...nonce));
    begin(16);
    putAt(0, nonce);
    const parts = [host, path, extensions, ...this.protocols, ...headers.flat()];
    const text = putParts(16, parts);
    this.bytes = output(heads.offer(text, this.protocols.length));
    this.extensions = extensionsOf([extensions]).map(({ name }) => name);
  }

  /** The same as {@link UpgradeResponse.parse} with this offer. */
  check(bytes: Bytes, limits?: HandshakeLimits): UpgradeResponse | undefined {
    return UpgradeResponse.parse(bytes, this, limits);
  }
}

function random(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(16));
}

function decode(key: string): Uint8Array<ArrayBuffer> {
  if (!KEY.test(key)) throw misuse("INVALID_KEY", "a key is base64 of 16 bytes");
  return Uint8Array.from(atob(key), (char) => char.charCodeAt(0));
}
