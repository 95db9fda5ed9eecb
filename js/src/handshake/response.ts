/** A server's answer, as a client has to check it. */

import { asUint8Array, type Bytes } from "../bytes/bytes.ts";
import { named } from "../error/errors.ts";
import { type Extension, extensionsOf, Head } from "../head/head.ts";
import { type HandshakeLimits, limitsOf } from "./options.ts";
import { checked, heads, part, putBytes, putParts, REASON, STATUS, word } from "../head/region.ts";

/** The offers of a request; an {@link UpgradeRequest} or {@link ClientRequest} has them. */
export interface Expected {
  /** The `Sec-WebSocket-Key`. */
  readonly key: string;
  /** The subprotocols offered. */
  readonly protocols?: readonly string[];
  /** The extensions offered, by their names. */
  readonly extensions?: readonly (string | { readonly name: string })[];
}

/**
 * A server's answer, in memory of its own: a 101 that keeps all rules of
 * RFC 6455 §4.1, or another status.
 */
export class UpgradeResponse extends Head {
  /**
   * The status: 101, a redirect (300 to 399, see the `location` header), or
   * another rejection. After an interim answer (100 to 199) comes another head.
   */
  readonly status: number;
  /** The reason phrase as it was sent; often empty. */
  readonly reason: string;

  private constructor(length: number) {
    super(length);
    this.status = word(STATUS);
    this.reason = part(this.text, REASON);
  }

  /**
   * Reads an answer from bytes that begin with it; `undefined` if its head is
   * not complete yet.
   *
   * A 101 is held against the rules and against what was asked for. Without
   * `expected` any well-formed accept key, subprotocol and extension passes.
   * Another status is not an error here: see {@link accepted}.
   *
   * @throws HandshakeError by the first rule broken, or LimitError, both with
   * the `offset` of the first byte or the header line at fault; MisuseError
   * `INVALID_HEADER` if `expected` is nothing that a request can ask for
   */
  static parse(
    bytes: Bytes,
    expected?: Expected,
    limits?: HandshakeLimits,
  ): UpgradeResponse | undefined {
    const [maxHead, maxHeaders] = limitsOf(limits);
    // First, because an UpgradeRequest uses the module's input to say what it asked for.
    const asks = expected === undefined ? undefined : lines(expected);
    const length = putBytes(asUint8Array(bytes), maxHead);
    const asked = asks === undefined ? 0 : putParts(length, asks);
    const result = heads.response(length, asked, maxHead, maxHeaders);
    if (result === 0) return undefined;
    return new UpgradeResponse(checked(result));
  }

  /** Whether the server switched; what follows the head are its frames then. */
  get accepted(): boolean {
    return this.status === 101;
  }

  /** The subprotocol that the server chose. */
  get protocol(): string | undefined {
    return this.accepted ? this.header("sec-websocket-protocol") : undefined;
  }

  /** The extensions that the server chose. */
  get extensions(): Extension[] {
    return this.accepted ? extensionsOf(this.values("sec-websocket-extensions")) : [];
  }
}

/** The request that would ask for this, for the module to compare with. */
function lines({ key, protocols = [], extensions = [] }: Expected): string[] {
  const names = extensions.map((one) => (typeof one === "string" ? one : one.name));
  const head = [
    "GET / HTTP/1.1\r",
    "Host: -\r",
    "Upgrade: websocket\r",
    "Connection: Upgrade\r",
    "Sec-WebSocket-Version: 13\r",
    `Sec-WebSocket-Key: ${key}\r`,
  ];
  if (protocols.length > 0) head.push(`Sec-WebSocket-Protocol: ${protocols.join(", ")}\r`);
  if (names.length > 0) head.push(`Sec-WebSocket-Extensions: ${names.join(", ")}\r`);
  if (head.some((line) => line.indexOf("\r") < line.length - 1)) throw named("INVALID_HEADER");
  return [...head, "\r", ""];
}
