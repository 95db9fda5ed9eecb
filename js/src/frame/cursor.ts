/** The walk over what one push found, which all decoders have in common. */

import { errorOf, type WscodecError } from "../error/errors.ts";
import {
  buffer,
  checkGeneration,
  generation,
  lent,
  nextGeneration,
  refresh,
  rows,
  words,
} from "../memory/memory.ts";
import { copyOut } from "../memory/copy.ts";

/**
 * What a decoder's part of the module can be asked.
 *
 * @internal
 */
export interface Handle {
  finish(): void;
  fault(): number;
  fault_offset(): number;
  offset(): number;
  free(): void;
}

/**
 * A cursor over the rows that the last push left. In every row the numbers 1 and
 * 2 are the address and the length of a payload, or of the piece that came.
 */
export abstract class Cursor {
  /** @internal */
  protected readonly handle: Handle;
  /** Numbers in a row. @internal */
  protected readonly width: number;
  /** The current row, as an index of words. @internal */
  protected at = 0;
  /** The end of the rows. @internal */
  protected limit = 0;
  /** When the rows were made. @internal */
  protected generation = 0;
  /** Whether a fault comes after the rows. @internal */
  protected faulty = false;
  /** What is added to the module's offsets. @internal */
  protected shift = 0;
  /** Whether the push has left something, which {@link resume} goes on with. @internal */
  protected more = false;

  /** @internal */
  constructor(handle: Handle, width: number) {
    this.handle = handle;
    this.width = width;
    refresh();
  }

  /**
   * Goes to the next thing that was found; false when there is none left.
   *
   * @throws the fault of the stream, after everything that came before it
   */
  next(): boolean {
    const at = this.at + this.width;
    if (at < this.limit) {
      if (this.generation !== generation) checkGeneration(this.generation);
      this.at = at;
      return true;
    }
    this.at = this.limit;
    if (this.faulty) throw this.fault();
    if (!this.more) return false;
    this.resume();
    return this.next();
  }

  /**
   * Whether what is left of the push waits in memory of its own, while all that was
   * found was gone through: other decoders may be used before the next `next`.
   */
  get waits(): boolean {
    return this.more && this.at + this.width >= this.limit;
  }

  /** Goes through what the last push found; each value is this decoder. */
  *[Symbol.iterator](): Generator<this, void, undefined> {
    while (this.next()) yield this;
  }

  /** The payload here, lent: valid until the next push of any decoder. */
  bytes(): Uint8Array<ArrayBuffer> {
    this.fresh();
    return lent.lend(buffer, this.cell(1), this.cell(2));
  }

  /**
   * The payload here, copied out. In Node and Deno up to 4 KiB may share an `ArrayBuffer` with
   * other copies, as small `Buffer`s do: don't transfer it to another thread.
   */
  copy(): Uint8Array<ArrayBuffer> {
    this.fresh();
    return copyOut(this.cell(1), this.cell(2));
  }

  /**
   * Says that the stream ended.
   *
   * @throws PeerError `UNEXPECTED_EOF` inside a frame or message
   */
  end(): void {
    if (this.more) this.drain();
    this.handle.finish();
    this.faulty = this.handle.fault() !== 0;
    if (this.faulty) throw this.fault();
  }

  /** Frees the decoder's part of the module's memory. It can't be used any more. */
  free(): void {
    this.handle.free();
  }

  /** Ends what was lent: a new use of the arena begins. @internal */
  protected renew(): void {
    this.generation = nextGeneration();
  }

  /** The same as {@link free}, for `using`. */
  [Symbol.dispose](): void {
    this.free();
  }

  /** Decodes what is left of the push. @internal */
  protected resume(): void {}

  /** Drops what was not visited, and decodes what is left of the push. @internal */
  protected drain(): void {
    while (this.more && !this.faulty) this.resume();
    if (this.faulty) throw this.fault();
  }

  /** Takes what a call of the module returned: rows, or their complement before a fault. @internal */
  protected found(count: number): void {
    refresh();
    this.faulty = count < 0;
    this.at = rows - this.width;
    this.limit = rows + (count < 0 ? ~count : count) * this.width;
  }

  /** A number of the current row. @internal */
  protected cell(index: number): number {
    return words[this.at + index] as number;
  }

  /** Throws if the rows are not the newest ones any more. @internal */
  protected fresh(): void {
    if (this.generation !== generation) checkGeneration(this.generation);
  }

  /** @internal */
  protected fault(): WscodecError {
    return errorOf(this.handle.fault(), this.handle.fault_offset() + this.shift);
  }
}
