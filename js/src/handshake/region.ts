/** The part of the module's memory in which heads are read and written. */

import { Heads } from "../wasm/module.ts";
import { errorOf, errorTable, named } from "../error/errors.ts";
import { decodeLatin1, encodeLatin1, heap, refresh, words } from "../memory/memory.ts";
import { copyOut } from "../memory/copy.ts";

// As the module lays out its row.
const OUTPUT = 0;
const OFFSET = 2;
export const KEY = 3;
export const HOST = 4;
export const PATH = 6;

const encoder = new TextEncoder();

/** Made when the first head comes: many use the decoders only. */
export let heads: Heads;
/** The address of the input. */
export let input = 0;
/** The row's index in words. */
export let row = 0;
/** Goes up when the input is overwritten. */
export let use = 0;
let capacity = -1;

/** Makes the input at least this long, with the bytes that are in it; then it is to be written. */
export function prepare(length: number): void {
  if (length > capacity) {
    capacity = Math.max(length, 4096);
    if (heads === undefined) {
      heads = new Heads(capacity);
      row = heads.row() >>> 2;
    }
    input = heads.reserve(capacity);
  }
  refresh();
}

/** Begins a new use of the input: what was there before is stale. */
export function begin(length: number): number {
  prepare(length);
  return ++use;
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

/** What a call of the module returned; throws the error that it stands for. */
export function checked(result: number, offset = true): number {
  // The call may have made the memory grow.
  refresh();
  if (result >= 0) return result;
  const placed = offset && errorTable()[-result - 1]?.group !== "MisuseError";
  throw errorOf(-result, placed ? words[row + OFFSET] : undefined);
}

/** What the last call wrote, copied out. */
export function output(result: number): Uint8Array<ArrayBuffer> {
  checked(result);
  const at = words[row + OUTPUT] as number;
  return copyOut(at, result);
}

/** The same as a string, for what is ASCII. */
export function outputText(result: number): string {
  checked(result);
  return decodeLatin1(words[row + OUTPUT] as number, result);
}
