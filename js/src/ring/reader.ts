/** The side that reads. */

import { Utf8Decoder } from "../bytes/text.ts";
import {
  AT_FRONT,
  CLOSED,
  corrupt,
  ENDED,
  HEAD,
  Layout,
  READER_WAITS,
  READERS,
  RECORD,
  RingError,
  spaceOf,
  STATE,
  TAIL,
  TO_READER,
} from "./layout.ts";
import { wait, waitAsync } from "./wait.ts";

const decoder = new Utf8Decoder();

/**
 * Takes records out of a ring: a cursor, which goes to a record and keeps it until it
 * goes to the next. What it is at is read in place.
 *
 * A reader that is made for a ring which had one takes its place, and begins with the
 * oldest record that was not released: if the other thread died within a record, that
 * one comes once more. Should the other one still live, it gets a RingError
 * `SUPERSEDED`.
 */
export class RingReader {
  readonly #ring: Layout;
  readonly #number: number;
  /** Where the record is, as an index of bytes; none if negative. */
  #at = -1;
  #length = 0;
  /** Bytes from the tail to the record's end. */
  #span = 0;

  /** @throws RingError `CORRUPT` if this is no memory of `createRing` */
  constructor(ring: SharedArrayBuffer) {
    this.#ring = new Layout(ring);
    this.#number = Atomics.add(this.#ring.words, READERS, 1) + 1;
  }

  /**
   * Releases the record that it is at, and goes to the next; false if there is none
   * now.
   *
   * @throws RingError `SUPERSEDED`, `CORRUPT`
   */
  tryNext(): boolean {
    this.release();
    const ring = this.#ring;
    const used = ring.used();
    if (used === 0) return false;
    if (used > ring.capacity) throw corrupt();
    const tail = ring.load(TAIL);
    let at = tail & (ring.capacity - 1);
    let skipped = 0;
    if (ring.records[at >>> 2] === AT_FRONT) {
      skipped = ring.capacity - at;
      at = 0;
    }
    const length = ring.records[at >>> 2] as number;
    if (length > ring.capacity) throw corrupt();
    const span = skipped + spaceOf(length);
    if (span > used || at + RECORD + length > ring.capacity) throw corrupt();
    this.#at = at;
    this.#length = length;
    this.#span = span;
    return true;
  }

  /**
   * Goes to the next record, and blocks the thread until there is one. False if
   * there will be none (see {@link ended}), or was none for `timeout` milliseconds.
   *
   * @throws as {@link tryNext}
   */
  next(timeout = Infinity): boolean {
    wait(this.#ring, TO_READER, READER_WAITS, timeout, this.#nextOrEnd);
    return this.#at >= 0;
  }

  /** As {@link next}, for a thread that may not block. Only one call may be pending. */
  async nextAsync(timeout = Infinity): Promise<boolean> {
    await waitAsync(this.#ring, TO_READER, READER_WAITS, timeout, this.#nextOrEnd);
    return this.#at >= 0;
  }

  /** Goes through all records to the end; each value is this reader. */
  async *[Symbol.asyncIterator](): AsyncGenerator<this, void, undefined> {
    while (await this.nextAsync()) yield this;
  }

  /** Whether the writer has ended, and all records were gone to. */
  get ended(): boolean {
    const ring = this.#ring;
    // In this order: a record may come before the end does.
    return ring.has(ENDED) && ring.used() === (this.#at < 0 ? 0 : this.#span);
  }

  /** The kind of the record, as the writer gave it. */
  get kind(): number {
    return this.#ring.records[(this.#here() >>> 2) + 1] as number;
  }

  /** Bytes of the payload. */
  get length(): number {
    this.#here();
    return this.#length;
  }

  /** The payload in the ring, valid until the next call of `next` or {@link release}. */
  bytes(): Uint8Array<SharedArrayBuffer> {
    const at = this.#here() + RECORD;
    return this.#ring.bytes.subarray(at, at + this.#length);
  }

  /** The payload in memory of its own, which is not shared. */
  copy(): Uint8Array<ArrayBuffer> {
    const copy = new Uint8Array(this.#length);
    copy.set(this.bytes());
    return copy;
  }

  /** The payload as a string, from UTF-8. */
  text(): string {
    // Browsers decode no shared memory.
    return decoder.decode(this.copy());
  }

  /**
   * Releases the record that it is at, if it is at one: its room is the writer's
   * again.
   *
   * @throws RingError `SUPERSEDED`
   */
  release(): void {
    const ring = this.#ring;
    if (Atomics.load(ring.words, READERS) !== this.#number) {
      this.#at = -1;
      throw new RingError("SUPERSEDED", "another reader took this one's place");
    }
    if (this.#at < 0) return;
    this.#at = -1;
    Atomics.store(ring.words, TAIL, ring.load(TAIL) + this.#span);
    ring.toWriter();
  }

  /**
   * Says that nothing more is read: the writer gets a RingError `CLOSED`.
   *
   * @throws RingError `SUPERSEDED`
   */
  close(): void {
    this.release();
    Atomics.or(this.#ring.words, STATE, CLOSED);
    this.#ring.toWriter();
  }

  readonly #nextOrEnd = (): boolean => this.tryNext() || this.#over();

  #over(): boolean {
    return this.#ring.has(ENDED) && this.#ring.load(HEAD) === this.#ring.load(TAIL);
  }

  #here(): number {
    if (this.#at < 0) throw new RangeError("the reader is at no record: call next() first");
    return this.#at;
  }
}
