/**
 * Bytes copied out of the module's memory, for the caller to keep.
 *
 * V8 takes some 500 ns for an ArrayBuffer, and some 50 for a view. So where there is Node's Buffer,
 * small copies are views on memory that they share, as small Buffers are.
 */

import { heap } from "./memory.ts";

/** A piece of shared memory. */
const POOL = 32 * 1024;
/** Up to this length a copy shares memory with others. */
const SMALL = 4 * 1024;

interface Host {
  process?: { versions?: { node?: string; bun?: string; deno?: string } };
}

const versions = (globalThis as unknown as Host).process?.versions;
/** Up to this length a copy has memory of its own; Node puts so few bytes into the object itself. */
const tiny = versions?.deno === undefined ? 64 : 0;
// Bun makes small buffers as fast as views.
const small = versions?.node === undefined || versions.bun !== undefined ? 0 : SMALL;

let pool = new Uint8Array(0);
let used = 0;

/** Copies bytes out of the module's memory. */
export function copyOut(address: number, length: number): Uint8Array<ArrayBuffer> {
  if (length > small || length <= tiny) return heap.slice(address, address + length);
  const copy = pooled(length);
  copy.set(heap.subarray(address, address + length));
  return copy;
}

/** A few bytes to be written. */
export function few(length: number): Uint8Array<ArrayBuffer> {
  return length > small || length <= tiny ? new Uint8Array(length) : pooled(length);
}

function pooled(length: number): Uint8Array<ArrayBuffer> {
  // Its length is 0 if somebody has transferred it.
  if (used + length > pool.length) {
    pool = new Uint8Array(POOL);
    used = 0;
  }
  const bytes = new Uint8Array(pool.buffer, used, length);
  // Aligned, as a runtime's own buffers are.
  used += (length + 7) & ~7;
  return bytes;
}
