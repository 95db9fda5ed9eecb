/** Frames as they come, with the pieces of their payloads. */

import { Frames } from "./wasm.ts";
import { asUint8Array, type Bytes } from "./bytes.ts";
import { errorOf } from "./errors.ts";
import { lend } from "./lent.ts";
import {
  arena,
  buffer,
  checkGeneration,
  decodeText,
  generation,
  heap,
  inputRegion,
  nextGeneration,
  refresh,
  rows,
  words,
} from "./memory.ts";
import { type DecoderOptions, decoderArguments } from "./options.ts";

// As the module writes its rows: eight numbers each.
const WIDTH = 8;
const OPCODE = 15;
const FIN = 1 << 4;
const MASKED = 1 << 5;
const FIRST = 1 << 6;
const LAST = 1 << 7;
const RSV = 8;

const HIGH = 2 ** 32;

/** Shorter chunks never make the memory grow. */
const LARGE = 16 * 1024;

/**
 * Reads frames out of a stream of bytes, with all the rules of frames and
 * messages kept, and without ever holding a data frame's payload: a frame that
 * comes in several chunks is shown in several pieces.
 *
 * ```js
 * const decoder = new FrameDecoder({ role: "server" });
 * decoder.push(chunk);
 * while (decoder.next()) {
 *   if (decoder.first) console.log(decoder.offset, decoder.opcode, decoder.length);
 * }
 * ```
 *
 * `bytes()` is lent, as {@link MessageDecoder}'s is.
 */
export class FrameDecoder {
  #frames: Frames;
  #at = 0;
  #end = 0;
  #generation = 0;
  #faulty = false;

  constructor(options: DecoderOptions) {
    this.#frames = new Frames(...decoderArguments(options));
    refresh();
  }

  /**
   * Decodes a chunk of the stream, cut anywhere.
   *
   * @throws the fault that the stream is in, if it was found by an earlier push
   */
  push(chunk: Bytes): this {
    const bytes = asUint8Array(chunk);
    if (this.#faulty) throw this.#fault();
    const { length } = bytes;
    // A view on the memory would be gone when that grows.
    const stable = length >= LARGE && bytes.buffer === buffer ? bytes.slice() : bytes;
    const input = inputRegion(length);
    heap.set(stable, input);
    this.#generation = nextGeneration();
    const count = this.#frames.push(arena, length);
    refresh();
    this.#faulty = count < 0;
    this.#at = rows - WIDTH;
    this.#end = rows + (count < 0 ? ~count : count) * WIDTH;
    return this;
  }

  /**
   * Goes to the next piece of a frame; false when there is none left.
   *
   * @throws the fault of the stream, after everything that came before it
   */
  next(): boolean {
    const at = this.#at + WIDTH;
    if (at < this.#end) {
      if (this.#generation !== generation) checkGeneration(this.#generation);
      this.#at = at;
      return true;
    }
    this.#at = this.#end;
    if (this.#faulty) throw this.#fault();
    return false;
  }

  /** Goes through what the last push found; each value is this decoder. */
  *[Symbol.iterator](): Generator<this, void, undefined> {
    while (this.next()) yield this;
  }

  /**
   * Says that the stream ended.
   *
   * @throws PeerError `UNEXPECTED_EOF` inside a frame or message
   */
  end(): void {
    this.#frames.finish();
    this.#faulty = this.#frames.fault() !== 0;
    if (this.#faulty) throw this.#fault();
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
    return (words[this.#at] as number) & OPCODE;
  }

  /** Whether the frame ends its message. */
  get fin(): boolean {
    return this.#has(FIN);
  }

  /** The reserved bits: RSV1 is 4, RSV2 is 2, RSV3 is 1. */
  get rsv(): number {
    return ((words[this.#at] as number) >>> RSV) & 7;
  }

  /** Whether the payload came masked; `bytes()` is unmasked. */
  get masked(): boolean {
    return this.#has(MASKED);
  }

  /** The mask key, its first byte lowest; 0 if the frame is not masked. */
  get maskKey(): number {
    return words[this.#at + 7] as number;
  }

  /** Where the frame's first byte lies in the stream. */
  get offset(): number {
    return (words[this.#at + 3] as number) + (words[this.#at + 4] as number) * HIGH;
  }

  /** Bytes of the frame's whole payload, of which this piece may be a part. */
  get length(): number {
    return (words[this.#at + 5] as number) + (words[this.#at + 6] as number) * HIGH;
  }

  /** Bytes of this piece. */
  get pieceLength(): number {
    return words[this.#at + 2] as number;
  }

  /** This piece of the payload, lent: valid until the next push of any decoder. */
  bytes(): Uint8Array<ArrayBuffer> {
    checkGeneration(this.#generation);
    const at = this.#at;
    return lend(buffer, words[at + 1] as number, words[at + 2] as number);
  }

  /** This piece of the payload, in memory of its own. */
  copy(): Uint8Array<ArrayBuffer> {
    checkGeneration(this.#generation);
    const start = words[this.#at + 1] as number;
    return heap.slice(start, start + this.pieceLength);
  }

  /** This piece as a string. A piece may be cut within a character. */
  text(): string {
    checkGeneration(this.#generation);
    return decodeText(words[this.#at + 1] as number, this.pieceLength, false);
  }

  /** Bytes of the stream taken so far, from the offset begun with. */
  get consumed(): number {
    return this.#frames.offset();
  }

  /** Where the frame that was read last, or is cut, begins. */
  get frameOffset(): number {
    return this.#frames.frame_offset();
  }

  /** Frees the decoder's part of the module's memory. It can't be used any more. */
  free(): void {
    this.#frames.free();
  }

  #has(flag: number): boolean {
    return ((words[this.#at] as number) & flag) !== 0;
  }

  #fault(): Error {
    return errorOf(this.#frames.fault(), this.#frames.fault_offset());
  }
}
