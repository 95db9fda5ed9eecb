/**
 * What can go wrong, as classes: who is at fault is the class, what it is the
 * `code`, the same as in Rust.
 */

import { errors, errors_len, wasm } from "../wasm/module.ts";

/** The base of all errors that this package throws on purpose. */
export class WscodecError extends Error {
  /** The stable name of what is wrong, such as `"UNMASKED_FRAME"`. */
  readonly code: string;
  /**
   * The close code that the connection is to be closed with (RFC 6455 §7.4),
   * 1006 where none can be sent; `undefined` for errors of the handshake and
   * of the caller.
   */
  readonly closeCode: number | undefined;
  /** The HTTP status with which a server refuses the upgrade, if it has one. */
  readonly status: number | undefined;
  /** Where in the incoming stream the error lies, in bytes, if it lies there. */
  readonly offset: number | undefined;

  constructor(row: ErrorRow, offset?: number) {
    super(offset === undefined ? row.message : `${row.message} (at byte ${offset})`);
    this.code = row.code;
    this.closeCode = row.closeCode;
    this.status = row.status;
    this.offset = offset;
  }

  // In words, for those who shorten the names of classes.
  override get name(): string {
    return "WscodecError";
  }
}

/** The peer broke the WebSocket protocol. */
export class PeerError extends WscodecError {
  override get name(): string {
    return "PeerError";
  }
}

/** The opening handshake is not acceptable. */
export class HandshakeError extends WscodecError {
  override get name(): string {
    return "HandshakeError";
  }
}

/** The peer went past a limit. */
export class LimitError extends WscodecError {
  override get name(): string {
    return "LimitError";
  }
}

/** The caller asked for something that the protocol or this package does not allow. */
export class MisuseError extends WscodecError {
  override get name(): string {
    return "MisuseError";
  }
}

/** What is known of an error without an instance of it. */
export interface ErrorRow {
  readonly group: string;
  readonly code: string;
  readonly closeCode: number | undefined;
  readonly status: number | undefined;
  readonly message: string;
}

const groups: Record<string, typeof WscodecError> = {
  PeerError,
  HandshakeError,
  LimitError,
  MisuseError,
};

let table: ErrorRow[] | undefined;

/** All errors that the module can report, in the order of their numbers, from 1. */
export function errorTable(): readonly ErrorRow[] {
  if (table === undefined) {
    table = [];
    for (let i = 0, at = errors(0); at !== 0; at = errors(++i)) table.push(...group(at, errors_len(i)));
  }
  return table;
}

/** A group's errors: its name, and a line for each of them. */
function group(address: number, length: number): ErrorRow[] {
  const bytes = new Uint8Array(wasm.memory.buffer, address, length);
  const [name, ...lines] = String.fromCharCode(...bytes).trimEnd().split("\n");
  return lines.map((line) => {
    const [code, number, message] = line.split("\t") as [string, string, string];
    const is = Number(number);
    return {
      group: name as string,
      code,
      closeCode: is >= 1000 ? is : undefined,
      status: is > 0 && is < 1000 ? is : undefined,
      message,
    };
  });
}

/** The error of this number, as the module reports it. */
export function errorOf(number: number, offset?: number): WscodecError {
  const row = errorTable()[number - 1];
  if (row === undefined) throw new RangeError(`no error has the number ${number}`);
  return new (groups[row.group] ?? WscodecError)(row, offset);
}

/** An error of the module by its name. */
export function named(code: string, offset?: number): WscodecError {
  return errorOf(errorTable().findIndex((row) => row.code === code) + 1, offset);
}

/** A misuse that only JavaScript can make. */
export function misuse(code: string, message: string): MisuseError {
  return new MisuseError({
    group: "MisuseError",
    code,
    closeCode: undefined,
    status: undefined,
    message,
  });
}
