/** The server's side: a client's request, and what answers it. */

import { asUint8Array, type Bytes } from "../bytes/bytes.ts";
import { errorTable, isWscodecError } from "../error/errors.ts";
import { integer } from "../limits/check.ts";
import { type Extension, extensionsOf, Head, tokensOf } from "../head/head.ts";
import { checkGiven } from "../options/check.ts";
import { acceptChecks, rejectChecks } from "../options/tables.ts";
import { headOf, type RequestLike } from "./like.ts";
import { type HandshakeLimits, type HeadersInput, limitsOf, pairsOf } from "./options.ts";
import {
  begin,
  checked,
  heads,
  HOST,
  KEY,
  output,
  outputText,
  PATH,
  putAt,
  putBytes,
  putLatin1,
  putParts,
  word,
} from "../head/region.ts";

/** The parts of a 101 beyond the accept key. */
export interface AcceptOptions {
  /** The subprotocol to speak, one of those offered. */
  readonly protocol?: string | undefined;
  /**
   * The value of `Sec-WebSocket-Extensions`: what was agreed on, each one
   * offered by the client.
   */
  readonly extensions?: string | undefined;
  /** Further headers. What is not ASCII in them is sent as UTF-8. */
  readonly headers?: HeadersInput | undefined;
}

/** The parts of a rejection beyond its status. */
export interface RejectOptions {
  /** The reason phrase in place of the usual one. */
  readonly reason?: string | undefined;
  /** Further headers, such as `Content-Type`. What is not ASCII in them is sent as UTF-8. */
  readonly headers?: HeadersInput | undefined;
  /** The body; a string is sent as UTF-8. */
  readonly body?: string | Bytes | undefined;
}

/**
 * A client's request that keeps all rules of RFC 6455 §4.2.1, in memory of its
 * own.
 *
 * ```js
 * let request;
 * try {
 *   request = UpgradeRequest.parse(bytes);
 * } catch (error) {
 *   socket.end(rejection(error));
 *   return;
 * }
 * if (request === undefined) return; // more bytes have to come
 * socket.write(request.accept({ protocol: request.selectProtocol(["chat"]) }));
 * decoder.push(bytes.subarray(request.headLength));
 * ```
 *
 * For bytes that come in pieces see {@link UpgradeRequestReader}; on a Node server the
 * `upgrade` event has a parsed request for {@link UpgradeRequest.from}.
 */
export class UpgradeRequest extends Head {
  // Where the parts are in the head. Most of them are never asked for.
  readonly #key = word(KEY);
  readonly #host = word(HOST);
  readonly #hostLength = word(HOST + 1);
  readonly #path = word(PATH);
  readonly #pathLength = word(PATH + 1);

  private constructor(length: number) {
    super(length);
  }

  /**
   * Reads a request from bytes that begin with it; `undefined` if its head is
   * not complete yet. Call it again with all bytes so far, or spare that work
   * with an {@link UpgradeRequestReader}.
   *
   * @throws HandshakeError by the first rule broken, or LimitError; both with
   * the `status` to reject with (see {@link rejection}) and the `offset` of the
   * first byte or the header line at fault
   */
  static parse(bytes: Bytes, limits?: HandshakeLimits): UpgradeRequest | undefined {
    const [maxHead, maxHeaders] = limitsOf(limits);
    const length = putBytes(asUint8Array(bytes), maxHead);
    const result = heads.request(length, maxHead, maxHeaders);
    if (result === 0) return undefined;
    return new UpgradeRequest(checked(result));
  }

  /**
   * Takes a request that a runtime has parsed: Node's `IncomingMessage`, the
   * `Request` of Deno and of workers, or a method, URL and headers. All rules
   * are checked as by {@link parse}.
   *
   * @throws as {@link parse}, without an `offset`; `MALFORMED_HEAD` if a name or
   * value can't be part of a head
   */
  static from(request: RequestLike, limits?: HandshakeLimits): UpgradeRequest {
    const [maxHead, maxHeaders] = limitsOf(limits);
    const head = headOf(request);
    putLatin1(head.length > maxHead ? head.slice(0, maxHead) : head);
    const result = heads.request(Math.min(head.length, maxHead), maxHead, maxHeaders);
    return new UpgradeRequest(checked(result, false));
  }

