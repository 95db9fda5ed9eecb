/** One endpoint of a connection, without I/O: bytes in, events out; commands in, bytes out. */

import type { Bytes } from "../bytes/bytes.ts";
import { Encoder } from "../message/encoder.ts";
import { MisuseError, named, type WscodecError } from "../error/errors.ts";
import { useAfterFree } from "../memory/freed.ts";
import { MessageDecoder } from "../message/messages.ts";
import { integer } from "../limits/check.ts";
import type { Prepared } from "../message/prepared.ts";
import { isPrepared } from "../message/prepared-form.ts";
import { type Kit, kitFor } from "./kit.ts";
import type { SessionOptions } from "./options.ts";
import { Timers } from "./timers.ts";

/**
 * How far a session is (RFC 6455 §7.1):
 *
 * - `"open"`: both sides may send.
 * - `"closing"`: we sent a close frame, and messages may still come.
 * - `"peer-closed"`: the peer sent one, and ours is due; only without `autoClose`.
 * - `"closed"`: nothing more goes either way, as both close frames went or the
 *   session failed. What waits is to be sent; then a server closes the transport,
 *   and a client waits for the server to.
 */
export type SessionState = "open" | "closing" | "peer-closed" | "closed";

/** How a session ended. */
export interface Outcome {
  /**
   * The code that the peer sent (RFC 6455 §7.1.5): 1005 if its close frame had
   * none, 1006 if no close frame came.
   */
  readonly code: number;
  /** The reason that the peer sent; often empty. */
  readonly reason: string;
  /** The code that we sent, 1005 for a close frame without; `undefined` if we sent none. */
  readonly sent: number | undefined;
  /** Whether both close frames went (RFC 6455 §7.1.4). */
  readonly clean: boolean;
  /** What went wrong, if something did. */
  readonly error: WscodecError | undefined;
}

/** What a session is at: a message or control frame, in the module's memory. */
export type SessionEvent = Pick<
  MessageDecoder,
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

const CLOSE = 8;
const PING = 9;
const GOING_AWAY = 1001;
const NO_STATUS = 1005;
const ABNORMAL = 1006;

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
 * sent waits until it is taken; who goes on receiving while
 * {@link bufferedAmount} does not fall holds ever more.
 */
export class Session {
  readonly #kit: Kit;
  /** Whether the decoder and the encoder stay: others could not go on with them. */
  readonly #own: boolean;
  /** What reads, where something came in part or is gone through. */
  #decoder: MessageDecoder | undefined;
  /** Where the stream is, without a decoder. */
  #offset: number;
  /** What writes, where something waits. */
  #encoder: Encoder | undefined;
  #timers: Timers | undefined;
  #state: SessionState = "open";
  /** The payload of a ping whose pong waits for room. */
  #pong: Uint8Array | undefined;
  /** What the peer's close frame said, if it came. */
  #came: { readonly code: number; readonly reason: string } | undefined;
  #sent: number | undefined;
  #error: WscodecError | undefined;
  #isFreed = false;

  constructor(options: SessionOptions) {
    const kit = kitFor(options);
    this.#kit = kit;
    this.#own = options.deflate !== undefined || options.maskKey !== undefined;
    this.#offset = integer("offset", options.offset ?? 0);
    if (this.#own) {
      this.#decoder = new MessageDecoder(options);
      this.#encoder = new Encoder(options);
    }
    const { heartbeat, idle } = kit.times;
    if (heartbeat !== undefined || idle !== undefined) this.#timers = new Timers(kit.times);
  }

  /** How far the session is. */
  get state(): SessionState {
    return this.#state;
  }

