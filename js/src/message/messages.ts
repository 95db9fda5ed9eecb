/** Whole messages out of bytes that come cut anywhere. */

import { Messages } from "../wasm/module.ts";
import type { Bytes } from "../bytes/bytes.ts";
import { arena, ensure } from "../memory/memory.ts";
import { limitsOf } from "../deflate/decompressor.ts";
import { enginesFor } from "../deflate/engines.ts";
import { inflating } from "../deflate/module.ts";
import { packed } from "../deflate/options.ts";
import { type DecoderOptions, decoderArguments } from "../frame/options.ts";
import { flag } from "../limits/check.ts";
import { checkGiven } from "../options/check.ts";
import { decoderChecks } from "../options/tables.ts";
import { MessageCursor } from "./cursor.ts";

export type { MessageType, OwnedMessage } from "./cursor.ts";

/** More bytes than a handle takes, without and with compression. */
const HANDLE = 1024;
const INFLATING = 4 * 1024;

/**
 * Reads whole messages and control frames out of a stream of bytes.
 *
 * `push` decodes a chunk at once; then the decoder is a cursor over what was
 * found. It makes no object that is not asked for.
 *
 * ```js
 * const decoder = new MessageDecoder({ role: "server" });
 * socket.on("data", (chunk) => {
 *   decoder.push(chunk);
 *   while (decoder.next()) {
 *     if (decoder.type === "text") console.log(decoder.text());
 *   }
 * });
 * ```
 *
 * The view that `bytes()` returns is lent: it is valid until the next `push`, `reserve`
 * or `commit` of any decoder of this package, and it can be handed to these and
 * to a `MessageEncoder`. A `MessageEncoder` that has to grow also ends it. Take a
 * {@link copy} to keep it.
 *
 * A chunk of more than 64 KiB is decoded in slices, and where messages were found
 * in one the next is read from the caller's memory when `next` comes to it. So the
 * chunk must not change until `next` has returned false. A new slice ends what was
 * lent before.
 *
 * With `deflate` in the options, messages are inflated. What a chunk holds can
 * be a thousand times as large then, so once 4 MiB were inflated the rest waits
 * until `next` comes to it, which ends what was lent before.
 *
 * With `pieces` in the options messages are shown as they come: a large one takes
 * many pushes then, and no memory.
 *
 * All decoders put large messages together in one buffer, which takes up to twice the length of the
 * message. If the buffer has more than 1 MiB, it is freed at the end of the turn in which `next`
 * returned false, and a view that `bytes()` has lent on such a message ends then. {@link setMaxMemory}
 * tells how much memory the module itself holds.
 */
export class MessageDecoder extends MessageCursor {
  /**
   * @throws TypeError or RangeError with the name of an option that is wrong or unknown; LimitError
   * `OUT_OF_MEMORY`
   */
  constructor(options: DecoderOptions) {
    checkGiven("MessageDecoder", options, decoderChecks);
    const { deflate } = options;
    ensure(deflate === undefined ? HANDLE : INFLATING);
    const messages =
      deflate === undefined
        ? new Messages(...decoderArguments(options))
        : inflating(
            ...decoderArguments(options),
            ...enginesFor(deflate),
            packed(deflate.receive),
            limitsOf(options)[1],
          );
    if (flag("pieces", options.pieces ?? false)) messages.in_pieces();
    super(messages);
  }

  /**
   * Decodes a chunk of the stream, cut anywhere.
   *
   * @throws the fault that the stream is in, if it was found by an earlier push; MisuseError
   * `UNREAD` if not all that it found was visited, and nothing is taken then: call
   * {@link next} until it returns false, or {@link skip}
   */
  push(chunk: Bytes): this {
    this.feed(chunk);
    return this;
  }

  /**
   * A view of `length` bytes on the module's memory, into which the next bytes
   * of the stream can be read without a copy. Say how many came with
   * {@link commit}, before anything else is pushed or reserved anywhere.
   *
   * The module makes room for `length` bytes if that is more than 64 KiB, and keeps it.
   *
   * @throws as {@link push}; LimitError `OUT_OF_MEMORY`, and nothing has changed then
   */
  reserve(length = 64 * 1024): Uint8Array<ArrayBuffer> {
    return this.lendSpace(length);
  }

  /**
   * Decodes the first `length` bytes of what {@link reserve} has lent.
   *
   * @throws MisuseError `STALE` if nothing is reserved any more
   */
  commit(length: number): this {
    this.takeSpace(length);
    return this;
  }

  /** Bytes of the stream taken so far, from the offset begun with. */
  get offset(): number {
    return this.#messages.offset() + this.shift;
  }

  /** Whether a message is begun and not at its end. */
  get inMessage(): boolean {
    return this.#messages.in_message();
  }

  /** Bytes of the module's memory that a message in parts holds. */
  get buffered(): number {
    return this.#messages.buffered();
  }

  /**
   * Bytes of the module's memory that this decoder holds between pushes: for a
   * message in parts, and for inflating.
   */
  memory(): number {
    return this.#messages.buffered() + this.#messages.memory();
  }

  /**
   * Gives memory back that is not needed until the next message, for connections
   * that are idle. Within a message, and while something was not visited, nothing.
   */
  release(): void {
    if (this.isOver) this.#messages.release();
  }

  /** @internal */
  protected decode(length: number): number {
    return this.#messages.push(arena, length);
  }

  /** @internal */
  protected decodeMore(): number {
    return this.#messages.resume(arena);
  }

  /** @internal */
  protected space(length: number): number {
    return this.#messages.space(arena, length);
  }

  /** @internal */
  protected get spaced(): number {
    return this.#messages.spaced();
  }

  /** @internal */
  protected fill(length: number): number {
    return this.#messages.fill(arena, length);
  }

  get #messages(): Messages {
    return this.handle as Messages;
  }
}
