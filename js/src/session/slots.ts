/**
 * The part that sessions of the same options share: how they behave, and the endpoints that they
 * use in turn.
 *
 * An endpoint of the module costs 0.9 KB with its JavaScript object, and a session between two
 * messages does not need one: it knows its offset, and with timers or compression a few numbers and
 * the windows. So a session has a slot while something is received or sent. When all of that is done
 * the slot rests: it waits for the next session that needs one, and until then nothing is moved, so
 * that a session which is used again finds all in its place. The session that takes a slot has the
 * one before it leave first, and each of them knows what that means ({@link SlotOwner}).
 *
 * To leave at once when all is done was tried: two exchanges for each chunk took 100 ns of 600 where
 * compression was agreed on. At most {@link SPARE} slots of each kind rest. With 16 of them the sessions of a
 * server on which 60 were busy took turns, and an echo with timers or compression took a fifth longer.
 */

import type { SessionDeflate } from "../deflate/module.ts";
import { Endpoint, EndpointOptions } from "../wasm/module.ts";
import { asUint8Array, lengthOf, memoryOf } from "../bytes/bytes.ts";
import {
  arena,
  buffer,
  controlAddress,
  ensure,
  floats,
  heap,
  isHolder,
  refresh,
  rowOf,
  words,
} from "../memory/memory.ts";
import { FrameBuffer } from "../memory/frame-buffer.ts";
import { MessageCursor } from "../message/cursor.ts";
import { keysFrom } from "../message/keys.ts";
import { type Sending, TEXT } from "../message/sending.ts";
import { decoderArguments } from "../frame/options.ts";
import { backlogOf, type SessionOptions, timesOf } from "./options.ts";

/** How many slots of each kind rest; with small outputs they take some 350 KB. */
const SPARE = 256;

/** How many of them keep an output of more than {@link SMALL_OUTPUT} bytes. */
const LARGE_OUTPUTS = 16;
export const SMALL_OUTPUT = 4 * 1024;

/** How many sets of options are remembered. */
const KINDS = 32;

/** More bytes than an endpoint takes, with its buffers. */
const ENDPOINT = 8 * 1024;

// The words that the module shows; see `crates/wscodec-wasm/src/session.rs`.
export const STATE = 0;
export const FLAGS = 1;
const SPACE = 2;
/** In 64-bit numbers. */
export const DEADLINE = 2;
const AT = 3;
const BOUND = 4;
const MARKS = 5;

export const AT_REST = 1;
export const PONG_PENDING = 2;
export const IN_MESSAGE = 4;
export const FAILED = 8;
export const FRAME_QUEUED = 16;

/** From this length on, the module sends a lent payload from the place where it lies. */
const FORWARDED = 4 * 1024;

/** The module does not reach the payload of this row: `forward` was not done. */
const UNKNOWN = 0xffff_ffff;

/** A session that has a slot. */
export interface SlotOwner {
  /** Where its timers are kept without a slot, and its compression; `undefined` for none. */
  readonly idleTimes: Times | undefined;
  readonly idleDeflate: SessionDeflate | undefined;
  /** It has no slot any more, and its stream is at this offset. */
  left(offset: number): void;
}

/**
 * The state of a session's timers without a slot, in whole milliseconds; -1 is none. All of
 * these are small integers, which V8 keeps in the object.
 */
export class Times {
  deadline = 0;
  at = -1;
  bound = -1;
  marks = 0;
  /** Bytes that were taken since the clock was looked at, and those that had not left then. */
  taken = 0;
  unsent = 0;
  /** A frame that a deadline is about was taken since: the clock is to be looked at. */
  look = false;
}

/** Returns the number as a small integer if it is one; -1 for NaN. */
function small(number: number): number {
  const integer = number | 0;
  if (integer === number) return integer;
  return number === number ? number : -1;
}

/** An endpoint, and the walk over the rows that it has received. */
export class Slot extends MessageCursor implements Sending {
  readonly endpoint: Endpoint;
  /** The index of the words that the endpoint shows. */
  readonly word: number;
  /** The index of the first of these words among 64-bit numbers. */
  readonly float: number;
  /** The output. */
  readonly frames: FrameBuffer;
  /** Where mask keys come from; a server has none. */
  keys: (() => number) | undefined;
  /** The session that it is for; `undefined` if that has left. */
  owner: SlotOwner | undefined;
  /** Its place among those that rest; -1 while it is in use. */
  place = -1;
  /** The number of steps of the walk: events of another step are stale; see `event.ts`. */
  step = 0;

