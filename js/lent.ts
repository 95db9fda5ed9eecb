/**
 * Views that are lent, and how their use after their time is caught.
 *
 * A lent view lies on the module's memory and shows other bytes after the next
 * push. With {@link setDebug} each lent view is a copy in memory of its own
 * that is taken away at that push: its length becomes 0, and its methods and
 * all that is handed it throw a TypeError.
 */

/** Whether stale views are caught. */
export let debug = false;

let lent: ArrayBuffer[] = [];

/**
 * Catches the use of lent views after their time, at the price of a copy each;
 * for development. Off unless asked for; importing the package under the export
 * condition `development` asks for it.
 */
export function setDebug(on: boolean): void {
  debug = on;
  if (!on) lent = [];
}

/** A view on the memory, or in debugging a copy that will be taken away. */
export function lend(
  buffer: ArrayBuffer,
  address: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  const view = new Uint8Array(buffer, address, length);
  if (!debug) return view;
  const copy = view.slice();
  lent.push(copy.buffer);
  return copy;
}

/** Takes away all that was lent. */
export function expireLent(): void {
  if (lent.length === 0) return;
  for (const buffer of lent) structuredClone(buffer, { transfer: [buffer] });
  lent = [];
}
