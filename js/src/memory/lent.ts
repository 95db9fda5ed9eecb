/**
 * Views that are lent, and how their use after their time is caught.
 *
 * A lent view lies on the module's memory and shows other bytes after the next
 * push (an encoder's, after its next call). With {@link setDebug} each lent view
 * is a copy in memory of its own that is taken away then: its length becomes 0,
 * and its methods and all that is handed it throw a TypeError.
 */

/** Whether stale views are caught. */
export let debug = false;

/**
 * Catches the use of lent views after their time, at the price of a copy each;
 * for development. Off unless asked for; importing the package under the export
 * condition `development` asks for it.
 */
export function setDebug(on: boolean): void {
  debug = on;
}

/** The views that were lent and that end together. */
export class Lent {
  #buffers: ArrayBuffer[] = [];

  /** A view on the memory, or in debugging a copy that will be taken away. */
  lend(buffer: ArrayBuffer, address: number, length: number): Uint8Array<ArrayBuffer> {
    const view = new Uint8Array(buffer, address, length);
    if (!debug) return view;
    const copy = view.slice();
    this.#buffers.push(copy.buffer);
    return copy;
  }

  /** Takes away all that was lent. */
  expire(): void {
    // Each push and each frame comes here, and most programs lend nothing that ends.
    if (!debug) return;
    for (const buffer of this.#buffers) structuredClone(buffer, { transfer: [buffer] });
    this.#buffers = [];
  }
}