  constructor(options: EndpointOptions, client: boolean) {
    ensure(ENDPOINT);
    const endpoint = new Endpoint(options);
    super(endpoint as never);
    this.endpoint = endpoint;
    this.word = endpoint.address() >>> 2;
    this.float = this.word >>> 1;
    this.frames = new FrameBuffer(endpoint, client);
    refresh();
  }

  /** Begins with a session whose stream is at this offset; the one before leaves. */
  begin(owner: SlotOwner, offset: number, keys: (() => number) | undefined): void {
    this.#change(owner);
    this.step++;
    this.shift = offset - this.fed;
    this.keys = keys;
  }

  /** Has the session leave, which is at rest. */
  vacate(): void {
    this.#change(undefined);
  }

  /** Leaves with the session that was here what it needs, and takes over from the next one. */
  #change(next: SlotOwner | undefined): void {
    const last = this.owner;
    const { endpoint } = this;
    last?.left(this.restOffset);
    this.owner = next;
    const lastTimes = last?.idleTimes;
    const nextTimes = next?.idleTimes;
    if (lastTimes !== undefined) {
      refresh();
      lastTimes.deadline = small(floats[this.float + DEADLINE] as number);
      if (nextTimes === undefined) endpoint.save_timers();
      else endpoint.hand_over(nextTimes.at, nextTimes.bound, nextTimes.marks);
      refresh();
      lastTimes.at = small(floats[this.float + AT] as number);
      lastTimes.bound = small(floats[this.float + BOUND] as number);
      lastTimes.marks = small(floats[this.float + MARKS] as number);
    } else if (nextTimes !== undefined) {
      endpoint.restore_timers(nextTimes.at, nextTimes.bound, nextTimes.marks);
    }
    const lastDeflate = last?.idleDeflate;
    const nextDeflate = next?.idleDeflate;
    if (lastDeflate !== undefined && nextDeflate !== undefined) {
      endpoint.exchange_both(lastDeflate, nextDeflate);
    } else {
      const one = lastDeflate ?? nextDeflate;
      if (one !== undefined) endpoint.exchange(one);
    }
  }

  /** The place in the session's stream. */
  get streamOffset(): number {
    return this.endpoint.offset() + this.shift;
  }

  /** The place in the stream of a session at rest, without a call of the module. */
  get restOffset(): number {
    return this.fed + this.shift;
  }

  /** The number that is added to the module's offsets. */
  get moved(): number {
    return this.shift;
  }

  get sender(): Endpoint {
    return this.endpoint;
  }

  /** A mask key for the next frame, 0 at a server. */
  key(): number {
    const { keys } = this;
    return keys === undefined ? 0 : keys() >>> 0;
  }

  receive(chunk: Parameters<MessageCursor["feed"]>[0]): void {
    this.step++;
    this.feed(chunk);
  }

  reserve(length: number): Uint8Array<ArrayBuffer> {
    this.step++;
    return this.lendSpace(length);
  }

  commit(length: number): void {
    this.takeSpace(length);
  }

  /** Acts on the control frame that the walk is at. */
  answer(): void {
    const { opcode, length, closeCode, address } = this;
    if (address < 0) heap.set(this.copy(), controlAddress);
    else heap.copyWithin(controlAddress, address, address + length);
    this.endpoint.answer(arena, opcode, length, closeCode, this.key(), this.key());
    refresh();
  }

  /** Sends a text; the number of an error. */
  sendText(text: string): number {
    const length = this.frames.putText(text);
    return this.done(this.endpoint.send(TEXT, length, this.key()));
  }

  /** Sends bytes, as `UNCHECKED_TEXT` or `BINARY`; the number of an error. */
  send(how: number, bytes: Uint8Array): number {
    const length = lengthOf(bytes);
    if (length >= FORWARDED && memoryOf(bytes) === buffer) {
      const row = rowOf(asUint8Array(bytes).byteOffset, length);
      if (row >= 0) {
        const own = isHolder(this) ? 1 : 0;
        const error = this.endpoint.forward(arena, how, row, own, this.key());
        if (error !== UNKNOWN) return this.done(error);
        refresh();
      }
    }
    this.frames.putBytes(bytes, length);
    return this.done(this.endpoint.send(how, length, this.key()));
  }

  /** After a call that may have made the memory grow. */
  done(error: number): number {
    refresh();
    return error;
  }

  /** @internal */
  protected decode(length: number): number {
    return this.endpoint.receive(arena, length, this.#pongKey());
  }

  /** @internal */
  protected decodeMore(): number {
    return this.endpoint.resume(arena);
  }

  /** @internal */
  protected space(length: number): number {
    return this.endpoint.space(arena, length);
  }

  /** @internal */
  protected get spaced(): number {
    return words[this.word + SPACE] as number;
  }

  /** @internal */
  protected fill(length: number): number {
    return this.endpoint.fill(arena, length, this.#pongKey());
  }

  /** The key of a pong that waited for room. */
  #pongKey(): number {
    return this.keys !== undefined && ((words[this.word + FLAGS] as number) & PONG_PENDING) !== 0
      ? this.key()
      : 0;
  }
}

