/** Compressed payloads, for those who read frames on their own. */

import { asUint8Array, type Bytes, copied, memoryOf } from "../bytes/bytes.ts";
import { errorOf, misuse, type WscodecError } from "../error/errors.ts";
import { Lent } from "../memory/lent.ts";
import { freed, useAfterFree } from "../memory/freed.ts";
import { arena, buffer, ensure, heap, refresh, stage } from "../memory/memory.ts";
import { integer } from "../limits/check.ts";
import { enginesFor } from "./engines.ts";
import { Inflater } from "./module.ts";
import { checkGiven } from "../options/check.ts";
import { agreedChecks, decompressorChecks } from "../options/tables.ts";
import { type AgreedOptions, type DeflateOptions, packed } from "./options.ts";

/** How much compressed messages may grow to. */
export interface DecompressorLimits {
  /** Most bytes of an inflated message; default 64 MiB. */
  readonly maxMessage?: number;
  /**
   * How many times as large as it came a message may become, once it is larger
   * than 1 MiB. Default: no limit. Deflate can reach 1032, with honest messages
   * too; `maxMessage` holds for the inflated message.
   */
  readonly maxInflation?: number;
}

/** The most bytes that are passed to the module in one call. */
const SLICE = 16 * 1024;

/** More bytes than a handle takes. */
const HANDLE = 4 * 1024;

/** The limits as the module takes them. */
export function limitsOf(limits: DecompressorLimits): [message: number, inflation: number] {
  return [
    integer("maxMessage", limits.maxMessage ?? 64 * 2 ** 20),
    integer("maxInflation", limits.maxInflation ?? 2 ** 32 - 1, 2 ** 32 - 1),
  ];
}

/**
 * Inflates the messages of one direction, whole or in pieces. It takes the payloads of the messages
 * that have RSV1 set on their first frame, in their order. A `MessageDecoder` does that by itself.
 *
 * ```js
 * const decompressor = new Decompressor(deflate);
 * const payload = decompressor.message(frame.payload);
 * ```
 *
 * Memory is taken with the first message.
 */
export class Decompressor {
  #inflater: Inflater;
  #lent = new Lent();
  #error: WscodecError | undefined;
  #busy = false;

  /**
   * Inflates as `deflate.receive` says.
   *
   * @throws TypeError or RangeError with the name of an option that is wrong or unknown
   */
  constructor(deflate: DeflateOptions = {}, limits: DecompressorLimits = {}) {
    checkGiven<AgreedOptions, typeof agreedChecks>("Decompressor", deflate, agreedChecks);
    checkGiven("Decompressor", limits, decompressorChecks);
    const engines = enginesFor(deflate);
    ensure(HANDLE);
    this.#inflater = new Inflater(...engines, packed(deflate.receive), ...limitsOf(limits));
    refresh();
  }

  /**
   * A whole message, or the rest of one, in memory of its own: `payload` is that
   * of all its frames, or of those left.
   *
   * @throws PeerError `INVALID_COMPRESSED_DATA`, LimitError `MESSAGE_TOO_LARGE`
   * and `INFLATION_RATIO`, and the same again at each further call
   */
  message(payload: Bytes): Uint8Array<ArrayBuffer> {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    for (const piece of this.pieces(payload, true)) {
      length += piece.length;
      pieces.push(piece.slice());
    }
    if (pieces.length === 1) return pieces[0] as Uint8Array<ArrayBuffer>;
    const message = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      message.set(piece, at);
      at += piece.length;
    }
    return message;
  }

  /**
   * Inflates the next bytes of a message's payload, in pieces of up to 64 KiB. Each piece is lent
   * until the next one is asked for, and the caller has to ask for all of them. `last` says that
   * `payload` ends the message.
   *
   * @throws as {@link message}; MisuseError `MESSAGE_UNFINISHED` after pieces
   * that were not all asked for
   */
  *pieces(payload: Bytes, last = false): Generator<Uint8Array<ArrayBuffer>, void, undefined> {
    if (this.#inflater === freed) throw useAfterFree();
    if (this.#error !== undefined) throw this.#error;
    if (this.#busy) throw misuse("MESSAGE_UNFINISHED", "pieces of a message were left out");
    const bytes = asUint8Array(payload, "payload");
    // A view on the memory would be gone when that grows, and changed by others.
    const stable = memoryOf(bytes) === buffer ? copied(bytes) : bytes;
    this.#busy = true;
    let at = 0;
    for (;;) {
      // Asked anew after each piece: meanwhile the caller may have freed it.
      const inflater = this.#inflater;
      const slice = stable.subarray(at, at + SLICE);
      const ends = at + slice.length === stable.length;
      const place = stage(slice.length);
      heap.set(slice, place);
      const length = inflater.step(arena, slice.length, last && ends);
      refresh();
      if (length < 0) throw (this.#error = errorOf(-length));
      at += inflater.read();
      const done = inflater.done() && ends;
      if (length > 0) {
        yield this.#lent.lend(buffer, inflater.address(), length);
        this.#lent.expire();
      }
      if (done) break;
    }
    this.#busy = false;
  }

  /** Bytes of the module's memory that this holds, without what is shared. */
  memory(): number {
    return this.#inflater.memory();
  }

  /**
   * Gives memory back that is not needed until the next message, for connections
   * that are idle. Within a message, nothing.
   */
  release(): void {
    this.#inflater.release();
  }

  /**
   * Frees its part of the module's memory. All use afterwards throws MisuseError `FREED`, except
   * for this method, which does nothing then.
   */
  free(): void {
    this.#lent.expire();
    const handle = this.#inflater;
    if (handle === freed) return;
    this.#inflater = freed as Inflater;
    handle.free();
  }

  /** The same as {@link free}, for `using`. */
  [Symbol.dispose](): void {
    this.free();
  }
}
