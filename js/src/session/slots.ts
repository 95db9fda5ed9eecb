/**
 * What sessions of the same options have in common: how they behave, and the endpoints that they
 * use in turn.
 *
 * An endpoint of the module costs 0.9 KB with its JavaScript object, and a session between two
 * messages does not need one: it knows its offset, and with timers or compression the numbers and
 * windows that a `Resting` holds. So a session takes a slot when something is received or sent, and
 * gives it back when all of that is done. 16 slots wait for the next session.
 */

import { Endpoint, EndpointOptions } from "../wasm/module.ts";
import { arena, buffer, ensure, fitsStage, heap, refresh, stage, unstage, words } from "../memory/memory.ts";
import { asUint8Array, copied, lengthOf, memoryOf } from "../bytes/bytes.ts";
import { MessageCursor } from "../message/cursor.ts";
import { keysFrom } from "../message/encoder.ts";
import { decoderArguments } from "../frame/options.ts";
import { backlogOf, type SessionOptions, timesOf } from "./options.ts";

/** How many slots of each kind wait for the next session. */
const SPARE = 16;

/** How many sets of options are remembered. */
const KINDS = 32;

/** More than an endpoint takes, with what belongs to it. */
const ENDPOINT = 8 * 1024;

// The words that the module shows; see `crates/wscodec-wasm/src/session.rs`.
export const STATE = 0;
export const FLAGS = 1;
export const WAITING = 2;
export const OUTPUT = 3;
const SPACE = 4;
/** In 64-bit numbers. */
export const DEADLINE = 3;

export const AT_REST = 1;
export const OWES_PONG = 2;
export const IN_MESSAGE = 4;
export const FAILED = 8;
export const FRAME_QUEUED = 16;

/** An address that no decoding has left: `forward` was not done. */
const UNKNOWN = 0xffff_ffff;

/** An endpoint, and the walk over the rows that it has received. */
export class Slot extends MessageCursor {
  readonly endpoint: Endpoint;
  /** The index of the words that the endpoint shows. */
  readonly word: number;
  /** The same as an index of 64-bit numbers. */
  readonly float: number;
  /** Where mask keys come from; a server has none. */
  keys: (() => number) | undefined;
  /** The number of steps of the walk: events of another step are stale; see `event.ts`. */
  step = 0;

  constructor(options: EndpointOptions) {
    ensure(ENDPOINT);
    const endpoint = new Endpoint(options);
    super(endpoint as never);
    this.endpoint = endpoint;
    this.word = endpoint.address() >>> 2;
    this.float = this.word >>> 1;
    refresh();
  }

  /** Begins to serve a session; `offset` is the place in the session's stream. */
  begin(offset: number, keys: (() => number) | undefined): void {
    this.shift = offset - this.fed;
    this.keys = keys;
  }

  /** The place in the session's stream. */
  get streamOffset(): number {
    return this.endpoint.offset() + this.shift;
  }

  /** The same for a session at rest, without a call of the module. */
  get restOffset(): number {
    return this.fed + this.shift;
  }

  /** What is added to the module's offsets. */
  get moved(): number {
    return this.shift;
  }

  /** A mask key for the next frame, 0 at a server. */
  key(): number {
    const { keys } = this;
    return keys === undefined ? 0 : keys() >>> 0;
  }

  receive(chunk: Parameters<MessageCursor["feed"]>[0]): void {
    this.feed(chunk);
  }

  reserve(length: number): Uint8Array<ArrayBuffer> {
    return this.lendSpace(length);
  }

  commit(length: number): void {
    this.takeSpace(length);
  }

  /** Acts on the control frame that the walk is at. */
  answer(): void {
    const { opcode, length, closeCode } = this;
    let at = this.address;
    if (at < 0) {
      const payload = this.copy();
      at = stage(length);
      heap.set(payload, at);
    }
    this.endpoint.answer(arena, opcode, at, length, closeCode, this.key(), this.key());
    refresh();
  }

  /** Sends bytes; the number of an error. */
  send(text: boolean, bytes: Uint8Array): number {
    const length = lengthOf(bytes);
    let stable = bytes;
    if (!fitsStage(length) && memoryOf(bytes) === buffer) {
      // What was lent goes from where it lies.
      const at = asUint8Array(bytes).byteOffset;
      const error = this.endpoint.forward(arena, text, text, at, length, this.key());
      if (error !== UNKNOWN) return this.done(error);
      stable = copied(bytes);
    }
    const place = stage(length);
    heap.set(stable, place);
    return this.done(this.endpoint.send(arena, text, text, length, this.key()));
  }

  /** After a call that may have used a large stage, or made the memory grow. */
  done(error: number): number {
    unstage();
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
    return this.keys !== undefined && ((words[this.word + FLAGS] as number) & OWES_PONG) !== 0
      ? this.key()
      : 0;
  }
}

/** All that tells kinds apart. */
const TELLING = [
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
  readonly #spare: Slot[] = [];

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
    this.endpoint.times(closeTimeout, heartbeat, pongTimeout, idle);
    this.client = client;
    this.keys = client ? keysFrom(undefined) : undefined;
    this.timed = options.heartbeat !== undefined || options.idle !== undefined;
    this.#options = { ...options, deflate: undefined, maskKey: undefined, offset: 0 };
  }

  isFor(options: SessionOptions): boolean {
    const own = this.#options;
    for (const key of TELLING) if (own[key] !== options[key]) return false;
    return true;
  }

  /** @throws LimitError `OUT_OF_MEMORY` */
  take(): Slot {
    return this.#spare.pop() ?? new Slot(this.endpoint);
  }

  /** Takes a slot back from a session that is at rest. */
  give(slot: Slot): void {
    if (this.#spare.length < SPARE) this.#spare.push(slot);
    else slot.free();
  }
}

const kinds = new Map<string, Kind>();
let last: Kind | undefined;

/** The kind for these options. */
export function kindFor(options: SessionOptions): Kind {
  // Nearly always those of the session before; a name takes longer to make.
  if (last !== undefined && last.isFor(options)) return last;
  const name = TELLING.map((key) => String(options[key])).join(" ");
  let kind = kinds.get(name);
  if (kind === undefined) {
    kind = new Kind(options);
    if (kinds.size === KINDS) kinds.clear();
    kinds.set(name, kind);
  }
  last = kind;
  return kind;
}
