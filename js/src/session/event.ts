/**
 * The events of a session, which show rows of the module's memory.
 *
 * A session lends its slot to other sessions as soon as it rests. An event that was kept showed
 * messages of another connection then. So each event is an object of its own that knows the number
 * of its step, and the slot counts the steps of all sessions that use it. An object costs some 10 ns;
 * one object for each session was tried, and it showed the next event where the first was kept.
 *
 * Invariant: `slot.step` changes before the walk of a slot moves.
 */

import { misuse } from "../error/errors.ts";
import type { MessageCursor, MessageType, OwnedMessage } from "../message/cursor.ts";
import type { Slot } from "./slots.ts";

/**
 * A message or a control frame that a session has received. It shows the module's memory: it is
 * valid until the session is asked for the next event or takes the next chunk, and throws MisuseError
 * `STALE` afterwards. `owned()`, `copy()` and `text()` give values that can be kept.
 */
export type SessionEvent = Pick<
  MessageCursor,
  | "type"
  | "opcode"
  | "length"
  | "ascii"
  | "opaque"
  | "first"
  | "last"
  | "closeCode"
  | "bytes"
  | "copy"
  | "text"
  | "owned"
>;

/**
 * The event at which the walk of a slot is.
 *
 * @internal
 */
export class EventView implements SessionEvent {
  readonly #slot: Slot;
  readonly #step: number;

  constructor(slot: Slot) {
    this.#slot = slot;
    this.#step = slot.step;
  }

  get type(): MessageType {
    return this.#current().type;
  }

  get opcode(): number {
    return this.#current().opcode;
  }

  get length(): number {
    return this.#current().length;
  }

  get ascii(): boolean {
    return this.#current().ascii;
  }

  get opaque(): boolean {
    return this.#current().opaque;
  }

  get first(): boolean {
    return this.#current().first;
  }

  get last(): boolean {
    return this.#current().last;
  }

  get closeCode(): number {
    return this.#current().closeCode;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#current().bytes();
  }

  copy(): Uint8Array<ArrayBuffer> {
    return this.#current().copy();
  }

  text(): string {
    return this.#current().text();
  }

  owned(): OwnedMessage {
    return this.#current().owned();
  }

  #current(): Slot {
    const slot = this.#slot;
    if (slot.step === this.#step) return slot;
    throw misuse("STALE", "the session has gone on: this event is valid until the next one is asked for");
  }
}
