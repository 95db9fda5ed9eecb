/** One endpoint of a connection, without I/O: bytes in, events out; commands in, bytes out. */

import { asTextOrBytes, asUint8Array, type Bytes, isUint8Array } from "../bytes/bytes.ts";
import { named, type WscodecError } from "../error/errors.ts";
import { copyOut } from "../memory/copy.ts";
import { floats, refresh, words } from "../memory/memory.ts";
import { isPrepared, type PreparedMessage } from "../message/prepared-form.ts";
import {
  addClose,
  addControl,
  addFragment,
  addPrepared,
  BINARY,
  closeCode,
  copyInto,
  kindOfMessage,
  UNCHECKED_TEXT,
} from "../message/sending.ts";
import { checkGiven } from "../options/check.ts";
import { endpointChecks } from "../options/tables.ts";
import { EventView, type SessionEvent } from "./event.ts";
import type { SessionOptions } from "./options.ts";
import { CLOSED, CLOSING, type Outcome, outcomeOf, PEER_CLOSED, type SessionState, STATES } from "./outcome.ts";
import { PooledSession } from "./pooled.ts";
import { Rare } from "./rare.ts";
import {
  AT_REST,
  DEADLINE,
  FLAGS,
  FRAME_QUEUED,
  IN_MESSAGE,
  PONG_PENDING,
  type Slot,
  SMALL_OUTPUT,
  STATE,
  Times,
} from "./slots.ts";

const CONTROL = 8;

/** How much memory for output is kept where the session rests. */
const LARGE_OUTPUT = 64 * 1024;

/**
 * An endpoint: bytes in, events out; commands in, bytes out. It answers pings
 * and close frames, and knows how far the connection is and what the clock asks
 * for.
 *
 * ```js
 * const session = new Session({ role: "server" });
 * for (const event of session.receive(chunk)) {
 *   if (event.type === "text") session.text(event.bytes()); // an echo
 * }
 * socket.write(session.take());
 * if (session.state === "closed") socket.end();
 * ```
 *
 * There is no clock here: the time is an argument of {@link tick}. What is to be
 * sent waits until it is taken; a caller that goes on receiving while
 * {@link bufferedAmount} does not fall holds ever more.
 *
 * All rules are those of the Rust `session::Session` in the module. This class
 * calls it once for a chunk, once for each control frame in it, and once for a
 * message to send; what it tells of the session it reads from memory.
 *
 * A session that can't get memory for what it receives or sends ends with
 * LimitError `OUT_OF_MEMORY`, close code 1013. Others go on: see
 * {@link setMaxMemory}.
 */
export class Session extends PooledSession {
  /** @throws LimitError `OUT_OF_MEMORY` */
  constructor(options: SessionOptions) {
    checkGiven("Session", options, endpointChecks);
    super(options);
  }

  /** How far the session is. */
  get state(): SessionState {
    const slot = this.slot;
    if (slot === undefined) return this.rare?.end?.state ?? "open";
    refresh();
    return STATES[words[slot.word + STATE] as number] as SessionState;
  }

  /** How the session ended; `undefined` until it is `"closed"`. */
  get outcome(): Outcome | undefined {
    const slot = this.slot;
    if (slot === undefined) return this.rare?.end?.outcome;
    refresh();
    if (words[slot.word + STATE] !== CLOSED) return undefined;
    const number = slot.endpoint.fault();
    return outcomeOf(slot.endpoint, slot.word, number === 0 ? undefined : this.error(slot, number));
  }

