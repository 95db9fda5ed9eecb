/**
 * A connection over any transport that pushes bytes and takes bytes.
 *
 * Three things are decided here.
 *
 * - *Back-pressure.* Messages of one turn are written together at its end. `send` returns false from
 *   a high-water mark on, also within the turn, and `drain` follows. What waits is limited by
 *   `maxBuffered`, which is compared before a message is added: a single message may be larger.
 * - *Endings.* `close` is called once for each connection that was opened. If this side ends a
 *   connection, for a limit, a timeout or because the program says so, the outcome's error says so,
 *   unless the session has failed before. A received close code is never hidden by an error.
 * - *Handlers that throw.* The connection closes with 1011, and the first error is reported. It still
 *   goes through the rest of the chunk and through later chunks, so that a close frame is answered,
 *   but it calls no handler any more, except `close`.
 */

import type { Bytes } from "../bytes/bytes.ts";
import type { WscodecError } from "../error/errors.ts";
import type { Prepared } from "../message/prepared.ts";
import type { SessionEvent } from "../session/event.ts";
import type { Outcome } from "../session/outcome.ts";
import type { Session } from "../session/session.ts";
import { afterPoll, forget, wait } from "./clock.ts";
import { flushLater } from "./flush.ts";
import type { ConnectionOptions, Handlers } from "./handlers.ts";
import type { Plan } from "./options.ts";
import { account, longest, queued } from "./queue.ts";
import { isThenable } from "./verdict.ts";
import { handlerFailed, limit, report, settle, terminated } from "./report.ts";
import type { Transport } from "./transport.ts";

const INTERNAL_ERROR = 1011;
/** With this many bytes waiting, `send` returns false. */
const HIGH_WATER = 64 * 1024;
/** With this many bytes waiting in the session, they are written before the turn ends. */
const FLUSH_AT = 256 * 1024;

/** Leads the opening handshake of a connection. */
export interface Opening {
  /** Whether this side is the server. */
  readonly server: boolean;
  /** Bytes of the handshake, and perhaps what follows it. */
  push(connection: Connection<any>, chunk: Uint8Array): void;
  /** The handshake took too long. True if the peer gets an answer before the end. */
  late(connection: Connection<any>): boolean;
  /** The server is to end. */
  reject(connection: Connection<any>): void;
  /** The transport was closed, or ended by the peer, before the handshake was done. */
  closed(error: unknown): void;
}

/**
 * A connection: what it receives goes to handlers, what it is told to send is written once a turn.
 * The adapters make them. `T` is the type of {@link data}.
 */
export class Connection<T = unknown> {
  /** For the program. */
  data: T = undefined as T;
  /** @internal */
  readonly plan: Plan;
  /** Undefined during the handshake. @internal */
  session: Session | undefined;
  readonly #transport: Transport;
  #opening: Opening | undefined;
  /** When the transport is given up, while that is all there is to wait for. */
  #deadline: number | undefined;
  /** How many bytes had not left when that was decided. */
  #mark = 0;
  #protocol: string | undefined;
  #outcome: Outcome | undefined;
  /** The reason why this side ended the connection. */
  #reason: WscodecError | undefined;
  /** The bytes that came behind the handshake, until the promise of `connect` has settled. */
  #held: Uint8Array[] | undefined;
  /** The transport's end, if it was closed while bytes were held back or gone through. */
  #cut: { readonly error: unknown } | undefined;
  #gone = false;
  /** Whether this side has dropped the transport, and the transport has not reported its end yet. */
  #dropped = false;
  /** Whether the connection goes through a chunk. It writes its output at the end of the chunk. */
  #busy = false;
  #queued = false;
  /** Whether the transport has taken all it can. */
  #full = false;
  /** Whether `send` has returned false since the last `drain`. */
  #rejected = false;
  #paused = false;
  /** Whether a handler failed: no other is called then, and no other failure is reported. */
  #failed = false;
  /** Whether something was received since {@link quiet} was called. */
  #heard = false;
  /** How many handlers have returned a promise that is not settled. */
  #pending = 0;
  /** Whether this side ends the transport once both have closed (RFC 6455 §7.1.1). */
  #server = true;

