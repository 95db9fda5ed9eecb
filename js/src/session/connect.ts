/** The request of a client, and the session that begins when the server accepts it. */

import type { Bytes } from "../bytes/bytes.ts";
import { DeflateOffer } from "../deflate/negotiate.ts";
import { available } from "../deflate/module.ts";
import type { AgreedDeflate, DeflateOptions } from "../deflate/options.ts";
import { named, type WscodecError } from "../error/errors.ts";
import { type OfferOptions, ClientRequest } from "../handshake/offer.ts";
import type { HandshakeLimits } from "../handshake/options.ts";
import { UpgradeResponseReader } from "../handshake/reader.ts";
import type { UpgradeResponse } from "../handshake/response.ts";
import { checkGiven, pick } from "../options/check.ts";
import { connectChecks, handshakeChecks } from "../options/tables.ts";
import type { InPieces, SessionBehavior } from "./options.ts";
import { Session } from "./session.ts";
import type { SessionLimits } from "./upgrade.ts";

/** The options of a client. */
export interface ConnectOptions extends Omit<OfferOptions, "extensions">, HandshakeLimits {
  /**
   * The compression to offer; `false` for none. Default: as `DeflateOptions`
   * has it, where the build has compression.
   */
  readonly deflate?: DeflateOptions | false | undefined;
}

/** How a client's session is made. */
export interface ClientSessionOptions extends SessionBehavior, SessionLimits {
  /** Where mask keys come from: see `MessageEncoderOptions`. */
  readonly maskKey?: (() => number) | undefined;
}

/**
 * A client's opening handshake.
 *
 * ```js
 * const connect = new Connect({ host: "example.com", path: "/chat" });
 * socket.write(connect.bytes);
 * socket.on("data", (chunk) => {
 *   if (!connect.push(chunk)) return; // throws if the server did not agree
 *   session = connect.session();
 *   session.receive(connect.rest);
 * });
 * ```
 */
export class Connect {
  /** The request's bytes, whole. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #offer: ClientRequest;
  readonly #deflate: DeflateOffer | undefined;
  readonly #limits: HandshakeLimits;
  #reader: UpgradeResponseReader;
  /** Bytes of interim answers. */
  #skipped = 0;
  #agreed: AgreedDeflate | undefined;
  #response: UpgradeResponse | undefined;

  /** @throws as `ClientRequest` does */
  constructor(options: ConnectOptions) {
    checkGiven("Connect", options, connectChecks);
    const { deflate = available && {}, maxHead, maxHeaders, ...offer } = options;
    if (deflate !== false) this.#deflate = new DeflateOffer(deflate);
    this.#offer = new ClientRequest({ ...offer, extensions: this.#deflate?.header });
    this.#limits = pick(options, handshakeChecks);
    this.bytes = this.#offer.bytes;
    this.#reader = new UpgradeResponseReader(this.#offer, this.#limits);
  }

  /**
   * Takes the next bytes of the answer; true when it is whole, and agrees.
   * Interim answers (100–199 but for 101) are passed over.
   *
   * @throws HandshakeError `STATUS` if the server refused, and
   * {@link response} tells what it said; as `UpgradeResponseReader.push` and
   * `DeflateOffer.check`. The connection is to be closed then
   */
  push(chunk: Bytes): boolean {
    let rest: Bytes = chunk;
    let response = this.#reader.push(rest);
    while (response !== undefined && response.status < 200 && response.status !== 101) {
      this.#skipped += response.headLength;
      if (this.#skipped > (this.#limits.maxHead ?? 16 * 1024)) throw named("HEAD_TOO_LARGE");
      rest = this.#reader.rest;
      this.#reader = new UpgradeResponseReader(this.#offer, this.#limits);
      response = this.#reader.push(rest);
    }
    if (response === undefined) return false;
    this.#response = response;
    if (!response.accepted) throw named("STATUS", this.#skipped);
    this.#agreed = this.#deflate?.check(response.extensions);
    return true;
  }

  /** The server's answer, once it is whole. */
  get response(): UpgradeResponse | undefined {
    return this.#response;
  }

  /** The bytes behind the answer in the last chunk: the server's frames. */
  get rest(): Uint8Array {
    return this.#reader.rest;
  }

  /** The agreement on compression. */
  get deflate(): AgreedDeflate | undefined {
    return this.#agreed;
  }

  /** The error if the transport ended before the answer was complete. */
  cut(): WscodecError {
    this.#reader.free();
    return named("UNEXPECTED_EOF");
  }

  /** The session that begins behind the answer; its offsets count on from there. */
  session(options: ClientSessionOptions & InPieces = {}): Session {
    const offset = this.#skipped + (this.#response?.headLength ?? 0);
    return new Session({ ...options, role: "client", deflate: this.#agreed, offset });
  }
}
