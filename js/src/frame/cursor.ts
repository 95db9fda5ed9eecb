/**
 * The walk over the rows that one push left, which all decoders have in common.
 *
 * All decoders of a module write their rows to one arena, because thousands of connections would
 * otherwise hold an arena each. So the rows of one decoder are gone when another decoder takes
 * bytes. A handler may well do that (a proxy does, and so does a handler that awaits), and a row
 * that is silently lost is a message that is lost. Two rules keep rows from being lost:
 *
 * - The decoder that uses the arena is its holder. Before another one uses the arena, the holder
 *   copies the rows that it has not passed, with their payloads, to memory of its own (`keep`).
 *   Some payloads lie in the decoder's own part of the module and would survive; the rows do not
 *   tell which, and to copy them all is linear in what was pushed. A decoder that was walked to its end copies nothing, so the usual
 *   loop costs one comparison per push.
 * - A decoder that has rows which were not visited takes no more bytes: `push` throws `UNREAD`.
 *   `skip` drops them on purpose.
 *
 * A copy of the input was chosen over an arena for each walk: a handler that awaits on a thousand
 * connections would hold a thousand arenas of 64 KiB, and a copy has the length of what is left.
 *
 * Invariant: `#at` is the index of a row in the arena that may be read, or -1. The usual read costs
 * one comparison; copied rows and all errors are behind it.
 */

import { errorOf, misuse, type WscodecError } from "../error/errors.ts";
import {
  buffer,
  checkGeneration,
  claim,
  decodeBytes,
  decodeText,
  disclaim,
  generation,
  hasLargeBuffer,
  heap,
  lent,
  nextGeneration,
  refresh,
  releaseLater,
  rows,
  words,
} from "../memory/memory.ts";
import { copyOut } from "../memory/copy.ts";
import { freed, useAfterFree } from "../memory/freed.ts";

/**
 * The part of a decoder that is in the module.
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

/** Rows in memory of the decoder's own; their addresses are places in `bytes`. */
interface Kept {
  readonly rows: Uint32Array;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The current row; -1 for none. */
  at: number;
}

/**
 * A cursor over the rows that the last push left. In every row the numbers 1 and
 * 2 are the address and the length of a payload, or of the piece that came.
 */