/** The options by which kinds differ. */
const KIND_OPTIONS = [
  "role",
  "maxFrame",
  "maxMessage",
  "maxFragments",
  "rsv",
  "pieces",
  "dangerouslyAcceptUnmasked",
  "autoPong",
  "autoClose",
  "backlog",
  "closeTimeout",
  "heartbeat",
  "pongTimeout",
  "idle",
] as const satisfies readonly (keyof SessionOptions)[];

/** Sessions of the same options. */
export class Kind {
  readonly endpoint: EndpointOptions;
  /** Whether the clock matters to a session that is open. */
  readonly timed: boolean;
  readonly client: boolean;
  /** Where mask keys come from, unless a session has its own source. */
  readonly keys: (() => number) | undefined;
  readonly #options: SessionOptions;
  readonly #resting: Slot[] = [];
  #seed = 0;

  constructor(options: SessionOptions) {
    const { closeTimeout, heartbeat = NaN, pongTimeout, idle = NaN } = timesOf(options);
    const [client, rsv, maxFrame, maxMessage, maxFragments] = decoderArguments(options);
    const backlog = backlogOf(options);
    ensure(ENDPOINT);
    this.endpoint = new EndpointOptions(client, rsv, maxFrame, maxMessage, maxFragments);
    this.endpoint.automatic(
      options.autoPong ?? true,
      options.autoClose ?? true,
      options.pieces ?? false,
      backlog,
    );
    this.endpoint.times(
      Math.ceil(closeTimeout),
      Math.ceil(heartbeat),
      Math.ceil(pongTimeout),
      Math.ceil(idle),
    );
    this.client = client;
    this.keys = client ? keysFrom(undefined) : undefined;
    this.timed = options.heartbeat !== undefined || options.idle !== undefined;
    this.#options = { ...options, deflate: undefined, maskKey: undefined, offset: 0 };
  }

  isFor(options: SessionOptions): boolean {
    const own = this.#options;
    for (const key of KIND_OPTIONS) if (own[key] !== options[key]) return false;
    return true;
  }

  /**
   * A slot that rests, which the session before leaves when the next one begins, or a new one.
   *
   * @throws LimitError `OUT_OF_MEMORY`
   */
  take(keeps: boolean): Slot {
    const { length } = this.#resting;
    // A session that leaves nothing behind takes the newest slot, which is in the caches. For other
    // sessions a slot of their own saves exchanges.
    if (length === 0 || (keeps && length < SPARE)) return new Slot(this.endpoint, this.client);
    const slot = this.#resting[keeps ? this.#any(length) : length - 1] as Slot;
    this.resume(slot);
    return slot;
  }

  /**
   * One of so many slots, chosen by a linear congruential generator. To take the slots in turn was
   * tried: if slightly more sessions than slots are busy one after the other, each of them lost its
   * slot just before its next message, and an echo took a seventh longer.
   */
  #any(length: number): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) | 0;
    return (this.#seed >>> 16) % length;
  }

  /** A slot that rests is in use again. */
  resume(slot: Slot): void {
    const resting = this.#resting;
    const last = resting.pop() as Slot;
    if (last !== slot) {
      last.place = slot.place;
      resting[slot.place] = last;
    }
    slot.place = -1;
  }

  /** The session of a slot is at rest. */
  rest(slot: Slot): void {
    const resting = this.#resting;
    if (resting.length < SPARE) {
      if (resting.length >= LARGE_OUTPUTS && slot.frames.room > SMALL_OUTPUT) {
        slot.endpoint.taken(SMALL_OUTPUT);
        refresh();
      }
      slot.place = resting.length;
      resting.push(slot);
    } else {
      slot.vacate();
      slot.free();
    }
  }
}

const kinds = new Map<string, Kind>();
let last: Kind | undefined;

/** The kind for these options. */
export function kindFor(options: SessionOptions): Kind {
  // Nearly always those of the session before; a name takes longer to make.
  if (last !== undefined && last.isFor(options)) return last;
  const name = KIND_OPTIONS.map((key) => String(options[key])).join(" ");
  let kind = kinds.get(name);
  if (kind === undefined) {
    kind = new Kind(options);
    if (kinds.size === KINDS) kinds.clear();
    kinds.set(name, kind);
  }
  last = kind;
  return kind;
}