  /**
   * Takes a chunk of what the peer sent, cut anywhere; then {@link next} goes
   * through it. What was not gone through before is now, and dropped, but
   * answered. After a close frame and after a failure, what comes is dropped.
   *
   * A chunk of more than 64 KiB must not change until it was gone through.
   *
   * @throws the fault that ended the session
   */
  receive(chunk: Bytes): this {
    // A session at rest has nothing left to go through.
    if (!this.isResting) {
      this.#walk();
      if (this.#ignoresInput()) return this;
    }
    const slot = this.use();
    try {
      slot.receive(chunk);
    } catch (error) {
      throw this.exhausted(slot, error);
    }
    return this;
  }

  /**
   * Where the next bytes may be read to without a copy: see
   * {@link MessageDecoder.reserve}.
   *
   * @throws the fault that ended the session
   */
  reserve(length = 64 * 1024): Uint8Array<ArrayBuffer> {
    if (!this.isResting) {
      this.#walk();
      this.#ignoresInput();
    }
    return this.use().reserve(length);
  }

  /** Takes the first `length` bytes of what {@link reserve} has lent. */
  commit(length: number): this {
    if (this.#ignoresInput()) return this;
    this.use().commit(length);
    return this;
  }

  /**
   * The next event; `undefined` when there is none left. The event is valid until the next one is
   * asked for; {@link SessionEvent} says how to keep it. The session answers a ping or a close frame
   * when it returns the event.
   *
   * @throws the fault that ends the session, after all events before it, and
   * again at each further call. The close frame that tells the peer waits to be
   * taken then (RFC 6455 §7.1.7)
   */
  next(): SessionEvent | undefined {
    const slot = this.slot;
    if (slot === undefined) {
      this.usable();
      return undefined;
    }
    slot.step++;
    refresh();
    if ((words[slot.word + STATE] as number) >= PEER_CLOSED) {
      this.#ignoresInput();
      return undefined;
    }
    try {
      if (!slot.next()) {
        this.settle(slot);
        return undefined;
      }
    } catch (error) {
      throw this.#failed(slot, error as WscodecError);
    }
    if (slot.opcode >= CONTROL) slot.answer();
    return new EventView(slot);
  }

  /** Goes through the events that are left, as {@link next} does. */
  *[Symbol.iterator](): Generator<SessionEvent, void, undefined> {
    for (let event = this.next(); event !== undefined; event = this.next()) yield event;
  }

  /**
   * Says that the transport ended, or was lost. Nothing is sent any more.
   *
   * @throws the fault that the session is in; PeerError `UNEXPECTED_EOF` if no
   * close frame came (1006, RFC 6455 §7.1.5)
   */
  end(): void {
    this.#walk();
    if (this.slot === undefined && this.#ignoresInput()) return;
    const slot = this.use();
    const number = slot.endpoint.end();
    refresh();
    if (number !== 0) throw this.error(slot, number);
  }

  /**
   * Adds a message: text for a string, a {@link Prepared} as it is, else binary.
   *
   * @throws MisuseError `CLOSING` once a close frame was added or the session
   * has ended, as all that follow here do; LimitError `OUT_OF_MEMORY`, with which
   * the session ends; and as {@link MessageEncoder.text}
   */
  send(data: string | Bytes | PreparedMessage): this {
    if (typeof data === "string") return this.text(data);
    return isPrepared(data) ? this.prepared(data) : this.binary(data as Bytes);
  }

  /** Adds a text message: see {@link MessageEncoder.text}. */
  text(data: string | Bytes): this {
    const bytes = typeof data === "string" || isUint8Array(data) ? data : asTextOrBytes(data);
    const slot = this.#sender();
    try {
      if (typeof bytes === "string") {
        const error = slot.sendText(bytes);
        if (error !== 0) throw this.error(slot, error);
      } else {
        const error = slot.send(UNCHECKED_TEXT, bytes);
        if (error !== 0) throw this.error(slot, error);
      }
    } catch (error) {
      throw this.exhausted(slot, error);
    }
    return this;
  }

  /** Adds a binary message: see {@link MessageEncoder.binary}. */
  binary(data: Bytes): this {
    const bytes = isUint8Array(data) ? data : asUint8Array(data);
    const slot = this.#sender();
    try {
      const error = slot.send(BINARY, bytes);
      if (error !== 0) throw this.error(slot, error);
    } catch (error) {
      throw this.exhausted(slot, error);
    }
    return this;
  }

  /** Adds a message that was framed before, for many: see {@link MessageEncoder.prepared}. */
  prepared(message: PreparedMessage): this {
    return this.#with((slot) => addPrepared(slot, message));
  }

  /** Adds the first fragment of a message: see {@link MessageEncoder.begin}. */
  begin(type: "text" | "binary", data: string | Bytes = ""): this {
    const kind = kindOfMessage(type);
    return this.#with((slot) => addFragment(slot, kind, false, data));
  }

  /** Adds the next fragment, not the last: see {@link MessageEncoder.more}. */
  more(data: string | Bytes): this {
    return this.#with((slot) => addFragment(slot, 0, false, data));
  }

  /** Adds the last fragment: see {@link MessageEncoder.finish}. */
  finish(data: string | Bytes = ""): this {
    return this.#with((slot) => addFragment(slot, 0, true, data));
  }

  /** Adds a ping, of at most 125 bytes. */
  ping(data: string | Bytes = ""): this {
    return this.#with((slot) => addControl(slot, false, data));
  }

  /** Adds a pong: only needed without `autoPong`, or as a sign of life. */
  pong(data: string | Bytes = ""): this {
    return this.#with((slot) => addControl(slot, true, data));
  }

  /**
   * Begins the close, or answers the peer's without `autoClose`: adds a close
   * frame, and nothing can be added after it. From here on {@link tick} looks
   * after the time that the peer takes.
   *
   * @throws MisuseError `CLOSING`; as {@link MessageEncoder.close}, and then nothing
   * has changed
   */
  close(code?: number, reason = ""): this {
    const number = closeCode(code, reason);
    return this.#with((slot) => addClose(slot, number, reason));
  }

  /** Bytes that wait to be taken. */
  get bufferedAmount(): number {
    const slot = this.slot;
    if (slot === undefined) return 0;
    refresh();
    return slot.frames.length;
  }

  /**
   * The bytes to send, in memory of their own; no bytes wait afterwards. A pong that found no room
   * comes last.
   */
  take(): Uint8Array<ArrayBuffer> {
    const slot = this.slot;
    if (slot === undefined) {
      this.usable();
      return copyOut(0, 0);
    }
    refresh();
    const { word } = slot;
    if (((words[word + FLAGS] as number) & PONG_PENDING) !== 0) {
      slot.endpoint.answer_now(slot.key());
      refresh();
    }
    const { frames } = slot;
    const taken = frames.copy();
    this.#taken(slot, taken.length);
    return taken;
  }

  /**
   * Copies what is to be sent into the caller's buffer: see {@link MessageEncoder.takeInto}.
   * Only a pong that found no room may wait then.
   */
  takeInto(target: Bytes, offset = 0): number {
    const bytes = asUint8Array(target, "target");
    const slot = this.slot;
    if (slot === undefined) {
      this.usable();
      return copyInto(undefined, bytes, offset);
    }
    refresh();
    const { word } = slot;
    const length = copyInto(slot.frames, bytes, offset);
    const owes = ((words[word + FLAGS] as number) & PONG_PENDING) !== 0;
    this.#taken(slot, length);
    if (owes) {
      slot.endpoint.answer_now(slot.key());
      refresh();
    }
    return length;
  }

  /**
   * When {@link tick} has something to do: the time as `tick` is told it, and 0
   * for at once. `undefined` if nothing waits for the clock.
   *
   * It changes by `tick`, {@link setReading} and the state, and when a ping or close frame is
   * taken: its time starts when it has left, so `tick` has to be told. Receiving changes nothing
   * before the next `tick`.
   */
  get deadline(): number | undefined {
    const slot = this.slot;
    const times = this.idleTimes;
    let deadline: number;
    if (slot !== undefined) {
      refresh();
      deadline = floats[slot.float + DEADLINE] as number;
      // NaN is for none.
      if (deadline !== deadline) return undefined;
    } else {
      if (times === undefined || this.rare?.end !== undefined) return undefined;
      deadline = times.deadline;
      if (deadline < 0) return undefined;
    }
    return times?.look ? 0 : deadline;
  }

  /**
   * Looks at the clock: adds the heartbeat's pings, closes an idle connection,
   * fails a peer that is silent or does not close. To be called when the
   * {@link deadline} has come; more often does no harm.
   *
   * `now` is in milliseconds since any moment, the same for all calls:
   * `performance.now()` will do. Whole milliseconds count. `unsent` is how many bytes of those that were
   * taken have not left, the `writableLength` of a socket of Node. A deadline starts
   * when the bytes that it is about have left, and progress moves it. The full rule is
   * in the documentation of `wscodec::session` in Rust.
   *
   * Bytes that have arrived are to be received before this is called: after a
   * pause of the process the answer that a deadline waits for may be among them.
   *
   * @throws PeerError `NO_PONG` and `NO_CLOSE`, and the session has ended then;
   * the fault that it is in
   */
  tick(now: number, unsent = 0): void {
    const rare = this.rare;
    if (rare?.end !== undefined) {
      this.usable();
      if (rare.error !== undefined) throw rare.error;
      return;
    }
    if (!this.kind.timed && this.isResting) return;
    const slot = this.use();
    const times = (this.idleTimes ??= new Times());
    const sent = Math.max(0, times.unsent + times.taken - unsent);
    times.unsent = unsent;
    times.taken = 0;
    times.look = false;
    const number = slot.endpoint.tick(now, unsent, sent, slot.key(), slot.key());
    refresh();
    if (number !== 0) throw this.error(slot, number);
    if (slot.isOver) this.settle(slot);
  }

  /**
   * Says whether this side reads what the peer sends: `false` while it has paused, or applies
   * back-pressure. Until it reads again the heartbeat does not fail the peer, and the connection
   * is not idle.
   */
  setReading(reading: boolean): void {
    this.usable();
    if (!this.kind.timed || this.rare?.end !== undefined) return;
    const slot = this.use();
    slot.endpoint.set_reading(reading);
    refresh();
    if (slot.isOver) this.settle(slot);
  }

  /** Bytes received so far, from the offset begun with. */
  get offset(): number {
    return this.slot?.streamOffset ?? this.idleOffset;
  }

  /** Whether a message came in part. */
  get inMessage(): boolean {
    const slot = this.slot;
    if (slot === undefined) return false;
    refresh();
    return ((words[slot.word + FLAGS] as number) & IN_MESSAGE) !== 0;
  }

  /** Bytes of the module's memory that this holds: for messages in parts, and for compression. */
  memory(): number {
    this.usable();
    this.leave();
    return (this.slot?.endpoint.memory() ?? 0) + (this.rare?.deflate?.memory() ?? 0);
  }

  /** Gives memory back that is not needed until the next message, for connections that are idle. */
  release(): void {
    this.usable();
    this.leave();
    const slot = this.slot;
    if (slot === undefined) this.rare?.deflate?.release();
    else if (slot.isOver) slot.endpoint.release();
    refresh();
  }

  /**
   * Frees its part of the module's memory. Afterwards `state`, `outcome` and `offset` tell how it
   * ended, {@link bufferedAmount} is 0, {@link deadline} `undefined` and {@link inMessage} false. All
   * else throws MisuseError `FREED`, except for this method.
   */
  free(): void {
    if (this.rare?.freed) return;
    const { state, outcome, offset } = this;
    this.leave();
    const rare = (this.rare ??= new Rare(undefined, undefined));
    rare.error ??= outcome?.error;
    rare.end = { state, outcome };
    rare.freed = true;
    this.idleOffset = offset;
    this.slot?.free();
    this.slot = undefined;
    rare.deflate?.free();
    rare.deflate = undefined;
  }

  /** The same as {@link free}, for `using`. */
  [Symbol.dispose](): void {
    this.free();
  }

  /** Goes through what was left of the last chunk. */
  #walk(): void {
    while (this.next() !== undefined);
  }

  /** Whether what comes is dropped. */
  #ignoresInput(): boolean {
    const slot = this.slot;
    if (slot === undefined) {
      this.usable();
      const rare = this.rare;
      if (rare?.end === undefined) return false;
      if (rare.error !== undefined) throw rare.error;
      return true;
    }
    refresh();
    const error = this.failure(slot);
    if (error !== undefined) throw error;
    return (words[slot.word + STATE] as number) >= PEER_CLOSED;
  }

  /** The slot, for a command that nothing may follow a close frame. */
  #sender(): Slot {
    const slot = this.use();
    const state = words[slot.word + STATE] as number;
    if (state === CLOSING || state === CLOSED) throw named("CLOSING");
    return slot;
  }

