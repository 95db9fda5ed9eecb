/** Whole messages out of bytes that come cut anywhere. */

import { Messages } from "./wasm.ts";
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
import { type DecoderOptions, decoderArguments, integer } from "./options.ts";

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
 */
export class MessageDecoder {
  #messages: Messages;
  // The rows of the last push, as indices of words: the current one, the end.
  #at = 0;
  #end = 0;
  #generation = 0;
  /** Whether a fault comes after the rows. */
  #faulty = false;
  /** Where `reserve` has pointed: 0 for the arena's input; how far, and when. */
  #space = 0;
  #reserved = 0;
  #reservedAt = -1;

  constructor(options: DecoderOptions) {
    this.#messages = new Messages(...decoderArguments(options));
    refresh();
  }

  /**
   * Decodes a chunk of the stream, cut anywhere. Rows of an earlier chunk that
   * were not visited are dropped.
   *
   * Chunks of up to 64 KiB are what the module has room for; it grows for
   * longer ones, and stays so.
   *
   * @throws the fault that the stream is in, if it was found by an earlier push
   */
  push(chunk: Bytes): this {
    let bytes = chunk instanceof Uint8Array ? chunk : asUint8Array(chunk);
    const length = bytes.length;
    if (this.#faulty) throw this.#fault();
    // The generation ends only when the chunk is copied: it may be what was lent.
    if (length >= LARGE) {
      // A view on the memory would be gone when that grows.
      if (bytes.buffer === buffer) bytes = bytes.slice();
      const space = this.#messages.space(arena, length);
      refresh();
      if (space !== 0) {
        heap.set(bytes, space);
        this.#generation = nextGeneration();
        this.#rows(this.#messages.fill(arena, length));
        return this;
      }
    }
    const input = inputRegion(length);
    heap.set(bytes, input);
    this.#generation = nextGeneration();
    this.#rows(this.#messages.push(arena, length));
    return this;
  }

  /**
   * A view of `length` bytes on the module's memory, into which the next bytes
   * of the stream can be read without a copy. Say how many came with
   * {@link commit}, before anything else is pushed or reserved anywhere.
   */
  reserve(length = 64 * 1024): Uint8Array<ArrayBuffer> {
    if (this.#faulty) throw this.#fault();
    integer("length", length);
    this.#generation = this.#reservedAt = nextGeneration();
    this.#reserved = length;
    this.#at = this.#end = 0;
    this.#space = this.#messages.space(arena, length);
    refresh();
    const address = this.#space === 0 ? inputRegion(length) : this.#space;
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
    this.#generation = nextGeneration();
    this.#rows(
      this.#space === 0
        ? this.#messages.push(arena, length)
        : this.#messages.fill(arena, length),
    );
    this.#space = 0;
    return this;
  }

  /**
   * Goes to the next message or control frame; false when there is none left.
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
    this.#messages.finish();
    this.#faulty = this.#messages.fault() !== 0;
    if (this.#faulty) throw this.#fault();
  }

  /** What the cursor is at. */
  get type(): MessageType {
    return types[this.opcode] as MessageType;
  }

  /** The same as its opcode: 1 text, 2 binary, 8 close, 9 ping, 10 pong. */
  get opcode(): number {
    return (words[this.#at] as number) & OPCODE;
  }

  /** Bytes of payload; of a close frame, bytes of its reason. */
  get length(): number {
    return words[this.#at + 2] as number;
  }

  /** Whether the payload is known to be ASCII; it may be ASCII without. */
  get ascii(): boolean {
    return ((words[this.#at] as number) & ASCII) !== 0;
  }

  /** Whether the payload is coded by an extension (see `rsv` in the options). */
  get opaque(): boolean {
    return ((words[this.#at] as number) & OPAQUE) !== 0;
  }

  /** The code of a close frame; 1005 if it has none, 0 if this is no close frame. */
  get closeCode(): number {
    return words[this.#at + 3] as number;
  }

  /** The payload, lent: valid until the next push of any decoder. */
  bytes(): Uint8Array<ArrayBuffer> {
    if (this.#generation !== generation) checkGeneration(this.#generation);
    const at = this.#at;
    return lend(buffer, words[at + 1] as number, words[at + 2] as number);
  }

  /** The payload, in memory of its own. */
  copy(): Uint8Array<ArrayBuffer> {
    if (this.#generation !== generation) checkGeneration(this.#generation);
    const start = words[this.#at + 1] as number;
    return heap.slice(start, start + this.length);
  }

  /** The payload as a string: a text message's, or a close frame's reason. */
  text(): string {
    if (this.#generation !== generation) checkGeneration(this.#generation);
    const at = this.#at;
    const ascii = ((words[at] as number) & ASCII) !== 0;
    return decodeText(words[at + 1] as number, words[at + 2] as number, ascii);
  }

  /** What the cursor is at, with memory of its own. */
  owned(): OwnedMessage {
    const { type } = this;
    if (type === "close") return { type, code: this.closeCode, reason: this.text() };
    if (type === "text" && !this.opaque) return { type, data: this.text() };
    return { type: type === "text" ? "binary" : type, data: this.copy() };
  }

  /** Bytes of the stream taken so far, from the offset begun with. */
  get offset(): number {
    return this.#messages.offset();
  }

  /** Bytes of the module's memory that a message in parts holds. */
  get buffered(): number {
    return this.#messages.buffered();
  }

  /** Frees the decoder's part of the module's memory. It can't be used any more. */
  free(): void {
    this.#messages.free();
  }

  #rows(count: number): void {
    if (heap.length === 0) refresh();
    this.#faulty = count < 0;
    this.#at = rows - WIDTH;
    this.#end = rows + (count < 0 ? ~count : count) * WIDTH;
  }

  #fault(): Error {
    return errorOf(this.#messages.fault(), this.#messages.fault_offset());
  }
}
