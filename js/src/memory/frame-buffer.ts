/**
 * Where frames wait in the module's memory, and how payloads come to be in them without a second
 * copy: see `crates/wscodec-wasm/src/frame_buffer.rs`, which has the other half.
 *
 * JavaScript writes a payload behind room for the header of its frame, and a call of the module makes
 * the frame. How long the header is depends on the length of the payload, which is not known before a
 * text is encoded: most text is ASCII, so the string's length is taken, and the bytes are moved in the
 * rare case that it was wrong.
 *
 * The views on the memory must be fresh when a method of this file is called, and may be gone
 * behind it only if it has made room, which refreshes them.
 */

import { copied, memoryOf } from "../bytes/bytes.ts";
import { copyOut } from "./copy.ts";
import { buffer, encodeText, heap, outOfMemory, putLongText, refresh, words } from "./memory.ts";

/** The module's part of a frame buffer. */
export interface Output {
  output(): number;
  reserve(length: number): number;
}

// The words that the module shows.
const WAITING = 0;
const ADDRESS = 1;
const ROOM = 2;

export const MAX_HEADER = 14;

/** For text above this many bytes room is made for exactly its bytes. */
const USUAL_TEXT = 16 * 1024;

export class FrameBuffer {
  readonly #output: Output;
  /** The index of the module's words. */
  readonly #word: number;
  /** Bytes of a mask key: 4 at a client, else 0. */
  readonly #key: number;

  constructor(output: Output, masked: boolean) {
    this.#output = output;
    this.#word = output.output() >>> 2;
    this.#key = masked ? 4 : 0;
  }

  /** How many bytes wait. */
  get length(): number {
    return words[this.#word] as number;
  }

  /** Where they are. */
  get address(): number {
    return words[this.#word + ADDRESS] as number;
  }

  /** How many bytes of memory there are for them. */
  get room(): number {
    return words[this.#word + ROOM] as number;
  }

  /** Forgets what waits. */
  clear(): void {
    words[this.#word + WAITING] = 0;
  }

  /** Copies out what waits, which stays until {@link clear}. */
  copy(): Uint8Array<ArrayBuffer> {
    return copyOut(words[this.#word + ADDRESS] as number, words[this.#word] as number);
  }

  /** Lays a text where its frame is to be: its length in bytes. */
  putText(text: string): number {
    const { length: guess } = text;
    const most = guess * 3;
    if (most > USUAL_TEXT && this.length + MAX_HEADER + most > this.room) {
      return putLongText(text, (bytes) => this.#frame(bytes) + this.#header(bytes));
    }
    const frame = this.#frame(most);
    const guessed = this.#header(guess);
    const length = encodeText(text, frame + guessed, most);
    if (length !== guess) {
      const header = this.#header(length);
      if (header !== guessed) heap.copyWithin(frame + header, frame + guessed, frame + guessed + length);
    }
    return length;
  }

  /** Lays bytes, whose length is told, where their frame is to be. */
  putBytes(bytes: Uint8Array, length: number): void {
    const word = this.#word;
    const shown = words;
    const waiting = shown[word] as number;
    if (waiting + MAX_HEADER + length <= (shown[word + ROOM] as number)) {
      heap.set(bytes, (shown[word + ADDRESS] as number) + waiting + this.#header(length));
    } else {
      const stable = memoryOf(bytes) === buffer ? copied(bytes) : bytes;
      const frame = this.#grow(length);
      heap.set(stable, frame + this.#header(length));
    }
  }

  /** Lays the payload of a frame that a server would send, whose header has so many bytes. */
  putFrame(frame: Uint8Array, header: number): number {
    const length = frame.length - header;
    const place = this.#frame(length);
    // Where there is a mask key it is written over what comes of the old header.
    heap.set(frame, place + this.#key);
    return length;
  }

  /** Where the next frame begins, with room for so many bytes of payload. */
  #frame(length: number): number {
    const word = this.#word;
    const shown = words;
    const waiting = shown[word] as number;
    if (waiting + MAX_HEADER + length > (shown[word + ROOM] as number)) return this.#grow(length);
    return (shown[word + ADDRESS] as number) + waiting;
  }

  /**
   * Makes room, and says where the next frame begins.
   *
   * @throws LimitError `OUT_OF_MEMORY`
   */
  #grow(length: number): number {
    const needed = length + MAX_HEADER;
    const address = needed < 2 ** 32 ? this.#output.reserve(needed) : 0;
    refresh();
    if (address === 0) throw outOfMemory();
    return address + this.length;
  }

  /** Bytes of the header of a frame with so many bytes of payload. */
  #header(length: number): number {
    return (length < 126 ? 2 : length < 65536 ? 4 : 10) + this.#key;
  }
}
