// Closes a WebSocket of the runtime.

/** Codes that no close frame has: 1005 is a close frame without a code, 1006 a lost connection. */
const NOT_SENT = [1005, 1006, 1015];

/**
 * Closes the socket with that code, or answers the close frame of its peer. With a compatibility date
 * before 2026-04-07 the runtime does not answer by itself, and the peer would see code 1006.
 */
export function close(socket, code, reason) {
  try {
    if (NOT_SENT.includes(code)) socket.close();
    else socket.close(code, reason);
  } catch {
    // The connection is gone.
  }
}