  /** The target as it was sent: a path with its query, or an absolute URI (RFC 9112 §3.2). */
  get target(): string {
    return this.text.slice("GET ".length, this.#path + this.#pathLength);
  }

  /**
   * The path of the target, without its query: at least `/`, also for an absolute URI without a
   * path (RFC 9110 §4.2.3).
   */
  get path(): string {
    const path = this.pathAndQuery;
    const end = path.indexOf("?");
    return end < 0 ? path : path.slice(0, end);
  }

  /** The query of the target: the characters behind the first `?`. `undefined` if there is no `?`. */
  get query(): string | undefined {
    const path = this.pathAndQuery;
    const end = path.indexOf("?");
    return end < 0 ? undefined : path.slice(end + 1);
  }

  /** The path with its query, such as `/chat?room=1`. Of `ws://example.com?a=1`, it is `/?a=1`. */
  get pathAndQuery(): string {
    const path = this.text.slice(this.#path, this.#path + this.#pathLength);
    return path.startsWith("/") ? path : `/${path}`;
  }

  /**
   * The host that the request is for: a name or address, and a port if it is not the scheme's.
   * This is the value of `Host`, or the authority of a target that is an absolute URI.
   */
  get host(): string {
    return this.text.slice(this.#host, this.#host + this.#hostLength);
  }

  /** The value of `Origin`, which browsers always send; see {@link checkOrigin}. */
  get origin(): string | undefined {
    return this.header("origin");
  }

  /** The value of `Sec-WebSocket-Key`, 24 characters. */
  get key(): string {
    return this.text.slice(this.#key, this.#key + 24);
  }

  /** The subprotocols that the client offers, most wanted first. */
  get protocols(): string[] {
    return tokensOf(this.values("sec-websocket-protocol"));
  }

  /** The extensions that the client offers, most wanted first. */
  get extensions(): Extension[] {
    return extensionsOf(this.values("sec-websocket-extensions"));
  }

  /** The first subprotocol of the client's list that is among `supported`. */
  selectProtocol(supported: readonly string[]): string | undefined {
    return this.protocols.find((protocol) => supported.includes(protocol));
  }

  /**
   * Checks that the {@link host} is one of those that this server is reached by,
   * such as `"example.com"` (with any port) or `"127.0.0.1:9001"`; see
   * `Policy.allowedHosts` for what that is good for. Without a port, a request
   * has the port of its scheme, 80 or 443.
   *
   * @throws HandshakeError `HOST_NOT_ALLOWED`, status 421
   */
  checkHost(allowed: readonly string[]): void {
    const parts = listOf(allowed);
    const length = this.restore();
    const text = putParts(length, parts);
    checked(heads.check_host(length, text));
  }

  /**
   * Holds `Origin` against the origins that may connect, each as browsers write
   * it (`"https://example.com"`), or against the request's own host. Browsers
   * let any page connect anywhere, with the user's cookies (RFC 6455 §10.2). A
   * request without `Origin`, which is not from a browser, passes.
   *
   * @throws HandshakeError `ORIGIN`, status 403
   */
  checkOrigin(allowed: "same-host" | readonly string[]): void {
    const own = allowed === "same-host";
    const parts = own ? [] : listOf(allowed);
    const length = this.restore();
    const text = putParts(length, parts);
    checked(heads.check_origin(length, text, own));
  }

  /**
   * The answer that accepts the request, whole, in memory of its own. After it
   * come frames.
   *
   * @throws MisuseError `PROTOCOL_NOT_OFFERED`, `EXTENSION_NOT_OFFERED`,
   * `INVALID_HEADER`, `RESERVED_HEADER`
   */
  accept(options: AcceptOptions = {}): Uint8Array<ArrayBuffer> {
    checkGiven("accept", options, acceptChecks);
    const { protocol, extensions = "", headers } = options;
    const plain = protocol === undefined && extensions === "" && headers === undefined;
    // The caller's headers first: to iterate over them may use the module's input.
    const pairs = pairsOf(headers).flat();
    const length = this.restore();
    if (plain) return output(heads.accept_plainly(this.#key));
    const text = putParts(length, [
      protocol === undefined ? "" : `=${protocol}`,
      extensions,
      ...pairs,
    ]);
    return output(heads.accept(length, text));
  }

  /** An answer that rejects the request; see {@link reject}. */
  reject(status: number, options?: RejectOptions): Uint8Array<ArrayBuffer> {
    return reject(status, options);
  }
}

/** A copy of a list; a lone string would be a list of its characters. */
function listOf(list: readonly string[]): string[] {
  if (typeof list === "string") throw new TypeError("this is a list, not a string");
  return [...list];
}

/**
 * An answer that rejects a request, whole. The connection is to be closed after
 * it. Status 405 and 426 get the headers that they ask for.
 *
 * @throws MisuseError `REJECTION_STATUS` below 300 and above 599,
 * `INVALID_HEADER`, `RESERVED_HEADER`
 */
export function reject(status: number, options: RejectOptions = {}): Uint8Array<ArrayBuffer> {
  checkGiven("reject", options, rejectChecks);
  const { reason, headers, body = "" } = options;
  // The caller's values first: to get at them may use the module's input.
  const parts = [reason === undefined ? "" : `=${reason}`, ...pairsOf(headers).flat()];
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : asUint8Array(body);
  begin(0);
  const text = putParts(0, parts);
  putAt(text, bytes);
  return output(heads.reject(integer("status", status, 65535), text, bytes.length));
}

/**
 * The answer that an error calls for, with a line of text that says what is
 * wrong: for what {@link UpgradeRequest.parse}, `from` and `checkOrigin` throw.
 *
 * @throws the error itself if no answer belongs to it, such as one of the
 * caller's
 */
export function rejection(error: unknown): Uint8Array<ArrayBuffer> {
  const code = isWscodecError(error) ? error.code : undefined;
  const row = errorTable().find((row) => row.code === code);
  if (row?.status === undefined) throw error;
  return reject(row.status, { headers: [["Content-Type", "text/plain"]], body: row.message });
}

/**
 * The `Sec-WebSocket-Accept` that belongs to a `Sec-WebSocket-Key`: base64 of
 * the SHA-1 of the key and a fixed text (RFC 6455 §4.2.2). Any key is taken.
 */
export function acceptKey(key: string): string {
  const length = putBytes(new TextEncoder().encode(key), 2 ** 30);
  return outputText(heads.accept_key(length));
}