export abstract class Cursor<Owned> {
  /** @internal */
  protected handle: Handle;
  /** Numbers in a row. @internal */
  protected readonly width: number;
  /** When the rows were made. @internal */
  protected generation = 0;
  /** Whether a fault comes after the rows. @internal */
  protected faulty = false;
  /** The number that is added to the module's offsets. @internal */
  protected shift = 0;
  /** Whether the push has left something, which {@link resume} goes on with. @internal */
  protected more = false;
  /** The current row, as an index of words; -1 for none, and for one that was copied. */
  #at = -1;
  /** The next row. */
  #upcoming = 0;
  /** The end of the rows. */
  #limit = 0;
  /** The rows, if another decoder has used the arena since. */
  #kept: Kept | undefined;
  /** Goes up with each push and each `skip`: iterators of those before are over. */
  #walk = 0;

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
    for (;;) {
      const at = this.#upcoming;
      if (at < this.#limit) {
        this.#upcoming = at + this.width;
        if (this.generation === generation) this.#at = at;
        else this.#keptRows().at = at;
        return true;
      }
      this.#at = -1;
      this.#kept = undefined;
      if (hasLargeBuffer) releaseLater();
      if (this.faulty) throw this.fault();
      if (!this.more) {
        if (this.handle === freed) throw useAfterFree();
        return false;
      }
      this.resume();
    }
  }

  /**
   * Goes through what the last push found, and gives each thing with memory of its own: it can be
   * kept. Between two of them the caller may await, and use other decoders.
   *
   * @throws as {@link next}; MisuseError `STALE` if rows were skipped that this iterator has not come to
   */
  *[Symbol.iterator](): Generator<Owned, void, undefined> {
    const walk = this.#walk;
    while (this.next()) {
      // Before the caller goes on: by then this may be the last row, and more be pushed.
      const isLast = this.#upcoming >= this.#limit && !this.more && !this.faulty;
      yield this.owned();
      if (this.#walk === walk) continue;
      if (isLast) return;
      throw misuse("STALE", "the decoder was given more bytes, or skipped rows, within this walk");
    }
  }

  /** The item at the cursor, with memory of its own. */
  abstract owned(): Owned;

  /**
   * Drops what the last push found and was not visited. What follows it in the stream is decoded
   * all the same, and a fault is thrown by the next call.
   */
  skip(): this {
    if (this.handle === freed) throw useAfterFree();
    while (this.more && !this.faulty) this.resume();
    this.#walk++;
    this.leave();
    return this;
  }

  /** The payload here, lent: valid until the next push of any decoder. */
  bytes(): Uint8Array<ArrayBuffer> {
    const at = this.#at;
    if (at >= 0) return lent.lend(buffer, words[at + 1] as number, words[at + 2] as number);
    const { bytes, rows, at: keptAt } = this.#keptRow();
    return lent.lend(bytes.buffer, rows[keptAt + 1] as number, rows[keptAt + 2] as number);
  }

  /**
   * The payload here, copied out. In Node and Deno up to 4 KiB may share an `ArrayBuffer` with
   * other copies, as small `Buffer`s do: don't transfer it to another thread.
   */
  copy(): Uint8Array<ArrayBuffer> {
    const at = this.#at;
    if (at >= 0) return copyOut(words[at + 1] as number, words[at + 2] as number);
    return payloadOf(this.#keptRow()).slice();
  }

  /**
   * Says that the stream ended.
   *
   * @throws PeerError `UNEXPECTED_EOF` inside a frame or message; MisuseError `UNREAD`
   */
  end(): void {
    if (this.more && !this.faulty) this.#unread();
    this.handle.finish();
    this.faulty = this.handle.fault() !== 0;
    if (this.faulty) throw this.fault();
  }

  /**
   * Frees the decoder's part of the module's memory. All use of the decoder afterwards throws
   * MisuseError `FREED`, except for this method, which does nothing then.
   */
  free(): void {
    const { handle } = this;
    if (handle === freed) return;
    this.handle = freed as Handle;
    this.#walk++;
    this.faulty = this.more = false;
    this.leave();
    disclaim(this);
    handle.free();
  }

  /** The same as {@link free}, for `using`. */
  [Symbol.dispose](): void {
    this.free();
  }

  /**
   * Begins a use of the arena: to be called before anything is written to it.
   *
   * @throws the fault that the stream is in; MisuseError `UNREAD`, `FREED`
   *
   * @internal
   */
  protected take(): void {
    if (this.#upcoming < this.#limit || this.faulty || this.more) this.#refuse();
    claim(this);
  }

  /** Ends what was lent: a new use of the arena begins. @internal */
  protected renew(): void {
    this.generation = nextGeneration();
  }

  /** Decodes what is left of the push. @internal */
  protected resume(): void {}

  /** Takes what a call of the module returned: rows, or their complement before a fault. @internal */
  protected found(count: number): void {
    refresh();
    this.#walk += 1;
    this.#take(count);
  }

  /** As {@link found}, for rows that {@link resume} has decoded: the walk goes on. @internal */
  protected foundMore(count: number): void {
    refresh();
    this.#take(count);
  }

  #take(count: number): void {
    this.faulty = count < 0;
    this.#kept = undefined;
    this.#at = -1;
    this.#upcoming = rows;
    this.#limit = rows + (count < 0 ? ~count : count) * this.width;
  }

  /** Leaves all rows. @internal */
  protected leave(): void {
    if (hasLargeBuffer) releaseLater();
    this.#at = -1;
    this.#upcoming = this.#limit = 0;
    this.#kept = undefined;
  }

  /** The address of the payload here, or -1 if it was copied out of the module. @internal */
  protected get address(): number {
    const at = this.#at;
    return at >= 0 ? (words[at + 1] as number) : -1;
  }

  /**
   * The number of the current row, if its payload has this place; -1 if not. Only a cursor over
   * messages has such rows.
   *
   * @internal
   */
  rowOf(_address: number, _length: number): number {
    return -1;
  }

  /** The number of the current row in the arena; -1 if there is none or it was copied. @internal */
  protected get row(): number {
    const at = this.#at;
    return at < 0 ? -1 : (at - rows) / this.width;
  }

  /** Goes on as long as there is more and nothing was found. @internal */
  protected hurry(): void {
    while (this.more && !this.faulty && this.#upcoming >= this.#limit) this.resume();
  }

  /** Whether all that was found was visited. @internal */
  get isOver(): boolean {
    return this.#upcoming >= this.#limit && !this.more && !this.faulty;
  }

  /** Whether no row is read any more. @internal */
  get hasLeft(): boolean {
    return this.#at < 0 && this.isOver;
  }

  /** A number of the current row. @internal */
  protected cell(index: number): number {
    const at = this.#at;
    if (at >= 0) return words[at + index] as number;
    const { rows, at: keptAt } = this.#keptRow();
    return rows[keptAt + index] as number;
  }

  /** The payload here as text. @internal */
  protected decoded(ascii: boolean): string {
    const at = this.#at;
    if (at >= 0) return decodeText(words[at + 1] as number, words[at + 2] as number, ascii);
    return decodeBytes(payloadOf(this.#keptRow()), ascii);
  }

  /** @internal */
  protected fault(): WscodecError {
    return errorOf(this.handle.fault(), this.handle.fault_offset() + this.shift);
  }

  /**
   * Another decoder is about to use the arena: copies what is not passed.
   *
   * @internal
   */
  keep(): void {
    const from = this.#at >= 0 ? this.#at : this.#upcoming;
    if (this.#kept !== undefined || from >= this.#limit || this.generation !== generation) return;
    const own = words.slice(from, this.#limit);
    let length = 0;
    for (let at = 0; at < own.length; at += this.width) length += own[at + 2] as number;
    const bytes = new Uint8Array(length);
    let start = 0;
    for (let at = 0; at < own.length; at += this.width) {
      const address = own[at + 1] as number;
      const end = address + (own[at + 2] as number);
      bytes.set(heap.subarray(address, end), start);
      own[at + 1] = start;
      start += end - address;
    }
    this.#kept = { rows: own, bytes, at: this.#at >= 0 ? 0 : -1 };
    this.#at = -1;
    this.#upcoming -= from;
    this.#limit -= from;
  }

  /** The rows that were copied, of which there are some. */
  #keptRows(): Kept {
    if (this.#kept === undefined) checkGeneration(this.generation);
    return this.#kept as Kept;
  }

  /** The rows that were copied, at one of them. */
  #keptRow(): Kept {
    const kept = this.#kept;
    if (kept !== undefined && kept.at >= 0) return kept;
    if (this.handle === freed) throw useAfterFree();
    throw misuse("NOT_ON_A_ROW", "the decoder is at nothing: call next(), and see that it returns true");
  }

  #refuse(): void {
    if (this.faulty) throw this.fault();
    this.#unread();
  }

  #unread(): never {
    throw misuse(
      "UNREAD",
      "the last push found more than was visited: call next() until it returns false, or skip()",
    );
  }
}

/** The payload of the current row. */
function payloadOf({ rows, bytes, at }: Kept): Uint8Array<ArrayBuffer> {
  const start = rows[at + 1] as number;
  return bytes.subarray(start, start + (rows[at + 2] as number));
}
