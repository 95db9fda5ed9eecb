/** The part of the module's memory in which heads are read and written. */

import { Heads } from "../wasm/module.ts";
import { errorOf, errorTable, named } from "../error/errors.ts";
import { decodeLatin1, encodeLatin1, heap, refresh, words } from "../memory/memory.ts";
import { copyOut } from "../memory/copy.ts";

// The words of the row, as crates/wscodec-wasm/src/handshake.rs has them.
const OUTPUT = 0;
const OFFSET = 2;
export const KEY = 3;
export const STATUS = 3;
export const HOST = 4;
export const REASON = 4;
export const PATH = 6;
const TABLE = 8;
export const START = 10;

const encoder = new TextEncoder();

/** Made when the first head comes: many use the decoders only. */
export let heads: Heads;
/** The address of the input. */
export let input = 0;
/** Goes up when the input is overwritten. */
export let use = 0;
/** The row's index in words. */
let row = 0;
let capacity = 0;

/**
 * Makes the input at least this long, with the bytes that are in it; then it is
 * to be written. Nothing changes if there is no memory for it.
 *
 * @throws LimitError `OUT_OF_MEMORY`
 */
function prepare(length: number): void {
  if (heads === undefined) {
    heads = new Heads();
    row = heads.row() >>> 2;
  }
  if (length > capacity) {
    const longer = Math.max(length, 4096);
    const address = heads.reserve(longer);
    if (address === 0) throw named("OUT_OF_MEMORY");
    input = address;
    capacity = longer;
  }
  refresh();
}

/** A word of the row. */
export function word(index: number): number {
  return words[row + index] as number;
}

/** The part of a head that two words of the row tell. */
export function part(text: string, index: number): string {
  const at = word(index);
  return text.slice(at, at + word(index + 1));
}

/** Begins a new use of the input: what was there before is stale. */
export function begin(length: number): void {
  prepare(length);
  use++;
}

/** Puts bytes at the front of the input, no more than a head may have; says how many. */
export function putBytes(bytes: Uint8Array, most: number): number {
  const length = Math.min(bytes.length, most);
  begin(length);
  heap.set(length === bytes.length ? bytes : bytes.subarray(0, length), input);
  return length;
}

/** Puts text with a character for each byte at the front of the input. */
export function putLatin1(text: string): void {
  begin(text.length);
  encodeLatin1(text, input);
}

/** Puts bytes into the input at an offset. */
export function putAt(offset: number, bytes: Uint8Array): number {
  prepare(offset + bytes.length);
  heap.set(bytes, input + offset);
  return bytes.length;
}

/** Puts the parts of a text into the input at an offset; says how many bytes that took. */
export function putParts(offset: number, parts: readonly string[]): number {
  for (const part of parts) {
    if (part.includes("\n")) throw named("INVALID_HEADER");
  }
  return putAt(offset, encoder.encode(parts.join("\n")));
}

/** The number that a call of the module returned; throws the error that the number stands for. */
export function checked(result: number, offset = true): number {
  // The call may have made the memory grow.
  refresh();
  if (result >= 0) return result;
  const placed = offset && errorTable()[-result - 1]?.group !== "MisuseError";
  throw errorOf(-result, placed ? word(OFFSET) : undefined);
}

/** A copy of the bytes that the last call wrote. */
export function output(result: number): Uint8Array<ArrayBuffer> {
  checked(result);
  return copyOut(word(OUTPUT), result);
}

/** A copy of the bytes that the last call wrote, as a string. They are ASCII. */
export function outputText(result: number): string {
  checked(result);
  return decodeLatin1(word(OUTPUT), result);
}

/** The table of header lines of the head in the first bytes of the input; four words a line. */
export function lineTable(length: number): Uint32Array {
  const count = checked(heads.lines(length));
  const at = word(TABLE) >>> 2;
  return words.slice(at, at + 4 * count);
}
