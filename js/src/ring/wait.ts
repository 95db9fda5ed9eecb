/** Sleeping until the other side does something. */

import type { Layout } from "./layout.ts";

/** A function that newer runtimes have and older declarations do not have. */
interface WaitAsync {
  waitAsync?(
    words: Int32Array,
    at: number,
    value: number,
    timeout?: number,
  ): { async: false } | { async: true; value: Promise<string> };
}

/** Longer than anybody waits for; the longest time that timers know. */
const FOREVER = 2 ** 31 - 1;

/** How often a runtime without `Atomics.waitAsync` looks, in milliseconds. */
const LOOK = 4;

function checkTimeout(timeout: number): void {
  if (typeof timeout !== "number" || Number.isNaN(timeout)) {
    throw new RangeError("timeout must be a number of milliseconds");
  }
}

/** Time that is left, counted from when the waiting began. */
class Deadline {
  readonly #at: number;

  constructor(timeout: number) {
    this.#at = timeout === Infinity ? Infinity : performance.now() + timeout;
  }

  left(): number {
    return this.#at === Infinity ? Infinity : Math.max(0, this.#at - performance.now());
  }
}

/**
 * Blocks the thread until `done`, which is asked again after each signal; false if
 * the time is over before. Browsers don't let a page's own thread block.
 */
export function wait(
  ring: Layout,
  signal: number,
  waits: number,
  timeout: number,
  done: () => boolean,
): boolean {
  checkTimeout(timeout);
  if (done()) return true;
  const deadline = new Deadline(timeout);
  try {
    for (;;) {
      Atomics.store(ring.words, waits, 1);
      const seen = Atomics.load(ring.words, signal);
      if (done()) return true;
      const left = deadline.left();
      if (left === 0) return false;
      Atomics.wait(ring.words, signal, seen, left);
    }
  } finally {
    Atomics.store(ring.words, waits, 0);
  }
}

/** Waits without blocking the thread. */
export async function waitAsync(
  ring: Layout,
  signal: number,
  waits: number,
  timeout: number,
  done: () => boolean,
): Promise<boolean> {
  checkTimeout(timeout);
  if (done()) return true;
  const deadline = new Deadline(timeout);
  const { waitAsync } = Atomics as unknown as WaitAsync;
  // Node ends with nothing left to do, and `Atomics.waitAsync` is nothing to it.
  const alive = setInterval(() => {}, FOREVER);
  try {
    for (;;) {
      Atomics.store(ring.words, waits, 1);
      const seen = Atomics.load(ring.words, signal);
      if (done()) return true;
      const left = deadline.left();
      if (left === 0) return false;
      if (waitAsync === undefined) {
        await new Promise((resolve) => setTimeout(resolve, Math.min(LOOK, left)));
        continue;
      }
      const woken = waitAsync.call(Atomics, ring.words, signal, seen, left);
      if (woken.async) await woken.value;
    }
  } finally {
    clearInterval(alive);
    Atomics.store(ring.words, waits, 0);
  }
}
