/** Whole messages out of bytes that come cut anywhere. */

import { Messages } from "../wasm/module.ts";
import { asUint8Array, type Bytes, copied, isUint8Array, lengthOf, memoryOf } from "../bytes/bytes.ts";
import { Cursor } from "../frame/cursor.ts";
import {
  arena,
  buffer,
  checkGeneration,
  claim,
  heap,
  inputRegion,
  refresh,
} from "../memory/memory.ts";
import { limitsOf } from "../deflate/decompressor.ts";
import { enginesFor } from "../deflate/engines.ts";
import { inflating } from "../deflate/module.ts";
import { packed } from "../deflate/options.ts";
import { type DecoderOptions, decoderArguments } from "../frame/options.ts";
import { flag, integer } from "../limits/check.ts";

/** What a {@link MessageDecoder} finds. */
export type MessageType = "text" | "binary" | "ping" | "pong" | "close";

/** A message or control frame with memory of its own. */
export type OwnedMessage =
  | { type: "text"; data: string }
  | { type: "binary" | "ping" | "pong"; data: Uint8Array<ArrayBuffer> }
  | { type: "close"; code: number; reason: string };

// As the module writes its rows: four numbers each.
const WIDTH = 4;
const OPCODE = 15;
const ASCII = 1 << 8;
const OPAQUE = 1 << 9;
const CONTINUED = 1 << 10;
const UNFINISHED = 1 << 11;
/** Beside the number of rows: there is more in what was pushed. */
const MORE = 1 << 30;

const types: readonly (MessageType | undefined)[] = [
  undefined,
  "text",
  "binary",
  ...Array<undefined>(5),
  "close",
  "ping",
  "pong",
];

/** From here on a chunk is worth the question whether it can be read into place. */
const LARGE = 16 * 1024;

/**
 * Reads whole messages and control frames out of a stream of bytes.
 *
 * `push` decodes everything in a chunk at once; then the decoder is a cursor
 * over what was found. It makes no object that is not asked for.
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
 * What `bytes()` returns is lent: it is valid until the next `push`, `reserve`
 * or `commit` of any decoder of this package, and it can be handed to these and
 * to an `Encoder`. An `Encoder` that has to grow also ends it. Take a
 * {@link copy} to keep it.
 *
 * With `deflate` in the options, messages are inflated. What a chunk holds can
 * be a thousand times as large then, so it is decoded in stretches: once 4 MiB
 * were inflated the rest waits until `next` comes to it, which ends what was
 * lent before.
 *
 * With `pieces` in the options messages are shown as they come: a large one takes
 * many pushes then, and no memory.
 */
export class MessageDecoder extends Cursor<OwnedMessage> {
  /** Where `reserve` has pointed: 0 for the arena's input; how far, and when. */
  #space = 0;
  #reserved = 0;
  #reservedAt = -1;
  /** The module's offset when all that came was whole. */
  #settled = 0;

  constructor(options: DecoderOptions) {
    const { deflate } = options;
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
    super(messages, WIDTH);
  }

