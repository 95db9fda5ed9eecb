/** Parts of the module's memory in which encoders write, shared by those that have nothing in them. */

import { Output } from "../wasm/module.ts";
import { refresh } from "./memory.ts";

const FIRST_CAPACITY = 16 * 1024;

/** How many bytes of regions are kept while nobody uses them. */
const SPARE = 4 * 2 ** 20;

/**
 * A region, with where it lies at hand: a call of the module for it would cost
 * as much as a small frame.
 */
export class Region {
  readonly output = new Output(FIRST_CAPACITY);
  capacity = FIRST_CAPACITY;
  address = this.output.address();

  /** Makes it at least this long, keeping what is in it. */
  reserve(needed: number): void {
    if (needed <= this.capacity) return;
    this.capacity = Math.max(needed, this.capacity * 2);
    this.output.reserve(this.capacity);
    this.address = this.output.address();
  }

  /** Sees where it is after a call that may have moved it. */
  settle(): void {
    this.capacity = this.output.capacity();
    this.address = this.output.address();
    refresh();
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
