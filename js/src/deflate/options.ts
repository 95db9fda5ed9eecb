/** How messages are compressed, in the caller's words and in the module's. */

import { flag, integer, within } from "../limits/check.ts";

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
   * fragments are always compressed, because their length is not known when they begin.
   */
  readonly threshold?: number;
  /**
   * Whether the connection has engines of its own: about 250 KiB to compress (370
   * in `wscodec/zlib`)
   * from the first message on. By default, `false`, connections share them, and
   * a connection keeps windows only; the price is time where messages of many
   * connections that have takeover are compressed in turn.
   */
  readonly dedicated?: boolean;
  /**
   * How much of what was sent is kept for later messages to refer to, where
   * engines are shared and there is takeover: a power of two, 8 to 15, up to the
   * window. Default 12, which is 4 KiB.
   */
  readonly historyBits?: number;
}

/** The agreement that both sides keep, for a `MessageDecoder` and a `MessageEncoder`. */
export interface AgreedDeflate extends DeflateOptions {
  readonly send: Required<DeflateDirection>;
  readonly receive: Required<DeflateDirection>;
  readonly level: number;
  readonly threshold: number;
  readonly dedicated: boolean;
  readonly historyBits: number;
}

/** The options of a side, or the answer that `acceptDeflate` gives. */
export type AgreedOptions = DeflateOptions & { readonly header?: string };

const TAKEOVER = 16;

/** A direction as the module takes it: the window's bits, and 16 for takeover. */
export function packed(direction: DeflateDirection = {}): number {
  const { windowBits = 15, contextTakeover = true } = direction;
  return bits("windowBits", windowBits) | (flag("contextTakeover", contextTakeover) ? TAKEOVER : 0);
}

/** The direction that {@link packed} has put into a number. */
export function unpacked(direction: number): Required<DeflateDirection> {
  return { windowBits: direction & 15, contextTakeover: (direction & TAKEOVER) !== 0 };
}

/** The level and the threshold. */
export function levelAndThreshold({ level = 6, threshold = 64 }: DeflateOptions): [number, number] {
  return [within("level", level, 1, 9), integer("threshold", threshold, 2 ** 32 - 1)];
}

/** How much to keep of what was sent; 0 for engines of one's own. */
export function historyOf({ dedicated = false, historyBits = 12 }: DeflateOptions): number {
  return bits("historyBits", historyBits) * (flag("dedicated", dedicated) ? 0 : 1);
}

/** All but the directions, with the defaults filled in. */
export function filled(options: DeflateOptions): Omit<AgreedDeflate, "send" | "receive"> {
  const [level, threshold] = levelAndThreshold(options);
  const { dedicated = false, historyBits = 12 } = options;
  historyOf(options);
  return { level, threshold, dedicated, historyBits };
}

function bits(name: string, value: number): number {
  return within(name, value, 8, 15);
}
