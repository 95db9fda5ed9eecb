/**
 * How a ring lies in its memory.
 *
 * Words of 32 bits, the sides' own 64 bytes apart so that they share no cache
 * line; then the records. Positions count bytes from the ring's beginning on, modulo
 * 2^32: `0 <= head - tail <= capacity`. A record is its length, its kind, and its
 * payload, all in one piece and padded to 8 bytes; where one does not fit before the
 * memory's end, a mark says that it is at the front.
 */

import { isSharedBuffer, kindOf } from "../bytes/bytes.ts";

const MAGIC = 0x77735231;

const MAGIC_AT = 0;
const CAPACITY_AT = 1;
/** Bits of {@link ENDED} and {@link CLOSED}. */
export const STATE = 2;
/** How many readers there were: only the newest may read. */
export const READERS = 3;
/** Where the next record will be: the writer's. */
export const HEAD = 16;
/** Goes up when the reader may have something to see. */
export const TO_READER = 17;
/** Whether the reader sleeps, or is about to. */
export const READER_WAITS = 18;
/** Where the oldest record is that is not released: the reader's. */
export const TAIL = 32;
/** Goes up when the writer may have something to see. */
export const TO_WRITER = 33;
/** Whether the writer sleeps, or is about to. */
export const WRITER_WAITS = 34;

const DATA = 256;

/** Bytes before a payload. */
export const RECORD = 8;
/** In place of a length: the record is at the front. */
export const AT_FRONT = 0xffff_ffff;

export const ENDED = 1;
export const CLOSED = 2;

const SMALLEST = 64;
const LARGEST = 2 ** 30;

/** An error of a ring. */
export class RingError extends Error {
  /**
   * The cause: `"CLOSED"`, the reader takes no more; `"ENDED"`, the writer has
   * ended; `"SUPERSEDED"`, another reader took this one's place; `"RECORD_TOO_LONG"`;
   * `"CORRUPT"`, the memory holds no ring, or something else wrote to it.
   */
  readonly code: "CLOSED" | "ENDED" | "SUPERSEDED" | "RECORD_TOO_LONG" | "CORRUPT";

  constructor(code: RingError["code"], message: string) {
    super(message);
    this.code = code;
  }

  override get name(): string {
    return "RingError";
  }
}

/**
 * Memory for a ring with room for this many bytes, rounded up to a power of two:
 * to be handed to the other thread, and to {@link RingWriter} and
 * {@link RingReader}. A record can be half of it long, less 8 bytes. From 64 bytes to
 * 1 GiB; default 1 MiB.
 */
export function createRing(capacity = 2 ** 20): SharedArrayBuffer {
  if (!Number.isInteger(capacity) || capacity < 1 || capacity > LARGEST) {
    throw new RangeError(`capacity must be an integer from 1 to ${LARGEST}`);
  }
  let rounded = SMALLEST;
  while (rounded < capacity) rounded *= 2;
  const ring = new SharedArrayBuffer(DATA + rounded);
  const words = new Int32Array(ring);
  words[CAPACITY_AT] = rounded;
  Atomics.store(words, MAGIC_AT, MAGIC);
  return ring;
}

/** A ring's memory, as both sides look at it. */
export class Layout {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly records: Uint32Array<SharedArrayBuffer>;
  readonly capacity: number;

  constructor(ring: SharedArrayBuffer) {
    if (!isSharedBuffer(ring)) {
      throw new TypeError(`ring must be a SharedArrayBuffer, not ${kindOf(ring)}`);
    }
    if (ring.byteLength < DATA + SMALLEST) throw corrupt();
    this.words = new Int32Array(ring, 0, DATA / 4);
    const capacity = this.words[CAPACITY_AT] as number;
    const whole = capacity >= SMALLEST && (capacity & (capacity - 1)) === 0;
    if (!whole || Atomics.load(this.words, MAGIC_AT) !== MAGIC) throw corrupt();
    if (ring.byteLength < DATA + capacity) throw corrupt();
    this.capacity = capacity;
    this.bytes = new Uint8Array(ring, DATA, capacity);
    this.records = new Uint32Array(ring, DATA, capacity / 4);
  }

  load(at: number): number {
    return Atomics.load(this.words, at) >>> 0;
  }

  /** Bytes between the positions. */
  used(): number {
    return (this.load(HEAD) - this.load(TAIL)) >>> 0;
  }

  has(state: number): boolean {
    return (Atomics.load(this.words, STATE) & state) !== 0;
  }

  /** Wakes the other side, if it sleeps. */
  signal(to: number, waits: number): void {
    Atomics.add(this.words, to, 1);
    // All of this is in one order for both sides: who is missed here has not looked
    // at the signal yet, and will not sleep.
    if (Atomics.load(this.words, waits) !== 0) Atomics.notify(this.words, to);
  }

  toReader(): void {
    this.signal(TO_READER, READER_WAITS);
  }

  toWriter(): void {
    this.signal(TO_WRITER, WRITER_WAITS);
  }
}

/** Bytes that a record takes. */
export function spaceOf(length: number): number {
  return (RECORD + length + 7) & ~7;
}

export function corrupt(): RingError {
  return new RingError("CORRUPT", "this memory is not that of a ring, or was written to");
}
