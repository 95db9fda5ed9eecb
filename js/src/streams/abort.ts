/** How a stream's sink learns that the stream is aborted while a write is under way. */

/**
 * Calls `then` as soon as the stream is aborted. The sink's own `abort` is called only when the write
 * that is under way has settled. Bun before 1.4 has no signal, and calls `abort` at once.
 */
export function whenAborted(
  controller: WritableStreamDefaultController,
  then: (reason: unknown) => void,
): void {
  const signal = controller.signal as AbortSignal | undefined;
  signal?.addEventListener("abort", () => then(signal.reason));
}
