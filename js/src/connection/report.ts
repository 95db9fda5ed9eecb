/** The reports of errors: errors of the adapters, and errors of the program. */

import { errorTable, LimitError, MisuseError, WscodecError } from "../error/errors.ts";

/**
 * Throws an error of the program on, once, where no call of ours is on the stack: the runtime
 * reports it as it reports the error of any listener (`uncaughtException` in Node and Bun, the
 * event `error` in Deno). Thrown inside a listener of a socket it could leave the socket's stream
 * in the middle of its work.
 */
export function report(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** Calls a handler after which nothing is left to end; an error of it, or of its promise, is reported. */
export function settle(handler: () => unknown): void {
  new Promise((resolve) => resolve(handler())).catch(report);
}

/** An error of the table of limits. */
export function limit(code: "BUFFER_FULL" | "HANDSHAKE_TOO_SLOW" | "OUT_OF_MEMORY"): WscodecError {
  const row = errorTable().find((row) => row.code === code);
  if (row === undefined) throw new RangeError(`no error has the code ${code}`);
  return new LimitError(row);
}

/** A handler of the program threw. */
export function handlerFailed(): WscodecError {
  const row = errorTable().find((row) => row.code === "HANDLER_FAILED");
  if (row === undefined) throw new RangeError("no error has the code HANDLER_FAILED");
  return new MisuseError(row);
}

/** The program dropped the connection. */
export function terminated(): WscodecError {
  return new WscodecError({
    group: "WscodecError",
    code: "TERMINATED",
    closeCode: 1006,
    status: undefined,
    message: "this side dropped the connection",
  });
}

/** A socket was given that can't carry a connection. */
export function unusable(code: "SOCKET_IN_USE" | "SOCKET_CLOSED"): MisuseError {
  const message =
    code === "SOCKET_IN_USE"
      ? "the socket belongs to a WebSocket connection already"
      : "the socket is closed";
  return new MisuseError({
    group: "MisuseError",
    code,
    closeCode: undefined,
    status: undefined,
    message,
  });
}
