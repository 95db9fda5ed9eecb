/**
 * The walk over messages, and how a chunk becomes rows of them.
 *
 * The module's input region has 64 KiB. A longer chunk is decoded in slices: the next slice is
 * read when the walk comes to it, so that the module's memory does not depend on the chunk's length.
 * Its rows need up to 16 times its length, and a chunk of 200 MB once made the module trap. Where a
 * chunk goes on with the payload of a large message, its bytes are written to where the message is
 * put together, and no slice is needed.
 */

import { asUint8Array, type Bytes, copied, isUint8Array, lengthOf, memoryOf } from "../bytes/bytes.ts";
import { Cursor, type Handle } from "../frame/cursor.ts";
import {
  buffer,
  checkGeneration,
  CHUNK,
  claim,
  heap,
  inputRegion,
  noteLargeBuffer,
  refresh,
} from "../memory/memory.ts";
import { debug } from "../memory/lent.ts";
import { integer } from "../limits/check.ts";

/** The type of a message or control frame that a {@link MessageDecoder} finds. */
export type MessageType = "text" | "binary" | "ping" | "pong" | "close";

/** A message or control frame with memory of its own. */
export type OwnedMessage =
  | { type: "text"; data: string }
  | { type: "binary" | "ping" | "pong"; data: Uint8Array<ArrayBuffer> }
  | { type: "close"; code: number; reason: string };

// The rows that the module writes have four numbers each: see `crates/wscodec-wasm/src/rows.rs`.
export const WIDTH = 4;
const OPCODE = 15;
const CLOSE = 8;
const ASCII = 1 << 8;
const OPAQUE = 1 << 9;
const CONTINUED = 1 << 10;
const UNFINISHED = 1 << 11;
/** A flag beside the number of rows: the module has not decoded all of its input. */
const MORE = 1 << 30;
/** A flag beside the number of rows: messages were put together in a buffer of more than 1 MiB. */
const LARGE_BUFFER = 1 << 29;

const types: readonly (MessageType | undefined)[] = [
  undefined,
  "text",
  "binary",
  ...Array<undefined>(5),
  "close",
  "ping",
  "pong",
];

/** From this length on, the module is asked whether it can take a chunk without a slice. */
const LARGE = 16 * 1024;

/** Shows the messages and control frames that a chunk holds. */
export abstract class MessageCursor extends Cursor<OwnedMessage> {
  /** The chunk, where not all of it was handed to the module, and from where on. */
  #chunk: Uint8Array | undefined;
  #from = 0;
  /** How many bytes it was fed; all of them are decoded when the stream is at rest. @internal */
  protected fed = 0;
  /** Whether the module has not decoded all that it was given. */
  #moduleHasMore = false;
  /** Where `reserve` has pointed: 0 for the arena's input; how far, and when. */
  #space = 0;
  #reserved = 0;
  #reservedAt = -1;

  /** @internal */
  constructor(handle: Handle) {
    super(handle, WIDTH);
  }

  /** Decodes so many bytes of the input. @internal */
  protected abstract decode(length: number): number;
  /** Goes on with what the module has left. @internal */
  protected abstract decodeMore(): number;
  /** Where at most so many bytes of the open payload may be written; 0 for nowhere. @internal */
  protected abstract space(length: number): number;
  /** How many bytes {@link space} has found room for. @internal */
  protected abstract get spaced(): number;
  /** Takes the bytes that were written there. @internal */
  protected abstract fill(length: number): number;