  /** How the session ended; `undefined` until it is `"closed"`. */
  get outcome(): Outcome | undefined {
    if (this.#state !== "closed") return undefined;
    const sent = this.#sent;
    const error = this.#error;
    const { code, reason } = this.#came ?? { code: ABNORMAL, reason: "" };
    const clean = this.#came !== undefined && sent !== undefined && error === undefined;
    return { code, reason, sent, clean, error };
  }

  /**
   * Takes a chunk of what the peer sent, cut anywhere; then {@link next} goes
   * through it. What was not gone through before is now, and dropped, but
   * answered. After a close frame and after a failure, what comes is dropped.
   *
   * @throws the fault that ended the session
   */
  receive(chunk: Bytes): this {
    this.#rest();
    if (this.#isDeaf()) return this;
    this.#heard(chunk.byteLength);
    this.#reader().push(chunk);
    return this;
  }

  /**
   * Where the next bytes may be read to without a copy: see
   * {@link MessageDecoder.reserve}.
   *
   * @throws the fault that ended the session
   */
  reserve(length?: number): Uint8Array<ArrayBuffer> {
    this.#rest();
    return this.#reader().reserve(length);
  }

  /** Takes the first `length` bytes of what {@link reserve} has lent. */
  commit(length: number): this {
    if (this.#isDeaf()) return this;
    this.#heard(length);
    this.#reader().commit(length);
    return this;
  }

  /**
   * The next event; `undefined` when there is none left. Each is the same
   * object, which shows this event until the next is asked for. Pings and close
   * frames are answered when they are come to.
   *
   * @throws the fault that ends the session, after all events before it, and
   * again at each further call. The close frame that tells the peer waits to be
   * taken then (RFC 6455 §7.1.7)
   */
  next(): SessionEvent | undefined {
    if (this.#isDeaf()) return undefined;
    const decoder = this.#decoder;
    if (decoder === undefined) return undefined;
    try {
      if (!decoder.next()) {
        if (!this.#own) this.#settle(decoder);
        return undefined;
      }
    } catch (error) {
      throw this.#fail(error as WscodecError);
    }
    const { opcode } = decoder;
    if (opcode < CLOSE) {
      if (this.#timers !== undefined) this.#timers.busy = true;
    } else if (opcode === PING) this.#pinged(decoder);
    else if (opcode === CLOSE) this.#peerCloses(decoder);
    return decoder;
  }

  /** Goes through the events that are left; each is the same object. */
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
    this.#rest();
    if (this.#isDeaf()) {
      this.#state = "closed";
      return;
    }
    let fault = named("UNEXPECTED_EOF", this.offset);
    try {
      this.#decoder?.end();
    } catch (error) {
      fault = error as WscodecError;
    }
    throw this.#fail(fault);
  }

  /**
   * Adds a message: text for a string, a {@link Prepared} as it is, else binary.
   *
   * @throws MisuseError `CLOSING` once a close frame was added or the session
   * has ended, as all that follow here do; and as {@link Encoder.text}
   */
  send(data: string | Bytes | Prepared): this {
    const encoder = this.#sender();
    if (typeof data === "string") encoder.text(data);
    else if (isPrepared(data)) encoder.prepared(data);
    else encoder.binary(data);
    return this;
  }

  /** Adds a text message: see {@link Encoder.text}. */
  text(data: string | Bytes): this {
    this.#sender().text(data);
    return this;
  }

  /** Adds a binary message: see {@link Encoder.binary}. */
  binary(data: Bytes): this {
    this.#sender().binary(data);
    return this;
  }

  /** Adds a message that was framed before, for many: see {@link Encoder.prepared}. */
  prepared(message: Prepared): this {
    this.#sender().prepared(message);
    return this;
  }

  /** Adds the first fragment of a message: see {@link Encoder.begin}. */
  begin(type: "text" | "binary", data?: string | Bytes): this {
    this.#sender().begin(type, data);
    return this;
  }

  /** Adds the next fragment, not the last: see {@link Encoder.more}. */
  more(data: string | Bytes): this {
    this.#sender().more(data);
    return this;
  }

  /** Adds the last fragment: see {@link Encoder.finish}. */
  finish(data?: string | Bytes): this {
    this.#sender().finish(data);
    return this;
  }

  /** Adds a ping, of at most 125 bytes. */
  ping(data?: string | Bytes): this {
    this.#sender().ping(data);
    return this;
  }

  /** Adds a pong: only needed without `autoPong`, or as a sign of life. */
  pong(data?: string | Bytes): this {
    this.#sender().pong(data);
    return this;
  }

  /**
   * Begins the close, or answers the peer's without `autoClose`: adds a close
   * frame, and nothing can be added after it. From here on {@link tick} looks
   * after the time that the peer takes.
   *
   * @throws MisuseError `CLOSING`; as {@link Encoder.close}, and then nothing
   * has changed
   */
  close(code?: number, reason?: string): this {
    this.#sender().close(code, reason);
    this.#sent = code ?? NO_STATUS;
    this.#state = this.#state === "open" ? "closing" : "closed";
    this.#pong = undefined;
    (this.#timers ??= new Timers(this.#kit.times)).closing();
    return this;
  }

  /** Bytes that wait to be taken. */
  get bufferedAmount(): number {
    return this.#encoder?.length ?? 0;
  }

  /**
   * What is to be sent, in memory of its own; nothing waits then. A pong that found
   * no room is the last of it.
   */
  take(): Uint8Array<ArrayBuffer> {
    this.#pay(Infinity);
    const encoder = this.#writer();
    const taken = encoder.take();
    this.#rested(encoder);
    return taken;
  }

  /**
   * Copies what is to be sent into the caller's buffer: see {@link Encoder.takeInto}.
   * Only a pong that found no room may wait then.
   */
  takeInto(target: Bytes, offset?: number): number {
    const encoder = this.#writer();
    const length = encoder.takeInto(target, offset);
    this.#rested(encoder);
    this.#pay();
    return length;
  }

  /**
   * When {@link tick} has something to do: the time as `tick` is told it, and 0
   * for at once. `undefined` if nothing waits for the clock. Only `tick` changes
   * it, and the state.
   */
  get deadline(): number | undefined {
    if (this.#state === "closed") return undefined;
    return this.#timers?.deadline(this.#state === "closing");
  }

  /**
   * Looks at the clock: adds the heartbeat's pings, closes an idle connection,
   * gives up a peer that is silent or does not close. To be called when the
   * {@link deadline} has come; more often does no harm.
   *
   * `now` is in milliseconds since any moment, the same for all calls:
   * `performance.now()` will do.
   *
   * @throws PeerError `NO_PONG` and `NO_CLOSE`, and the session has ended then;
   * the fault that it is in
   */
  tick(now: number): void {
    this.#usable();
    if (this.#error !== undefined) throw this.#error;
    if (this.#state === "closed") return;
    this.#pay();
    const timers = this.#timers;
    if (timers === undefined) return;
    switch (timers.look(now, this.#state === "closing")) {
      case "nothing":
        return;
      case "ping":
        this.#writer().ping();
        return;
      case "idle":
        this.close(GOING_AWAY, named("IDLE").message);
        timers.look(now, true);
        return;
      case "no pong":
        throw this.#fail(named("NO_PONG", this.offset));
      case "no close":
        throw this.#fail(named("NO_CLOSE", this.offset));
    }
  }

  /** Bytes received so far, from the offset begun with. */
  get offset(): number {
    return this.#decoder?.offset ?? this.#offset;
  }

  /** Whether a message came in part. */
  get inMessage(): boolean {
    return this.#decoder?.inMessage ?? false;
  }

  /** Bytes of the module's memory that this holds: for messages in parts, and for compression. */
  memory(): number {
    this.#usable();
    return (this.#decoder?.memory() ?? 0) + (this.#encoder?.memory() ?? 0);
  }

  /** Gives memory back that is not needed until the next message, for connections that are idle. */
  release(): void {
    this.#usable();
    this.#decoder?.release();
    this.#encoder?.release();
  }

  /**
   * Frees its part of the module's memory. All use afterwards throws MisuseError `FREED`, except
   * for `outcome` and `state`, and for this method, which does nothing then.
   */
  free(): void {
    this.#isFreed = true;
    this.#decoder?.free();
    this.#encoder?.free();
    this.#decoder = this.#encoder = undefined;
  }

  /** The same as {@link free}, for `using`. */
  [Symbol.dispose](): void {
    this.free();
  }

  /** Goes through what was left of the last chunk. */
  #rest(): void {
    while (this.next() !== undefined);
  }

  #usable(): void {
    if (this.#isFreed) throw useAfterFree();
  }

  /** Whether what comes is dropped. */
  #isDeaf(): boolean {
    this.#usable();
    if (this.#error !== undefined) throw this.#error;
    return this.#state === "closed" || this.#state === "peer-closed";
  }

  #sender(): Encoder {
    this.#usable();
    if (this.#state === "closing" || this.#state === "closed") throw named("CLOSING");
    return this.#writer();
  }

  #reader(): MessageDecoder {
    return (this.#decoder ??= this.#kit.decoder(this.#offset));
  }

  #writer(): Encoder {
    this.#usable();
    return (this.#encoder ??= this.#kit.encoder());
  }

  /** Has others use the decoder, if all that came was whole. */
  #settle(decoder: MessageDecoder): void {
    const offset = decoder.settled();
    if (offset < 0) return;
    this.#offset = offset;
    this.#decoder = undefined;
    this.#kit.returnDecoder(decoder);
  }

  /** Has others use the encoder, if nothing depends on what it has sent. */
  #rested(encoder: Encoder): void {
    if (this.#own || !encoder.isIdle) return;
    this.#encoder = undefined;
    this.#kit.returnEncoder(encoder);
  }

  #heard(bytes: number): void {
    this.#pay();
    const timers = this.#timers;
    if (bytes === 0 || timers === undefined) return;
    timers.heard = true;
    if (timers.idles && this.inMessage) timers.busy = true;
  }

  #pinged(decoder: MessageDecoder): void {
    if (!this.#kit.autoPong || this.#state !== "open") return;
    if (this.bufferedAmount >= this.#kit.backlog) {
      this.#pong = decoder.copy();
      return;
    }
    this.#pong = undefined;
    this.#writer().pong(decoder.bytes());
  }

  /** Adds the pong that waits, if there is room again. */
  #pay(backlog = this.#kit.backlog): void {
    const pong = this.#pong;
    if (pong === undefined || this.bufferedAmount >= backlog) return;
    this.#pong = undefined;
    this.#writer().pong(pong);
  }

  #peerCloses(decoder: MessageDecoder): void {
    const code = decoder.closeCode;
    const reason = decoder.text();
    this.#came = { code, reason };
    this.#pong = undefined;
    if (this.#state === "closing") {
      this.#state = "closed";
    } else if (this.#kit.autoClose) {
      if (code === NO_STATUS) this.#writer().close();
      else this.#writer().close(code, reason);
      this.#sent = code;
      this.#state = "closed";
    } else {
      this.#state = "peer-closed";
    }
  }

  /**
   * Goes into the state of a fault, for good, and tells the peer if it is not
   * told yet; but what the caller did wrong ends nothing.
   */
  #fail(error: WscodecError): WscodecError {
    if (error instanceof MisuseError) return error;
    const { code, closeCode } = error;
    if (this.#sent === undefined && closeCode !== undefined && closeCode !== ABNORMAL) {
      this.#writer().close(closeCode, named(code).message);
      this.#sent = closeCode;
    }
    this.#state = "closed";
    this.#pong = undefined;
    return (this.#error = error);
  }
}
