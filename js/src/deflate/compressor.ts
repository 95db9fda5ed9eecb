/** Compressed payloads, for those who write frames on their own. */

import { asTextOrBytes, type Bytes, copied, lengthOf, memoryOf } from "../bytes/bytes.ts";
import { freed } from "../memory/freed.ts";
import { arena, buffer, ensure, heap, refresh, stage, stageText, unstage } from "../memory/memory.ts";
import { errorOf } from "../error/errors.ts";
import { copyOut } from "../memory/copy.ts";
import { enginesFor } from "./engines.ts";
import { Deflater } from "./module.ts";
import { checkGiven } from "../options/check.ts";
import { agreedChecks } from "../options/tables.ts";
import { type AgreedOptions, type DeflateOptions, levelAndThreshold, packed } from "./options.ts";

/** More bytes than a handle takes. */
const HANDLE = 4 * 1024;

/**
 * The module's part of what compresses.
 *
 * @internal
 */
export function deflaterFor(options: DeflateOptions): Deflater {
  ensure(HANDLE);
  return new Deflater(...enginesFor(options), packed(options.send), ...levelAndThreshold(options));
}

/**
 * Compresses the messages of one direction, whole or in pieces, whatever the
 * threshold. What it returns is to be sent as payloads of frames, in that order,
 * with RSV1 set on each message's first frame. A `MessageEncoder` does that by itself.
 *
 * ```js
 * const compressor = new Compressor(deflate);
 * const payload = compressor.message(JSON.stringify(value));
 * encoder.frame({ opcode: 1, rsv: 4 }, payload);
 * ```
 *
 * Memory is taken with the first message.
 */
export class Compressor {
  #deflater: Deflater;
  #open = false;

  /**
   * Compresses as `deflate.send` says, with its level.
   *
   * @throws TypeError or RangeError with the name of an option that is wrong or unknown
   */
  constructor(deflate: DeflateOptions = {}) {
    checkGiven<AgreedOptions, typeof agreedChecks>("Compressor", deflate, agreedChecks);
    this.#deflater = deflaterFor(deflate);
    refresh();
  }

  /** A whole message, or the last piece of one: its payload, in memory of its own. */
  message(data: string | Bytes): Uint8Array<ArrayBuffer> {
    return this.part(data, true);
  }

  /**
   * The next piece of a message, in memory of its own: the payload of one frame,
   * which the peer can inflate as soon as it comes.
   */
  part(data: string | Bytes, last = false): Uint8Array<ArrayBuffer> {
    const given = asTextOrBytes(data);
    let bytes = 0;
    if (typeof given === "string") {
      bytes = stageText(given);
    } else {
      bytes = lengthOf(given);
      // A view on the memory would be gone when that grows.
      const stable = memoryOf(given) === buffer ? copied(given) : given;
      const place = stage(bytes);
      heap.set(stable, place);
    }
    if (!this.#open) this.#deflater.begin();
    const length = this.#deflater.part(arena, bytes, last, this.#open);
    unstage();
    refresh();
    if (length < 0) throw errorOf(-length);
    this.#open = !last;
    const address = this.#deflater.address();
    return copyOut(address, length);
  }

  /** Bytes of the module's memory that this holds, without what is shared. */
  memory(): number {
    return this.#deflater.memory();
  }

  /**
   * Gives memory back that is not needed until the next message, for connections
   * that are idle: an engine of its own wholly, so that the next message refers
   * to none before it. Within a message, nothing.
   */
  release(): void {
    this.#deflater.release();
  }

  /**
   * Frees its part of the module's memory. All use afterwards throws MisuseError `FREED`, except
   * for this method, which does nothing then.
   */
  free(): void {
    const handle = this.#deflater;
    if (handle === freed) return;
    this.#deflater = freed as Deflater;
    handle.free();
  }

  /** The same as {@link free}, for `using`. */
  [Symbol.dispose](): void {
    this.free();
  }
}