  /** @internal */
  protected feed(chunk: Bytes): void {
    const bytes = isUint8Array(chunk) ? chunk : asUint8Array(chunk, "chunk");
    const length = lengthOf(bytes);
    this.take();
    this.fed += length;
    if (length >= LARGE) {
      this.#feedLarge(bytes);
      return;
    }
    // The chunk may be a view that was lent, so the generation ends after it was copied.
    heap.set(bytes, inputRegion(length));
    this.renew();
    const count = this.decode(length);
    if (count < LARGE_BUFFER) {
      // `take` has seen to it that nothing is left of the last chunk.
      this.found(count);
    } else {
      this.found(this.#counted(count));
    }
  }

  #feedLarge(chunk: Uint8Array): void {
    // A view on the module's memory is detached when that grows. In debugging, a view that was lent
    // ends with the first slice.
    const bytes = debug || memoryOf(chunk) === buffer ? copied(chunk) : asUint8Array(chunk);
    this.#chunk = bytes;
    this.#from = 0;
    try {
      this.found(this.#slice(bytes));
    } catch (error) {
      this.#chunk = undefined;
      throw error;
    }
    this.hurry();
  }

  /** @internal */
  protected lendSpace(length: number): Uint8Array<ArrayBuffer> {
    integer("length", length);
    this.take();
    this.renew();
    this.#reservedAt = this.generation;
    this.#reserved = length;
    this.leave();
    let address = length < 2 ** 32 ? this.space(length) : 0;
    refresh();
    if (address !== 0 && this.spaced < length) address = 0;
    this.#space = address;
    if (address === 0) address = inputRegion(length);
    return new Uint8Array(buffer, address, length);
  }

  /** @internal */
  protected takeSpace(length: number): void {
    checkGeneration(this.#reservedAt);
    integer("length", length, this.#reserved);
    this.fed += length;
    this.renew();
    const filled = this.#space !== 0;
    this.#space = 0;
    this.found(this.#counted(filled ? this.fill(length) : this.decode(length)));
  }

  /** The type of the message or control frame at the cursor. */
  get type(): MessageType {
    return types[this.opcode] as MessageType;
  }

  /** The type as an opcode: 1 text, 2 binary, 8 close, 9 ping, 10 pong. */
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
    // In the row of a message this number is a place.
    return this.opcode === CLOSE ? this.cell(3) : 0;
  }

  /**
   * The payload as a string: a text message's, or a close frame's reason. A piece may be
   * cut within a character: its `bytes()` are for a `TextDecoder` with `stream: true`.
   */
  text(): string {
    return this.decoded(this.ascii);
  }

  /** The message or control frame at the cursor, with memory of its own. A piece of a text is bytes. */
  owned(): OwnedMessage {
    const { type } = this;
    if (type === "close") return { type, code: this.closeCode, reason: this.text() };
    const part = OPAQUE | CONTINUED | UNFINISHED;
    if (type === "text" && (this.cell(0) & part) === 0) return { type, data: this.text() };
    return { type: type === "text" ? "binary" : type, data: this.copy() };
  }

  /** @internal */
  override rowOf(address: number, length: number): number {
    return this.address === address && this.length === length ? this.row : -1;
  }

  /** @internal */
  protected override resume(): void {
    claim(this);
    const chunk = this.#chunk;
    if (this.#moduleHasMore || chunk === undefined) {
      this.renew();
      this.foundMore(this.#counted(this.decodeMore()));
    } else {
      this.foundMore(this.#slice(chunk));
    }
  }

  /** Hands the next slice of a chunk to the module, and says how many rows that makes. */
  #slice(chunk: Uint8Array): number {
    const from = this.#from;
    const left = chunk.length - from;
    if (left >= LARGE) {
      const space = this.space(left);
      refresh();
      if (space !== 0) {
        const length = this.spaced;
        heap.set(from === 0 && length === left ? chunk : chunk.subarray(from, from + length), space);
        this.renew();
        this.#advance(chunk, from + length);
        return this.#counted(this.fill(length));
      }
    }
    const length = Math.min(left, CHUNK);
    const input = inputRegion(length);
    heap.set(length === chunk.length ? chunk : chunk.subarray(from, from + length), input);
    this.renew();
    this.#advance(chunk, from + length);
    return this.#counted(this.decode(length));
  }

  #advance(chunk: Uint8Array, to: number): void {
    this.#from = to;
    this.#chunk = to < chunk.length ? chunk : undefined;
  }

  /** The number of rows, or its complement, of what a call of the module returned. */
  #counted(count: number): number {
    if (count < 0) {
      this.#chunk = undefined;
      this.more = this.#moduleHasMore = false;
      return count;
    }
    this.#moduleHasMore = (count & MORE) !== 0;
    this.more = this.#moduleHasMore || this.#chunk !== undefined;
    if ((count & LARGE_BUFFER) !== 0) noteLargeBuffer();
    return count & (LARGE_BUFFER - 1);
  }
}
