/** Parts of the module's memory in which encoders write, shared by those that have nothing in them. */

import { Output } from "../wasm/module.ts";
import { ensure, outOfMemory, refresh } from "./memory.ts";

const FIRST_CAPACITY = 16 * 1024;

/** More than a handle of the module takes. */
const HANDLE = 1024;

/** A region grows by doubling up to here, and then by this. */
const LARGEST_STEP = 16 * 2 ** 20;

/** How many bytes of regions are kept while nobody uses them. */
const SPARE = 4 * 2 ** 20;

/**
 * A region, with where it lies at hand: a call of the module for it would cost
 * as much as a small frame.
 */
export class Region {
  readonly output: Output;
  capacity = 0;
  address = 0;

  /** @throws LimitError `OUT_OF_MEMORY` */
  constructor() {
    ensure(HANDLE);
    this.output = new Output();
    this.reserve(FIRST_CAPACITY);
  }

  /**
   * Makes it at least this long, keeping the bytes that are in it.
   *
   * @throws LimitError `OUT_OF_MEMORY`; nothing has changed then
   */
  reserve(needed: number): void {
    if (needed <= this.capacity) return;
    // More than is needed, if there is so much.
    const more = Math.max(needed, Math.min(this.capacity * 2, this.capacity + LARGEST_STEP));
    const { output } = this;
    let address = more < 2 ** 32 ? output.reserve(more) : 0;
    if (address === 0 && needed < more) address = output.reserve(needed);
    refresh();
    if (address === 0) throw outOfMemory();
    this.capacity = output.capacity();
    this.address = address;
  }

  /** Sees where it is after a call that may have moved it. */
  settle(): void {
    refresh();
    this.capacity = this.output.capacity();
    this.address = this.output.address();
  }
}

const spare: Region[] = [];
let spareBytes = 0;

/** A region that nobody uses, if there is one. The newest, as it is in the caches. */
export function takeRegion(): Region | undefined {
  const region = spare.pop();
  if (region !== undefined) spareBytes -= region.capacity;
  return region;
}

/** Keeps a region for the next one that needs one, or gives it back. */
export function giveRegion(region: Region): void {
  if (spareBytes + region.capacity > SPARE) {
    region.output.free();
    return;
  }
  spareBytes += region.capacity;
  spare.push(region);
}
