/** What there is to tell of a conversation, and who tells it. */

import type { Direction } from "./arguments.ts";
import type { Excerpt } from "./excerpt.ts";
import type { Fault } from "./faults.ts";
import type { Handshake } from "./handshake.ts";

/** A whole frame. One object serves for all of them: it is valid during the call only. */
export interface Frame {
  offset: number;
  opcode: number;
  fin: boolean;
  rsv: number;
  masked: boolean;
  length: number;
  /** Bytes that came out of it, if its message is inflated. */
  inflated: number | undefined;
  /** Of a close frame that has one. */
  closeCode: number | undefined;
  /** The payload's beginning; of a close frame, its reason. */
  excerpt: Excerpt;
}

/** A whole data message, likewise valid during the call only. */
export interface Message {
  /** Of its first frame. */
  offset: number;
  kind: "text" | "binary";
  length: number;
  frames: number;
  /** The reserved bits of its first frame. */
  rsv: number;
  /** Its length inflated, if it is. */
  inflated: number | undefined;
  readonly excerpt: Excerpt;
}

/** Something to know that is no fault. */
export interface Note {
  readonly offset: number;
  readonly code: string;
  readonly message: string;
}

/** A close frame. */
export interface Close {
  readonly offset: number;
  readonly code: number | undefined;
  readonly reason: string;
}

/** The sums of one direction. */
export interface Totals {
  /** Bytes of the HTTP head. */
  head: number;
  /** Bytes that were read as head and frames; all of them, if nothing is left over. */
  bytes: number;
  /** Bytes behind a close frame, a fault or a rejection; undefined if nobody knows. */
  unread: number | undefined;
  /** Whole frames by opcode. */
  readonly frames: number[];
  /** Whole messages. */
  text: number;
  binary: number;
  /** Those among them that were compressed. */
  compressed: number;
  /** Bytes that came out of those that were inflated. */
  inflated: number;
  /** Bytes of payload in whole data frames, and in whole control frames. */
  data: number;
  control: number;
  close: Close | undefined;
  faults: number;
}

/** Writes what is found, in the order in which it is to be read. */
export interface Printer {
  handshake(handshake: Handshake): void;
  frame(dir: Direction, frame: Frame): void;
  message(dir: Direction, message: Message): void;
  /** So many lines of this direction were left out. */
  omitted(dir: Direction, count: number): void;
  fault(dir: Direction, fault: Fault): void;
  note(dir: Direction, note: Note): void;
  totals(totals: { readonly [dir in Direction]?: Totals }): void;
}

/** What RFC 6455 calls the opcodes (§5.2). */
export const opcodes: readonly string[] = Object.assign(Array<string>(16).fill("reserved"), {
  0: "continuation",
  1: "text",
  2: "binary",
  8: "close",
  9: "ping",
  10: "pong",
});

/** The sums before anything came. */
export function nothingYet(): Totals {
  return {
    head: 0,
    bytes: 0,
    unread: 0,
    frames: Array<number>(16).fill(0),
    text: 0,
    binary: 0,
    compressed: 0,
    inflated: 0,
    data: 0,
    control: 0,
    close: undefined,
    faults: 0,
  };
}
