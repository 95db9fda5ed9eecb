/**
 * A session that has an endpoint of the module only while it needs one: what it takes of a slot, and
 * what it keeps without.
 */

import type { SessionDeflate } from "../deflate/module.ts";
import { errorOf, isWscodecError, type WscodecError } from "../error/errors.ts";
import { integer } from "../limits/check.ts";
import { useAfterFree } from "../memory/freed.ts";
import { refresh, words } from "../memory/memory.ts";
import type { SessionOptions } from "./options.ts";
import { CLOSED, outcomeWithoutMemory } from "./outcome.ts";
import { Rare, rareOf } from "./rare.ts";
import { AT_REST, FAILED, FLAGS, type Kind, kindFor, type Slot, STATE, Times } from "./slots.ts";

/** The part of a `Session` that shares endpoints with others. */
export class PooledSession {
  /** @internal */
  protected readonly kind: Kind;
  /** While something is received or sent, and until another session needs it. @internal */
  protected slot: Slot | undefined = undefined;
  /** Where the stream is, without a slot. @internal */
  protected idleOffset: number;
  /** With timers, and in a close: see `SlotOwner`, as the next two. @internal */
  idleTimes: Times | undefined;
  /** The state that only few sessions have. @internal */
  protected rare: Rare | undefined;

  /** @internal */
  constructor(options: SessionOptions) {
    const kind = kindFor(options);
    this.kind = kind;
    this.idleOffset = integer("offset", options.offset ?? 0);
    this.idleTimes = kind.timed ? new Times() : undefined;
    this.rare = rareOf(options, kind.client);
  }

  /** Throws if it was freed. @internal */
  protected usable(): void {
    if (this.rare?.freed) throw useAfterFree();
  }

  /** Whether there is nothing in a slot that could not be known without. @internal */
  protected get isResting(): boolean {
    const slot = this.slot;
    return slot === undefined || slot.place >= 0;
  }

  /** The error that the session has failed with. @internal */
  protected failure(slot: Slot): WscodecError | undefined {
    if (((words[slot.word + FLAGS] as number) & FAILED) === 0) return undefined;
    return this.error(slot, slot.endpoint.fault());
  }

  /** The slot, or one of those that rest. @internal */
  protected use(): Slot {
    const slot = this.slot;
    if (slot === undefined) return this.#wake();
    if (slot.place >= 0) this.kind.resume(slot);
    refresh();
    return slot;
  }

  #wake(): Slot {
    const rare = this.rare;
    const times = this.idleTimes;
    const kind = this.kind;
    this.usable();
    // It has ended for lack of memory, without an endpoint.
    if (rare?.end !== undefined) throw rare.error;
    let slot: Slot;
    try {
      slot = kind.take(times !== undefined || rare?.deflate !== undefined);
    } catch (error) {
      throw this.#withoutMemory(error as WscodecError);
    }
    slot.begin(this, this.idleOffset, rare?.keys ?? kind.keys);
    refresh();
    this.slot = slot;
    return slot;
  }

  /** Leaves a slot in which the session rests. @internal */
  protected leave(): void {
    const slot = this.slot;
    if (slot !== undefined && slot.place >= 0) slot.vacate();
  }

  /** @internal */
  left(offset: number): void {
    this.slot = undefined;
    this.idleOffset = offset;
  }

  /** @internal */
  get idleDeflate(): SessionDeflate | undefined {
    return this.rare?.deflate;
  }

  /** Ends the session without a close frame, because there is no memory for an endpoint. */
  #withoutMemory(error: WscodecError): WscodecError {
    const rare = (this.rare ??= new Rare(undefined, undefined));
    rare.error = error;
    rare.end = { state: "closed", outcome: outcomeWithoutMemory(error) };
    return error;
  }

  /** Lets others have the slot, if the session is at rest. Says whether it did. @internal */
  protected settle(slot: Slot): boolean {
    if (((words[slot.word + FLAGS] as number) & AT_REST) === 0 || slot.frames.length !== 0) return false;
    if (slot.place < 0) this.kind.rest(slot);
    return true;
  }

  /** The error of this number; the one that the session has ended with is always the same object. @internal */
  protected error(slot: Slot, number: number): WscodecError {
    const { endpoint } = slot;
    const state = words[slot.word + STATE];
    if (state !== CLOSED || number !== endpoint.fault()) return errorOf(number);
    const rare = (this.rare ??= new Rare(undefined, slot.keys));
    return (rare.error ??= errorOf(number, endpoint.fault_offset() + slot.moved));
  }

  /** Ends the session for lack of memory, if that is what an error says. @internal */
  protected exhausted(slot: Slot, error: unknown): unknown {
    if (!isWscodecError(error) || error.code !== "OUT_OF_MEMORY") return error;
    if (words[slot.word + STATE] !== CLOSED) {
      slot.endpoint.exhaust(slot.key());
      refresh();
    }
    return this.failure(slot) ?? error;
  }
}
