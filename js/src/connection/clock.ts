/** One timer for all connections of a program that wait for the clock. */

/** What waits. */
export interface Waiting {
  /** When it wants to be called, by `performance.now()`; `undefined` for never. */
  readonly due: number | undefined;
  /** Is called then. */
  tick(now: number): void;
}

/** How late a connection is called at most, in milliseconds, unless it waits for less. */
const COARSE = 1000;
const FINE = 10;

const waiting = new Set<Waiting>();
let timer: ReturnType<typeof setInterval> | undefined;
let period = COARSE;

/**
 * Looks after something until its `due` is `undefined`. The times it waits for are
 * not shorter than `least`.
 */
export function wait(one: Waiting, least: number): void {
  const wanted = Math.min(COARSE, Math.max(FINE, least / 4));
  if (timer !== undefined && wanted < period) stop();
  waiting.add(one);
  if (timer === undefined) {
    period = wanted;
    timer = setInterval(look, period);
    // Sockets keep a program running, not their clock.
    (timer as { unref?(): void }).unref?.();
  }
}

/** Forgets something. */
export function forget(one: Waiting): void {
  waiting.delete(one);
  if (waiting.size === 0) stop();
}

function stop(): void {
  clearInterval(timer);
  timer = undefined;
}

function look(): void {
  const now = performance.now();
  for (const one of waiting) {
    const { due } = one;
    if (due === undefined) forget(one);
    else if (due <= now) one.tick(now);
  }
}