  /** @internal */
  constructor(transport: Transport, plan: Plan, opening: Opening) {
    this.#transport = transport;
    this.plan = plan;
    this.#opening = opening;
    plan.connections.add(this);
    this.wait(plan.handshakeTimeout);
  }

  /** The handlers and options that the program gave. @internal */
  get options(): ConnectionOptions & Handlers<any> {
    return this.plan.options;
  }

  /** The subprotocol that was agreed on. */
  get protocol(): string | undefined {
    return this.#protocol;
  }

  /** `"connecting"`, a session's state, or `"gone"` when the transport is closed. */
  get state(): "connecting" | "open" | "closing" | "peer-closed" | "closed" | "gone" {
    if (this.#gone) return "gone";
    if (this.#dropped) return "closed";
    return this.session?.state ?? "connecting";
  }

  /** How many bytes were sent and have not left. */
  get bufferedAmount(): number {
    if (this.#gone) return 0;
    return this.#transport.unsent + (this.session?.bufferedAmount ?? 0);
  }

  /**
   * Sends a message: text for a string, a `Prepared` as it is, otherwise binary. Returns whether
   * there is room for more; if not, `drain` is called when there is. A message is never lost
   * because `send` returned false; false means that the next one should wait. Once the connection
   * closes, a message is not sent, as by a browser's `send`.
   */
  send(data: string | Bytes | Prepared): boolean {
    return this.#send((session) => session.send(data));
  }

  /** Sends a text message, of a string or of UTF-8. Returns as {@link send}. */
  text(data: string | Bytes): boolean {
    return this.#send((session) => session.text(data));
  }

  /** Sends a binary message. Returns as {@link send}. */
  binary(data: Bytes): boolean {
    return this.#send((session) => session.binary(data));
  }

  /** Sends a message that was encoded once for many connections. Returns as {@link send}. */
  prepared(message: Prepared): boolean {
    return this.#send((session) => session.prepared(message));
  }

  /** Begins a message in fragments. Returns as {@link send}. */
  begin(type: "text" | "binary", data?: string | Bytes): boolean {
    return this.#send((session) => session.begin(type, data));
  }

  /** Sends the next fragment, not the last. Returns as {@link send}. */
  more(data: string | Bytes): boolean {
    return this.#send((session) => session.more(data));
  }

  /** Sends the last fragment, which may be empty. Returns as {@link send}. */
  finish(data?: string | Bytes): boolean {
    return this.#send((session) => session.finish(data));
  }

  /** Sends a ping, of at most 125 bytes. Returns as {@link send}. */
  ping(data?: string | Bytes): boolean {
    return this.#send((session) => session.ping(data));
  }

  /** Sends a pong: only needed with `autoPong: false`. Returns as {@link send}. */
  pong(data?: string | Bytes): boolean {
    return this.#send((session) => session.pong(data));
  }

  /**
   * Begins the close, or answers the peer's with `autoClose: false`; nothing if that was done.
   * Reading goes on, because the peer's close frame has to be read.
   *
   * @throws as `MessageEncoder.close`
   */
  close(code?: number, reason?: string): void {
    if (this.session === undefined) {
      this.terminate();
      return;
    }
    this.#send((session) => session.close(code, reason), true);
    if (this.state === "closing") this.#awaitClose();
  }

  /** Drops the connection at once. The outcome's error is `TERMINATED`. */
  terminate(): void {
    if (!this.#gone) this.drop(terminated());
  }

  /** Stops reading; what was read already is still handed out. */
  pause(): void {
    this.#paused = true;
    this.#read(false);
  }

  /** Goes on reading. */
  resume(): void {
    this.#paused = false;
    if (!this.#stalls) this.#read(true);
  }

  /** Writes what waits; done by itself at the end of each turn. */
  flush(): void {
    this.#queued = false;
    const { session } = this;
    if (session === undefined || this.#gone) return;
    if (session.bufferedAmount > 0) this.#write(session);
    if (session.state === "closed") this.#ends(session);
    if (this.#rejected && !this.#full) this.#drains(session);
  }

  /** @internal */
  get due(): number | undefined {
    const { session } = this;
    if (session === undefined || this.#deadline !== undefined) return this.#deadline;
    return session.deadline;
  }

  /** @internal */
  tick(now: number): void {
    const { session } = this;
    if (session === undefined) {
      const late = limit("HANDSHAKE_TOO_SLOW");
      // The second time is after the answer, which had its time to leave.
      if (this.#reason === undefined && this.#opening?.late(this)) this.#reason = late;
      else if (!this.#moves(now)) this.drop(late);
      return;
    }
    if (this.#deadline !== undefined) {
      if (!this.#moves(now)) this.#transport.destroy();
      return;
    }
    try {
      session.tick(now, this.#transport.unsent);
    } catch {
      // The peer is silent: a close frame goes if it can, and nothing is waited for.
      this.flush();
      this.#transport.destroy();
      return;
    }
    this.flush();
  }

  /** Bytes were received. @internal */
  received(chunk: Uint8Array): void {
    this.#heard = true;
    const { session } = this;
    if (this.#held !== undefined) {
      this.#held.push(chunk.slice());
    } else if (session === undefined) {
      this.#opening?.push(this, chunk);
    } else if (session.state !== "closed") {
      this.#busy = true;
      this.#dispatch(session, chunk);
      this.#busy = false;
      if (this.#cut === undefined) this.flush();
      else this.closed(this.#cut.error);
    }
  }

  /** The transport has room again. @internal */
  drained(): void {
    if (!this.#full) return;
    this.#full = false;
    const { session } = this;
    this.#account();
    if (!this.#paused) this.#read(true);
    if (session !== undefined && !this.#gone) this.#drains(session);
  }

  /**
   * The handshake is done. With `rest`, which followed it, nothing is handed out until the
   * event loop has turned: the promise of `connect` settles first, and its reader goes on.
   * @internal
   */
  opened(session: Session, protocol: string | undefined, rest?: Uint8Array): void {
    this.session = session;
    this.#server = this.#opening?.server ?? true;
    this.#opening = undefined;
    this.#protocol = protocol;
    this.#deadline = undefined;
    const { heartbeat, idle, pongTimeout = 20_000 } = this.options;
    forget(this);
    if (heartbeat !== undefined || idle !== undefined) {
      wait(this, Math.min(heartbeat ?? Infinity, idle ?? Infinity, pongTimeout));
    }
    if (rest !== undefined) {
      this.#held = rest.length > 0 ? [rest.slice()] : [];
      afterPoll(() => this.#release());
    }
    const { open } = this.options;
    if (open !== undefined) this.#calls(session, () => open.call(this.options, this));
  }

  /** The transport is closed. @internal */
  closed(error?: unknown): void {
    if (this.#gone) return;
    if (this.#held !== undefined || this.#busy) {
      // The end of the transport comes behind what it brought. A transport may end within the call
      // that drops it, and a handler that drops it is called in the middle of a chunk.
      this.#cut ??= { error };
      return;
    }
    this.#gone = true;
    forget(this);
    account(this, 0);
    this.plan.connections.delete(this);
    const { session } = this;
    const opening = this.#opening;
    this.#opening = undefined;
    if (session === undefined) {
      opening?.closed(this.#reason ?? error);
      return;
    }
    const failed = session.outcome?.error !== undefined;
    try {
      session.end();
    } catch {
      // The outcome has it.
    }
    const outcome = session.outcome as Outcome;
    const own = !failed && !outcome.clean ? this.#reason : undefined;
    this.#outcome = own === undefined ? outcome : { ...outcome, error: own };
    session.free();
    const { close } = this.options;
    if (close !== undefined) settle(() => close.call(this.options, this, this.#outcome as Outcome));
  }

  /**
   * Writing has failed. What the peer sent before is read all the same, to its end or until nothing
   * more arrives for the close timeout.
   * @internal
   */
  lostWriting(): void {
    if (this.session === undefined) return this.#transport.destroy();
    this.wait(this.plan.closeTimeout);
    this.#paused = false;
    this.#read(true);
  }

  /** Gives the transport up after that many milliseconds without progress. @internal */
  wait(milliseconds: number): void {
    this.#deadline = performance.now() + milliseconds;
    this.#mark = this.#transport.unsent;
    wait(this, milliseconds);
  }

  /** Ends the connection for a reason of this side. @internal */
  drop(reason: WscodecError): void {
    this.#reason ??= reason;
    this.#dropped = true;
    this.#transport.destroy();
  }

  /** Writes bytes of the handshake. @internal */
  write(bytes: Uint8Array<ArrayBuffer>): void {
    if (!this.#transport.write(bytes)) this.#full = true;
  }

  /** Ends the sending side, and the transport if the peer does not end it. @internal */
  hangUp(milliseconds: number): void {
    this.#transport.end();
    this.wait(milliseconds);
  }

  /** Stops reading during the handshake, or goes on. @internal */
  read(on: boolean): void {
    this.#transport.read(on);
  }

  /** Whether the peer has ended its side, or the transport is closed. @internal */
  get lost(): boolean {
    return this.#gone || this.#transport.ended;
  }

  /**
   * Whether nothing was received since the last call, no message is incomplete, and no handler is
   * at work.
   * @internal
   */
  quiet(): boolean {
    const quiet = !this.#heard && this.#pending === 0 && this.session?.inMessage !== true;
    this.#heard = false;
    return quiet;
  }

  /** Rejects a request that is not answered yet, or begins the close. @internal */
  goAway(code: number, reason: string): void {
    if (this.session === undefined) this.#opening?.reject(this);
    else this.close(code, reason);
  }

  /** Whether reading waits for the transport's room. */
  get #stalls(): boolean {
    return this.#full && this.plan.pauses;
  }

  #read(on: boolean): void {
    // The heartbeat must not fail a peer that we do not read from.
    if (!this.#gone) this.session?.setReading(on);
    this.#transport.read(on);
  }

  /** Adds something, for which the end of this turn is early enough. */
  #send(add: (session: Session) => void, always = false): boolean {
    const { state, session } = this;
    if (session === undefined || (state !== "open" && state !== "peer-closed")) return false;
    const waits = session.bufferedAmount;
    if (this.#full || waits >= HIGH_WATER) {
      if (!always && waits + this.#transport.unsent > this.plan.maxBuffered) {
        this.drop(limit("BUFFER_FULL"));
        return false;
      }
    }
    add(session);
    if (!this.#busy && !this.#queued) {
      this.#queued = true;
      flushLater(this);
    }
    if (session.bufferedAmount >= FLUSH_AT) this.#write(session);
    if (!this.#full && session.bufferedAmount < HIGH_WATER) return true;
    this.#rejected = true;
    return false;
  }

  /** Gives the session's output to the transport. */
  #write(session: Session): void {
    const transport = this.#transport;
    while (session.bufferedAmount > 0) {
      const bytes = transport.allocate(session.bufferedAmount);
      session.takeInto(bytes);
      if (transport.write(bytes) || this.#full) continue;
      this.#full = true;
      if (this.plan.pauses) this.#read(false);
    }
    if (this.#full) this.#account();
  }

  /** Counts what waits, and drops the connection with the longest queue if all are too long. */
  #account(): void {
    account(this, this.#gone ? 0 : this.#transport.unsent);
    while (queued() > this.plan.maxMemory) {
      const worst = longest();
      if (worst === undefined) return;
      account(worst, 0);
      worst.drop(limit("OUT_OF_MEMORY"));
    }
  }

  /** Goes through a chunk. Handlers that throw do not end that. */
  #dispatch(session: Session, chunk: Uint8Array): void {
    // Whether an error is a handler's, or the session's.
    let handling = false;
    for (let first = true; ; first = false) {
      try {
        if (first) session.receive(chunk);
        for (let event = session.next(); event !== undefined; event = session.next()) {
          if (this.#failed || this.#dropped) continue;
          handling = true;
          const result = this.#handle(event);
          if (result !== undefined) this.#awaits(session, result);
          handling = false;
        }
        return;
      } catch (error) {
        if (!handling) {
          if (session.outcome?.error === error) return;
          // No fault of the peer: the session can't go on.
          report(error);
          this.#transport.destroy();
          return;
        }
        handling = false;
        this.#threw(session, error);
      }
    }
  }

  /** Calls the handler of an event; what it returned is a promise if the handler is `async`. */
  #handle(event: SessionEvent): unknown {
    const { options } = this;
    if (event.opcode < 8 && options.piece !== undefined) return options.piece(this, event);
    switch (event.opcode) {
      case 1:
        return options.message?.(this, event.text());
      case 2:
        return options.message?.(this, options.lend ? event.bytes() : this.#copied(event));
      case 8:
        return options.peerClose?.(this, event.closeCode, event.text());
      case 9:
        return options.ping?.(this, event.bytes());
      case 10:
        return options.pong?.(this, event.bytes());
    }
    return undefined;
  }

  /** Remembers that an `async` handler is at work. */
  #awaits(session: Session, result: unknown): void {
    if (!isThenable(result)) return;
    this.#pending++;
    new Promise((resolve) => resolve(result)).then(
      () => void this.#pending--,
      (error: unknown) => {
        this.#pending--;
        this.#threw(session, error);
        this.flush();
      },
    );
  }

  /** A binary message for the program to keep. */
  #copied(event: SessionEvent): Uint8Array {
    const bytes = this.#transport.allocate(event.length);
    bytes.set(event.bytes());
    return bytes;
  }

  /** Calls a handler outside of a chunk. */
  #calls(session: Session, handler: () => unknown): void {
    if (this.#failed) return;
    try {
      const result = handler();
      if (result !== undefined) this.#awaits(session, result);
    } catch (error) {
      this.#threw(session, error);
      this.flush();
    }
  }

  #drains(session: Session): void {
    this.#rejected = false;
    const { drain } = this.options;
    if (drain !== undefined) this.#calls(session, () => drain.call(this.options, this));
  }

  /** Closes after the first failure of a handler. Handlers that are still at work often fail likewise. */
  #threw(session: Session, error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    report(error);
    if (this.#gone) return;
    this.#reason ??= handlerFailed();
    if (session.state === "open" || session.state === "peer-closed") {
      session.close(INTERNAL_ERROR);
      this.#awaitClose();
    }
  }

  /** Our close frame waits to be sent; then the peer has its time to answer. */
  #awaitClose(): void {
    this.resume();
    wait(this, this.plan.closeTimeout);
  }

  /** Hands out what was held back. */
  #release(): void {
    const held = this.#held;
    if (held === undefined) return;
    const cut = this.#cut;
    this.#held = undefined;
    this.#cut = undefined;
    for (const chunk of held) this.received(chunk);
    if (cut !== undefined) this.closed(cut.error);
  }

  /** Whether bytes have left since the deadline was set, which moves it. */
  #moves(now: number): boolean {
    const { unsent } = this.#transport;
    if (unsent >= this.#mark) return false;
    this.#mark = unsent;
    this.#deadline = now + this.plan.closeTimeout;
    return true;
  }

  /** Both sides have closed, or the session failed: the transport is to end. */
  #ends(session: Session): void {
    if (this.#deadline !== undefined) return;
    this.wait(this.plan.closeTimeout);
    this.#read(true);
    if (this.#server || session.outcome?.error !== undefined) this.#transport.end();
  }
}
