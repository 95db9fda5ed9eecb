/** How messages are compressed, in the caller's words and in the module's. */

import { integer } from "../options.ts";

/** One direction of a connection. */
export interface DeflateDirection {
  /**
   * How far back compressed data may refer, as a power of two: 8 to 15, which
   * is 256 bytes to 32 KiB. Default 15.
   */
  readonly windowBits?: number;
  /**
   * Whether a message may refer back to those before it, which makes small
   * messages that are alike much smaller, and has both sides keep the window
   * between messages. Default true.
   */
  readonly contextTakeover?: boolean;
}

/**
 * permessage-deflate (RFC 7692) as a side wants it, or as two sides agreed on
 * it. It means the same in both roles: `send` is what this side compresses,
 * `receive` what its peer does.
 */
export interface DeflateOptions {
  /** The most for what is sent; less of it is used if the peer asks for that. */
  readonly send?: DeflateDirection;
  /** The most for what the peer sends; it is held to that. */
  readonly receive?: DeflateDirection;
  /** From 1 (quickest) to 9 (smallest); default 6. */
  readonly level?: number;
  /**
   * Messages of fewer bytes are sent as they are; default 64. Messages in
   * fragments, whose length is not known when they begin, are always compressed.
   */
  readonly threshold?: number;
}

/** What both sides keep to, for a `MessageDecoder` and an `Encoder`. */
export interface Deflate extends DeflateOptions {
  readonly send: Required<DeflateDirection>;
  readonly receive: Required<DeflateDirection>;
  readonly level: number;
  readonly threshold: number;
}

const TAKEOVER = 16;

/** A direction as the module takes it: the window's bits, and 16 for takeover. */
export function packed(direction: DeflateDirection = {}): number {
  const { windowBits = 15, contextTakeover = true } = direction;
  if (integer("windowBits", windowBits, 15) < 8) {
    throw new RangeError("windowBits must be an integer from 8 to 15");
  }
  return windowBits | (contextTakeover ? TAKEOVER : 0);
}

/** The same the other way round. */
export function unpacked(direction: number): Required<DeflateDirection> {
  return { windowBits: direction & 15, contextTakeover: (direction & TAKEOVER) !== 0 };
}

/** The level and the threshold. */
export function manner({ level = 6, threshold = 64 }: DeflateOptions): [number, number] {
  if (integer("level", level, 9) < 1) throw new RangeError("level must be an integer from 1 to 9");
  return [level, integer("threshold", threshold, 2 ** 32 - 1)];
}