  /** The end of a call that has copied out all bytes that waited. */
  #taken(slot: Slot, length: number): void {
    const { frames, word } = slot;
    frames.clear();
    const times = this.idleTimes;
    if (times !== undefined) {
      times.taken += length;
      if (length > 0 && ((words[word + FLAGS] as number) & FRAME_QUEUED) !== 0) times.look = true;
    }
    if (!slot.isOver) return;
    const rests = ((words[word + FLAGS] as number) & AT_REST) !== 0;
    if (frames.room > LARGE_OUTPUT || (!rests && length > SMALL_OUTPUT)) {
      slot.endpoint.taken(SMALL_OUTPUT);
      refresh();
    }
    if (rests) this.settle(slot);
  }

  /** Runs a command, which returns the number of an error. */
  #with(command: (slot: Slot) => number): this {
    const slot = this.#sender();
    try {
      const error = slot.done(command(slot));
      if (error !== 0) throw this.error(slot, error);
    } catch (error) {
      throw this.exhausted(slot, error);
    }
    return this;
  }

  /** The walk has come to a fault, which ends the session; but what the caller did wrong ends nothing. */
  #failed(slot: Slot, error: WscodecError): WscodecError {
    if (error.name === "MisuseError") return error;
    if (error.code === "OUT_OF_MEMORY") return this.exhausted(slot, error) as WscodecError;
    slot.endpoint.fail(slot.key());
    refresh();
    return this.failure(slot) ?? error;
  }
}
