/** The decision of a server on a request: origin, subprotocol and compression in one step. */

import { acceptDeflate, type AcceptedDeflate } from "../deflate/negotiate.ts";
import { available } from "../deflate/module.ts";
import type { DeflateOptions } from "../deflate/options.ts";
import { misuse } from "../error/errors.ts";
import type { HeadersInput } from "../handshake/options.ts";
import type { UpgradeRequest } from "../handshake/request.ts";
import { type Checks, checkOptions } from "../options/check.ts";
import { policyChecks } from "../options/tables.ts";
import type { InPieces, SessionBehavior } from "./options.ts";
import { Session } from "./session.ts";

/** How much the peer may make a session hold; see `DecoderOptions` for the defaults. */
export interface SessionLimits {
  readonly maxFrame?: number;
  readonly maxMessage?: number;
  readonly maxFragments?: number;
  readonly maxInflation?: number;
}

/** The options of a server that accepts requests. */
export interface Policy {
  /**
   * Whom browsers may connect for: pages of the same host and port
   * (`"same-host"`, the default), of these origins, or `"any"`. What is no
   * browser has no `Origin`, and passes.
   */
  readonly origin?: "same-host" | "any" | readonly string[] | undefined;
  /**
   * The hosts that this server is reached by, such as `"example.com"` (with any
   * port) or `"127.0.0.1:9001"`. Default: any host.
   *
   * `"same-host"` alone does not protect a server that trusts its network: one
   * on a developer's machine, in a home or in an intranet. An attacker who owns
   * `evil.example` has the victim's browser load a page from it, and then lets
   * the name point at the victim's server (DNS rebinding). The page and the
   * WebSocket have the same host then, `evil.example`, so the same-host rule is
   * kept. A list of hosts refuses the request with 421. TLS gives the same
   * protection, because the server has no certificate for `evil.example`.
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /**
   * The subprotocols that the server speaks; the first of the client's list that
   * is here is chosen. Default none.
   */
  readonly protocols?: readonly string[] | undefined;
  /**
   * How messages are compressed if the client offers it; `false` for never.
   * Default: as `DeflateOptions` has it, where the build has compression.
   */
  readonly deflate?: DeflateOptions | false | undefined;
}

/**
 * A request that a {@link Policy} grants.
 *
 * ```js
 * const request = reader.push(chunk);
 * const upgrade = new Upgrade(request, { protocols: ["chat"] }); // throws what `rejection` answers
 * socket.write(upgrade.accept());
 * const session = upgrade.session();
 * session.receive(reader.rest);
 * ```
 */
export class Upgrade {
  readonly request: UpgradeRequest;
  /** The agreement on compression. */
  readonly deflate: AcceptedDeflate | undefined;
  #protocol: string | undefined;

  /** @throws HandshakeError `ORIGIN`, status 403; `HOST_NOT_ALLOWED`, status 421 */
  constructor(request: UpgradeRequest, policy: Policy = {}) {
    checkOptions("Upgrade", policy, policyChecks satisfies Checks<Policy>);
    const { origin = "same-host", allowedHosts, protocols = [] } = policy;
    const { deflate = available && {} } = policy;
    if (allowedHosts !== undefined) request.checkHost(allowedHosts);
    if (origin !== "any" && request.origin !== undefined) request.checkOrigin(origin);
    this.request = request;
    if (protocols.length > 0) this.#protocol = request.selectProtocol(protocols);
    const offers = deflate === false ? [] : request.values("sec-websocket-extensions");
    if (deflate !== false && offers.length > 0) {
      this.deflate = acceptDeflate(offers.join(", "), deflate);
    }
  }

  /** The subprotocol chosen; another of those offered may be set. */
  get protocol(): string | undefined {
    return this.#protocol;
  }

  set protocol(protocol: string | undefined) {
    if (protocol !== undefined && !this.request.protocols.includes(protocol)) {
      throw misuse("PROTOCOL_NOT_OFFERED", "the client did not offer this subprotocol");
    }
    this.#protocol = protocol;
  }

  /** The answer, whole; see {@link UpgradeRequest.accept}. */
  accept(headers?: HeadersInput): Uint8Array<ArrayBuffer> {
    return this.request.accept({
      protocol: this.#protocol,
      extensions: this.deflate?.header,
      headers,
    });
  }

  /** The session that begins behind the answer; its offsets count on from behind the request. */
  session(options: SessionBehavior & SessionLimits & InPieces = {}): Session {
    const { deflate, request } = this;
    return new Session({ ...options, role: "server", deflate, offset: request.headLength });
  }
}
