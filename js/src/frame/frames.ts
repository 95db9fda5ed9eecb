/** Frames as they come, with the pieces of their payloads. */

import { Frames } from "../wasm/module.ts";
import { asUint8Array, type Bytes, copied, isUint8Array, lengthOf, memoryOf } from "../bytes/bytes.ts";
import { Cursor } from "./cursor.ts";
import { arena, buffer, CHUNK, claim, ensure, heap, inputRegion } from "../memory/memory.ts";
import { debug } from "../memory/lent.ts";
import { checkGiven } from "../options/check.ts";
import { decoderChecks } from "../options/tables.ts";
import { type DecoderOptions, decoderArguments } from "./options.ts";

// The rows that the module writes have eight numbers each.
const WIDTH = 8;
const OPCODE = 15;
const FIN = 1 << 4;
const MASKED = 1 << 5;
const FIRST = 1 << 6;
const LAST = 1 << 7;
const RSV = 8;

/** The reserved bit that compressed messages have set (RFC 7692 §6). */
const RSV1 = 4;

const HIGH = 2 ** 32;

/** More bytes than a handle takes. */
const HANDLE = 1024;

/** A frame, or a piece of one that came in several chunks, with memory of its own. */
export interface OwnedFrame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly rsv: number;
  readonly masked: boolean;
  /** Where the frame begins in the stream. */
  readonly offset: number;
  /** Bytes of the frame's whole payload. */
  readonly length: number;
  /** Whether this is the frame's first piece, and whether its last. */
  readonly first: boolean;
  readonly last: boolean;
  /** The bytes of this piece, unmasked. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Shorter chunks are decoded at once. */
const LARGE = 16 * 1024;

/**
 * Reads frames out of a stream of bytes, with all the rules of frames and
 * messages kept, and without ever holding a data frame's payload: a frame that
 * comes in several chunks is shown in several pieces. A chunk of more than 64 KiB
 * is decoded in slices of that size, as {@link MessageDecoder} does, which count
 * as chunks.
 *
 * ```js
 * const decoder = new FrameDecoder({ role: "server" });
 * decoder.push(chunk);
 * while (decoder.next()) {
 *   if (decoder.first) console.log(decoder.offset, decoder.opcode, decoder.length);
 * }
 * ```
 *
 * Bytes after a close frame have no meaning (RFC 6455 §5.5.1). The decoder drops them.
 *
 * `bytes()` is lent, as {@link MessageDecoder}'s is.
 */
export class FrameDecoder extends Cursor<OwnedFrame> {
  /** A chunk of which not all was decoded, and from where on. */
  #chunk: Uint8Array | undefined;
  #from = 0;

  /**
   * @throws TypeError or RangeError with the name of an option that is wrong or unknown; LimitError
   * `OUT_OF_MEMORY`
   */
  constructor(options: DecoderOptions) {
    checkGiven("FrameDecoder", options, decoderChecks);
    const { deflate, rsv = 0 } = options;
    ensure(HANDLE);
    const frames = new Frames(
      ...decoderArguments(deflate === undefined ? options : { ...options, rsv: rsv | RSV1 }),
    );
    super(frames, WIDTH);
  }

  /**
   * Decodes a chunk of the stream, cut anywhere.
   *
   * @throws the fault that the stream is in, if it was found by an earlier push; MisuseError
   * `UNREAD` if not all that it found was visited, and nothing is taken then
   */
  push(chunk: Bytes): this {
    const bytes = isUint8Array(chunk) ? chunk : asUint8Array(chunk, "chunk");
    this.take();
    const length = lengthOf(bytes);
    if (length < LARGE) {
      heap.set(bytes, inputRegion(length));
      this.renew();
      this.found(this.#frames.push(arena, length));
      return this;
    }
    // A view on the memory would be gone when that grows.
    this.#chunk = debug || memoryOf(bytes) === buffer ? copied(bytes) : asUint8Array(bytes);
    this.#from = 0;
    this.found(this.#slice(this.#chunk));
    return this;
  }

  /** Whether this is the frame's first piece. */
  get first(): boolean {
    return this.#has(FIRST);
  }

  /** Whether the frame ends with this piece. */
  get last(): boolean {
    return this.#has(LAST);
  }

  /** 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong. */
  get opcode(): number {
    return this.cell(0) & OPCODE;
  }

  /** Whether the frame ends its message. */
  get fin(): boolean {
    return this.#has(FIN);
  }

  /** The reserved bits: RSV1 is 4, RSV2 is 2, RSV3 is 1. */
  get rsv(): number {
    return (this.cell(0) >>> RSV) & 7;
  }

  /** Whether the payload came masked; `bytes()` is unmasked. */
  get masked(): boolean {
    return this.#has(MASKED);
  }

  /** The mask key, its first byte lowest; 0 if the frame is not masked. */
  get maskKey(): number {
    return this.cell(7);
  }

  /** Where the frame's first byte lies in the stream. */
  get offset(): number {
    return this.cell(3) + this.cell(4) * HIGH;
  }

  /** Bytes of the frame's whole payload, of which this piece may be a part. */
  get length(): number {
    return this.cell(5) + this.cell(6) * HIGH;
  }

  /** Bytes of this piece. */
  get pieceLength(): number {
    return this.cell(2);
  }

  /** This piece as a string. A piece may be cut within a character. */
  text(): string {
    return this.decoded(false);
  }

  /** The frame at the cursor, with memory of its own. */
  owned(): OwnedFrame {
    const { opcode, fin, rsv, masked, offset, length, first, last } = this;
    return { opcode, fin, rsv, masked, offset, length, first, last, payload: this.copy() };
  }

  /** Bytes of the stream taken so far, from the offset begun with. */
  get consumed(): number {
    return this.#frames.offset();
  }

  /** Where the frame that was read last, or is cut, begins. */
  get frameOffset(): number {
    return this.#frames.frame_offset();
  }

  /** @internal */
  protected override resume(): void {
    claim(this);
    this.foundMore(this.#slice(this.#chunk as Uint8Array));
  }

  /** Decodes the next 64 KiB of a chunk; see `message/cursor.ts`. */
  #slice(chunk: Uint8Array): number {
    const from = this.#from;
    const to = Math.min(from + CHUNK, chunk.length);
    const input = inputRegion(to - from);
    heap.set(chunk.subarray(from, to), input);
    this.renew();
    this.#from = to;
    const count = this.#frames.push(arena, to - from);
    this.more = count >= 0 && to < chunk.length;
    if (!this.more) this.#chunk = undefined;
    return count;
  }

  get #frames(): Frames {
    return this.handle as Frames;
  }

  #has(flag: number): boolean {
    return (this.cell(0) & flag) !== 0;
  }
}
