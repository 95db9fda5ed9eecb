/** The side that writes. */

import { asUint8Array, type Bytes } from "../bytes/bytes.ts";
import {
  AT_FRONT,
  CLOSED,
  ENDED,
  HEAD,
  Layout,
  RECORD,
  RingError,
  spaceOf,
  STATE,
  TO_WRITER,
  WRITER_WAITS,
} from "./layout.ts";
import { wait, waitAsync } from "./wait.ts";

/**
 * Puts records into a ring. A record is a kind, which is any number of 32 bits
 * (an opcode, say), and bytes; it is copied once, into the ring.
 *
 * Nothing is written over before the reader has released it: where there is no room,
 * {@link write} waits, {@link tryWrite} refuses. A reader that ended without
 * {@link RingReader.close}, because its thread died, is one that never makes room; so
 * use a timeout, or {@link end} when the runtime says that the thread is gone. A new
 * reader can take its place, and goes on with what was not released.
 */
export class RingWriter {
  readonly #ring: Layout;
  /** Where the reserved record is, as an index of bytes; none if negative. */
  #reserved = -1;
  #reservedLength = 0;

  /** @throws RingError `CORRUPT` if this is no memory of `createRing` */
  constructor(ring: SharedArrayBuffer) {
    this.#ring = new Layout(ring);
  }

  /** Bytes of records that the ring has room for; each takes 8 more, and is padded to 8. */
  get capacity(): number {
    return this.#ring.capacity;
  }

  /** Most bytes of one record. */
  get maxRecord(): number {
    return this.#ring.capacity / 2 - RECORD;
  }

  /** Bytes that wait for the reader, with what records take beside their payload. */
  get bufferedAmount(): number {
    return this.#ring.used();
  }

  /** Whether the reader said that it takes no more. */
  get closed(): boolean {
    return this.#ring.has(CLOSED);
  }

  /**
   * Adds a record; false if there is no room now.
   *
   * @throws RingError `CLOSED`, `ENDED`, `RECORD_TOO_LONG`
   */
  tryWrite(data: Bytes, kind = 0): boolean {
    const bytes = asUint8Array(data);
    checkKind(kind);
    const space = this.reserve(bytes.length);
    if (space === undefined) return false;
    space.set(bytes);
    this.commit(bytes.length, kind);
    return true;
  }

  /**
   * Adds a record, and blocks the thread until there is room; false if there was
   * none for `timeout` milliseconds.
   *
   * @throws as {@link tryWrite}, and while it waits
   */
  write(data: Bytes, kind = 0, timeout = Infinity): boolean {
    const done = () => this.tryWrite(data, kind);
    return wait(this.#ring, TO_WRITER, WRITER_WAITS, timeout, done);
  }

  /** As {@link write}, for a thread that may not block. Only one call may be pending. */
  writeAsync(data: Bytes, kind = 0, timeout = Infinity): Promise<boolean> {
    const done = () => this.tryWrite(data, kind);
    return waitAsync(this.#ring, TO_WRITER, WRITER_WAITS, timeout, done);
  }

  /**
   * Room for the payload of the next record, to be written there in place, without
   * a copy; `undefined` if there is none now. {@link commit} adds the record.
   *
   * @throws as {@link tryWrite}
   */
  reserve(length: number): Uint8Array<SharedArrayBuffer> | undefined {
    const ring = this.#ring;
    this.#reserved = -1;
    if (!Number.isInteger(length) || length < 0) {
      throw new RangeError("length must be an integer from 0 on");
    }
    if (length > this.maxRecord) {
      throw new RingError("RECORD_TOO_LONG", `a record has at most ${this.maxRecord} bytes`);
    }
    if (ring.has(ENDED)) throw new RingError("ENDED", "the ring was ended");
    if (ring.has(CLOSED)) throw new RingError("CLOSED", "the reader takes no more");
    const head = ring.load(HEAD);
    const at = head & (ring.capacity - 1);
    const toEnd = ring.capacity - at;
    const space = spaceOf(length);
    const skipped = space > toEnd ? toEnd : 0;
    if (ring.used() + skipped + space > ring.capacity) return undefined;
    const start = skipped === 0 ? at : 0;
    if (skipped !== 0) {
      // This is not published by itself: the reader finds it with the record.
      ring.records[at >>> 2] = AT_FRONT;
    }
    this.#reserved = start;
    this.#reservedLength = length;
    return ring.bytes.subarray(start + RECORD, start + RECORD + length);
  }

  /**
   * Adds the record of the first `length` bytes of what {@link reserve} gave.
   *
   * @throws RangeError if that much is not reserved
   */
  commit(length: number, kind = 0): void {
    checkKind(kind);
    const ring = this.#ring;
    const start = this.#reserved;
    if (start < 0 || !Number.isInteger(length) || length < 0 || length > this.#reservedLength) {
      throw new RangeError("commit what was reserved, once, or the first part of it");
    }
    this.#reserved = -1;
    ring.records[start >>> 2] = length;
    ring.records[(start >>> 2) + 1] = kind;
    const head = ring.load(HEAD);
    const at = head & (ring.capacity - 1);
    const skipped = start === at ? 0 : ring.capacity - at;
    Atomics.store(ring.words, HEAD, head + skipped + spaceOf(length));
    ring.toReader();
  }

  /**
   * Blocks until the reader has released everything: what records tell of, such as
   * lent memory, may be used anew then. False if it has not for `timeout`
   * milliseconds, or closed the ring before.
   */
  flushed(timeout = Infinity): boolean {
    wait(this.#ring, TO_WRITER, WRITER_WAITS, timeout, this.#flushedOrClosed);
    return this.#ring.used() === 0;
  }

  /** As {@link flushed}, for a thread that may not block. */
  async flushedAsync(timeout = Infinity): Promise<boolean> {
    await waitAsync(this.#ring, TO_WRITER, WRITER_WAITS, timeout, this.#flushedOrClosed);
    return this.#ring.used() === 0;
  }

  /** Says that nothing more comes: the reader reads what is there, and then sees the end. */
  end(): void {
    Atomics.or(this.#ring.words, STATE, ENDED);
    this.#ring.toReader();
  }

  readonly #flushedOrClosed = (): boolean => this.#ring.used() === 0 || this.closed;
}

/** Coerced, what is no number would be the kind 0. */
function checkKind(kind: number): void {
  if (!Number.isInteger(kind) || kind < 0 || kind > 0xffff_ffff) {
    throw new RangeError("kind must be an integer from 0 to 4294967295");
  }
}
