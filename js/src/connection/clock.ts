/**
 * One timer for all connections of a program that wait for the clock.
 *
 * A deadline may be found to have passed because the process did not run: it was stopped, the
 * machine slept, or a handler took long. The bytes that keep the deadline may have arrived
 * meanwhile and wait in the kernel. So a deadline that has passed is applied in a second look, after
 * the event loop has polled its sockets: `due` is read again then, because received bytes have moved
 * it. A runtime polls sockets between two timers, and Node and Bun also before `setImmediate`.
 */

/** Something that waits for the clock. */
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
/** The members that had passed their deadline at the first look. */
let passed: Waiting[] = [];
let timer: ReturnType<typeof setInterval> | undefined;
let period = COARSE;

/** Calls a function once the event loop has polled its sockets. */
export function afterPoll(call: () => void): void {
  const { setImmediate } = globalThis as { setImmediate?: (call: () => void) => unknown };
  if (setImmediate === undefined) setTimeout(call, 0);
  else setImmediate(call);
}

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
    // Sockets keep a program running, the clock does not.
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
  const none = passed.length === 0;
  for (const one of waiting) {
    const { due } = one;
    if (due === undefined) forget(one);
    else if (due <= now && none) passed.push(one);
  }
  // Two turns: the sockets' callbacks of the first may end in promises, as they do in Deno.
  if (none && passed.length > 0) setTimeout(() => afterPoll(apply), FINE);
}

function apply(): void {
  const now = performance.now();
  const late = passed;
  passed = [];
  for (const one of late) {
    if (!waiting.has(one)) continue;
    const { due } = one;
    if (due !== undefined && due <= now) one.tick(now);
  }
}
