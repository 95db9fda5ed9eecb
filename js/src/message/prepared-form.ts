/**
 * A prepared message as encoders see it, whichever build of this package made it.
 *
 * A program may have several builds of the package at once: `wscodec` and `wscodec/zlib`, or the
 * ESM build and the CommonJS build. Each has its own class `Prepared`, so `instanceof` says "no" for
 * an object of another build, and the message would be taken for bytes. The frames of a prepared
 * message lie in memory of their own and mean the same in each build. So an object is recognised by
 * a symbol that all builds have in common, and the symbol's value is the version of the form.
 */

import { kindOf } from "../bytes/bytes.ts";

/** A frame as a server sends it, and how long its header is. */
export interface Form {
  readonly frame: Uint8Array<ArrayBuffer>;
  readonly header: number;
}

/** The part of a prepared message that an encoder reads. */
export interface PreparedForm {
  readonly plain: Form;
  readonly coded: Form | undefined;
  /** The bits of the window that the coded form needs. */
  readonly needs: number;
}

/** Goes up when {@link PreparedForm} changes. */
export const VERSION = 1;

/** Marks a prepared message, in all builds. */
export const PREPARED: unique symbol = Symbol.for("wscodec.prepared") as never;

/** A prepared message of any build, as callers see it. */
export interface PreparedMessage {
  /** The type of the message: text for a string, otherwise binary. */
  readonly type: "text" | "binary";
  /** Bytes of payload, before compression. */
  readonly length: number;
  /** The version of its form. */
  readonly [PREPARED]: number;
}

/** Whether this is a prepared message of any build and version. */
export function isPrepared(value: unknown): value is PreparedMessage {
  return typeof value === "object" && value !== null && PREPARED in value;
}

/**
 * A prepared message's form.
 *
 * @throws TypeError for what is none, and for one of another version
 */
export function preparedOf(value: unknown): PreparedForm {
  if (!isPrepared(value)) throw new TypeError(`message must be a Prepared, not ${kindOf(value)}`);
  if (value[PREPARED] !== VERSION) {
    throw new TypeError("this Prepared was made by another version of wscodec");
  }
  return value as unknown as PreparedForm;
}
