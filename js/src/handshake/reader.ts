/** Heads out of bytes that come in pieces. */

import { asUint8Array, type Bytes } from "../bytes/bytes.ts";
import { misuse } from "../error/errors.ts";
import { useAfterFree } from "../memory/freed.ts";
import { heap } from "../memory/memory.ts";
import { HeadBuffer } from "../wasm/module.ts";
import type { Head } from "../head/head.ts";
import { type HandshakeLimits, limitsOf } from "./options.ts";
import { checked, heads, putBytes } from "../head/region.ts";
import { UpgradeRequest } from "./request.ts";
import { type Expected, UpgradeResponse } from "./response.ts";

/**
 * The part that {@link UpgradeRequestReader} and {@link UpgradeResponseReader} share:
 * each byte is looked at once, however the head is cut, and no more than the
 * limit is held.
 */
export abstract class HeadReader<T extends Head> {
  readonly #limits: HandshakeLimits | undefined;
  readonly #request: boolean;
  /** Holds what came so far, if the first piece was not the whole head. */
  #buffer: HeadBuffer | undefined;
  #length = 0;
  #rest: Uint8Array | undefined;
  #error: unknown;
  #isFreed = false;

  /** @internal */
  constructor(request: boolean, limits: HandshakeLimits | undefined) {
    limitsOf(limits);
    this.#limits = limits;
    this.#request = request;
  }

  /** @internal */
  protected abstract parse(bytes: Uint8Array, limits?: HandshakeLimits): T | undefined;

  /**
   * Takes the next piece; `undefined` as long as the head is not complete. A
   * head that can't become right is rejected at its first wrong byte.
   *
   * @throws as the `parse` of what is read, and the same again at each further
   * call; MisuseError `HEAD_COMPLETE` once the head was handed out
   */
  push(chunk: Bytes): T | undefined {
    if (this.#error !== undefined) throw this.#error;
    if (this.#rest !== undefined) throw misuse("HEAD_COMPLETE", "the head was read already");
    if (this.#isFreed) throw useAfterFree();
    const bytes = asUint8Array(chunk, "chunk");
    try {
      const head = this.#length === 0 ? this.#whole(bytes) : this.#piece(bytes);
      if (head !== undefined) this.#drop();
      return head;
    } catch (error) {
      this.#error = error;
      this.#drop();
      throw error;
    }
  }

  /**
   * The bytes behind the head in the last piece, as a view on it: frames, or
   * the body of a rejection.
   *
   * @throws MisuseError `HEAD_INCOMPLETE` before the head is complete
   */
  get rest(): Uint8Array {
    if (this.#rest === undefined) {
      throw misuse("HEAD_INCOMPLETE", "the head is not complete yet");
    }
    return this.#rest;
  }

  /** Bytes of the module's memory that an incomplete head holds. */
  get buffered(): number {
    return this.#buffer === undefined ? 0 : this.#length;
  }

  /**
   * Frees the reader's part of the module's memory, if a head is given up
   * before it is complete; else the reader does that by itself. A push afterwards throws
   * MisuseError `FREED`; to call this again does nothing.
   */
  free(): void {
    this.#isFreed = true;
    this.#drop();
  }

  /** The same as {@link free}, for `using`. */
  [Symbol.dispose](): void {
    this.free();
  }

  #drop(): void {
    this.#buffer?.free();
    this.#buffer = undefined;
  }

  /** Reads a head that came in one piece, as most heads do. */
  #whole(bytes: Uint8Array): T | undefined {
    const head = this.parse(bytes, this.#limits);
    if (head === undefined) return this.#piece(bytes);
    this.#rest = bytes.subarray(head.headLength);
    return head;
  }

  #piece(bytes: Uint8Array): T | undefined {
    const [maxHead, maxHeaders] = limitsOf(this.#limits);
    const taken = putBytes(bytes, maxHead - this.#length);
    this.#buffer ??= new HeadBuffer(this.#request, maxHead, maxHeaders);
    const length = checked(this.#buffer.push(heads, taken));
    const before = this.#length;
    this.#length += taken;
    if (length === 0) return undefined;
    const at = this.#buffer.address();
    const head = this.parse(heap.slice(at, at + length), this.#limits);
    this.#rest = bytes.subarray(length - before);
    return head;
  }
}

/**
 * Reads a client's request out of bytes that come cut anywhere.
 *
 * ```js
 * const reader = new UpgradeRequestReader();
 * socket.on("data", (chunk) => {
 *   const request = reader.push(chunk); // throws what `rejection` answers
 *   if (request === undefined) return;
 *   socket.write(request.accept());
 *   decoder.push(reader.rest);
 * });
 * ```
 */
export class UpgradeRequestReader extends HeadReader<UpgradeRequest> {
  constructor(limits?: HandshakeLimits) {
    super(true, limits);
  }

  /** @internal */
  protected parse(bytes: Uint8Array, limits?: HandshakeLimits): UpgradeRequest | undefined {
    return UpgradeRequest.parse(bytes, limits);
  }
}

/** Reads a server's answer out of bytes that come cut anywhere; see {@link ClientRequest}. */
export class UpgradeResponseReader extends HeadReader<UpgradeResponse> {
  readonly #expected: Expected | undefined;

  /** `expected` as for {@link UpgradeResponse.parse}. */
  constructor(expected?: Expected, limits?: HandshakeLimits) {
    super(false, limits);
    this.#expected = expected;
  }

  /** @internal */
  protected parse(bytes: Uint8Array, limits?: HandshakeLimits): UpgradeResponse | undefined {
    return UpgradeResponse.parse(bytes, this.#expected, limits);
  }
}
