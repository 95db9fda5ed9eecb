/**
 * Errors as classes. The class says who is at fault: the peer, the handshake, a limit or the caller.
 * The `code` says which rule was broken, and it is the same as in Rust.
 */

import { errors, errors_len, wasm } from "../wasm/module.ts";
import type {
  ErrorCode,
  ErrorGroup,
  HandshakeErrorCode,
  LimitErrorCode,
  MisuseErrorCode,
  PeerErrorCode,
} from "./codes.ts";

/**
 * Marks an error of this package, in all of its builds, with its group. A program may have several
 * builds at once (ESM and CommonJS, `wscodec` and `wscodec/zlib`), each with classes of its own.
 */
const GROUP: unique symbol = Symbol.for("wscodec.error") as never;

/** The group of an error of any build of this package; `undefined` for all else. */
export function groupOf(error: unknown): ErrorGroup | undefined {
  if (typeof error !== "object" || error === null || !(GROUP in error)) return undefined;
  return error[GROUP] as ErrorGroup;
}

/** Whether this is an error of any build of this package. */
export function isWscodecError(error: unknown): error is WscodecError {
  return groupOf(error) !== undefined;
}

/** `instanceof` for one of our classes, by the mark; for classes derived from them, as usual. */
function isOf(wanted: typeof WscodecError, error: unknown): boolean {
  const { prototype } = wanted;
  if (!Object.hasOwn(prototype, GROUP)) {
    return Function.prototype[Symbol.hasInstance].call(wanted, error);
  }
  const group = groupOf(error);
  return group !== undefined && (prototype[GROUP] === "WscodecError" || group === prototype[GROUP]);
}

export { ModuleError } from "../wasm/trap.ts";

/** The base of all errors that this package throws on purpose. */
export class WscodecError extends Error {
  /** The stable name of what is wrong, such as `"UNMASKED_FRAME"`. */
  readonly code: ErrorCode;
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

  /** @internal */
  get [GROUP](): ErrorGroup {
    return "WscodecError";
  }

  static override [Symbol.hasInstance](error: unknown): boolean {
    return isOf(this, error);
  }
}

/** The peer broke the WebSocket protocol. */
export class PeerError extends WscodecError {
  declare readonly code: PeerErrorCode;

  override get name(): string {
    return "PeerError";
  }

  /** @internal */
  override get [GROUP](): ErrorGroup {
    return "PeerError";
  }
}

/** The opening handshake is not acceptable. */
export class HandshakeError extends WscodecError {
  declare readonly code: HandshakeErrorCode;

  override get name(): string {
    return "HandshakeError";
  }

  /** @internal */
  override get [GROUP](): ErrorGroup {
    return "HandshakeError";
  }
}

/** The peer went past a limit. */
export class LimitError extends WscodecError {
  declare readonly code: LimitErrorCode;

  override get name(): string {
    return "LimitError";
  }

  /** @internal */
  override get [GROUP](): ErrorGroup {
    return "LimitError";
  }
}

/** The caller asked for something that the protocol or this package does not allow. */
export class MisuseError extends WscodecError {
  declare readonly code: MisuseErrorCode;

  override get name(): string {
    return "MisuseError";
  }

  /** @internal */
  override get [GROUP](): ErrorGroup {
    return "MisuseError";
  }
}

/** The properties of an error that are known without an instance of it. */
export interface ErrorRow {
  readonly group: ErrorGroup;
  readonly code: ErrorCode;
  readonly closeCode: number | undefined;
  readonly status: number | undefined;
  readonly message: string;
}

const groups: Record<ErrorGroup, typeof WscodecError> = {
  WscodecError,
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
      group: name as ErrorGroup,
      code: code as ErrorCode,
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
  return new groups[row.group](row, offset);
}

/** An error of the module by its name. */
export function named(code: ErrorCode, offset?: number): WscodecError {
  return errorOf(errorTable().findIndex((row) => row.code === code) + 1, offset);
}

/** A misuse of which only JavaScript knows. */
export function misuse(code: MisuseErrorCode, message: string): MisuseError {
  return new MisuseError({
    group: "MisuseError",
    code,
    closeCode: undefined,
    status: undefined,
    message,
  });
}