  /**
   * Decodes a chunk of the stream, cut anywhere.
   *
   * Chunks of up to 64 KiB are what the module has room for; it grows for
   * longer ones, and stays so.
   *
   * @throws the fault that the stream is in, if it was found by an earlier push; MisuseError
   * `UNREAD` if not all that it found was visited, and nothing is taken then: call
   * {@link next} until it returns false, or {@link skip}
   */
  push(chunk: Bytes): this {
    let bytes = isUint8Array(chunk) ? chunk : asUint8Array(chunk, "chunk");
    const length = lengthOf(bytes);
    this.take();
    // The generation ends only when the chunk is copied: it may be what was lent.
    if (length >= LARGE) {
      // A view on the memory would be gone when that grows.
      if (memoryOf(bytes) === buffer) bytes = copied(bytes);
      const space = this.#messages.space(arena, length);
      refresh();
      if (space !== 0) {
        heap.set(bytes, space);
        this.renew();
        this.found(this.#messages.fill(arena, length));
        return this;
      }
    }
    const input = inputRegion(this, length);
    heap.set(bytes, input);
    this.renew();
    this.found(this.#messages.push(arena, length));
    return this;
  }

  /**
   * A view of `length` bytes on the module's memory, into which the next bytes
   * of the stream can be read without a copy. Say how many came with
   * {@link commit}, before anything else is pushed or reserved anywhere.
   *
   * @throws as {@link push}
   */
  reserve(length = 64 * 1024): Uint8Array<ArrayBuffer> {
    integer("length", length);
    this.take();
    this.renew();
    this.#reservedAt = this.generation;
    this.#reserved = length;
    this.leave();
    this.#space = this.#messages.space(arena, length);
    refresh();
    const address = this.#space === 0 ? inputRegion(this, length) : this.#space;
    return new Uint8Array(buffer, address, length);
  }

  /**
   * Decodes the first `length` bytes of what {@link reserve} has lent.
   *
   * @throws MisuseError `STALE` if nothing is reserved any more
   */
  commit(length: number): this {
    checkGeneration(this.#reservedAt);
    integer("length", length, this.#reserved);
    this.renew();
    this.found(
      this.#space === 0
        ? this.#messages.push(arena, length)
        : this.#messages.fill(arena, length),
    );
    this.#space = 0;
    return this;
  }

  /** What the cursor is at. */
  get type(): MessageType {
    return types[this.opcode] as MessageType;
  }

  /** The same as its opcode: 1 text, 2 binary, 8 close, 9 ping, 10 pong. */
  get opcode(): number {
    return this.cell(0) & OPCODE;
  }

  /**
   * Whether the message begins here: false only with `pieces` in the options, for all
   * but a message's first piece.
   */
  get first(): boolean {
    return (this.cell(0) & CONTINUED) === 0;
  }

  /**
   * Whether the message ends here: false only with `pieces` in the options. The last
   * piece may be empty.
   */
  get last(): boolean {
    return (this.cell(0) & UNFINISHED) === 0;
  }

  /** Bytes of payload, or of the piece; of a close frame, bytes of its reason. */
  get length(): number {
    return this.cell(2);
  }

  /** Whether the payload is known to be ASCII; it may be ASCII without. */
  get ascii(): boolean {
    return (this.cell(0) & ASCII) !== 0;
  }

  /** Whether the payload is coded by an extension (see `rsv` in the options). */
  get opaque(): boolean {
    return (this.cell(0) & OPAQUE) !== 0;
  }

  /** The code of a close frame; 1005 if it has none, 0 if this is no close frame. */
  get closeCode(): number {
    return this.cell(3);
  }

  /**
   * The payload as a string: a text message's, or a close frame's reason. A piece may be
   * cut within a character: its `bytes()` are for a `TextDecoder` with `stream: true`.
   */
  text(): string {
    return this.decoded(this.ascii);
  }

  /** What the cursor is at, with memory of its own. A piece of a text is bytes. */
  owned(): OwnedMessage {
    const { type } = this;
    if (type === "close") return { type, code: this.closeCode, reason: this.text() };
    const part = OPAQUE | CONTINUED | UNFINISHED;
    if (type === "text" && (this.cell(0) & part) === 0) return { type, data: this.text() };
    return { type: type === "text" ? "binary" : type, data: this.copy() };
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
   * Gives memory back that inflating does not need until the next compressed
   * message, for connections that are idle. Within a message, nothing.
   */
  release(): void {
    this.#messages.release();
  }

  /**
   * Has it go on with another stream, which is at this offset; only where
   * {@link settled} was not -1.
   *
   * @internal
   */
  begin(offset: number): void {
    this.shift = offset - this.#settled;
  }

  /** The offset if all that came was whole, else -1. @internal */
  settled(): number {
    const offset = this.#messages.settled();
    if (offset < 0) return -1;
    this.#settled = offset;
    return offset + this.shift;
  }

  /** @internal */
  protected override resume(): void {
    claim(this);
    this.renew();
    this.foundMore(this.#counted(this.#messages.resume(arena)));
  }

  /** @internal */
  protected override found(count: number): void {
    super.found(this.#counted(count));
  }

  /** The number of rows, or its complement, of what a call of the module returned. */
  #counted(count: number): number {
    this.more = count >= MORE;
    return this.more ? count - MORE : count;
  }

  get #messages(): Messages {
    return this.handle as Messages;
  }
}
