/** The package's errors as faults of the input. */

import { errorTable } from "wscodec";

/** A frame that did not end well. */
export interface PartialFrame {
  readonly offset: number;
  /** Undefined unless its header came and was right. */
  readonly opcode?: number;
  readonly length?: number;
}

/** What is wrong, and where. */
export interface Fault {
  readonly offset: number;
  readonly code: string;
  /** With which the connection has to be closed; handshakes have none. */
  readonly closeCode: number | undefined;
  readonly message: string;
  /** The frame that was being read, as far as it is known. */
  readonly frame?: PartialFrame | undefined;
}

/** What is wrong, out of what was thrown; what is no error of the package is thrown on. */
export function faultOf(error: unknown): Fault {
  const { code, offset = 0 } = (error ?? {}) as { code?: string; offset?: number };
  const row = errorTable().find((row) => row.code === code);
  if (row === undefined) throw error;
  return { offset, code: row.code, closeCode: row.closeCode, message: messageOf(row.code) };
}

/** A fault that was noticed without the package's help, by one of its codes. */
export function faultAt(code: string, offset: number): Fault {
  const row = errorTable().find((row) => row.code === code);
  if (row === undefined) throw new RangeError(`there is no error ${code}`);
  return { offset, code, closeCode: row.closeCode, message: row.message };
}

/** What the error says, without the place: that is told beside it. */
function messageOf(code: string): string {
  return errorTable().find((row) => row.code === code)?.message ?? code;
}
