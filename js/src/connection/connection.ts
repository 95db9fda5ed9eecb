/** A connection over any transport that pushes bytes and takes bytes. */

import type { Bytes } from "../bytes/bytes.ts";
import { LimitError, PeerError, type WscodecError } from "../error/errors.ts";
import type { Prepared } from "../message/prepared.ts";
import type { Outcome, Session, SessionEvent } from "../session/session.ts";
import { forget, wait } from "./clock.ts";
import type { ConnectionOptions, Handlers } from "./handlers.ts";

const DEFAULT_BUFFERED = 16 * 2 ** 20;
const INTERNAL_ERROR = 1011;

/** What a handshake is left to. */
export interface Opening {
  /** Whether this is a server's. */
  readonly server: boolean;
  /** Bytes of the handshake, and what may come right behind it. */
  push(connection: Connection, chunk: Uint8Array): void;
  /** The transport was closed before it was done. */
  closed(error: unknown): void;
}

/** Connections to which something was sent in this turn. */
let dirty: Connection[] = [];

/** Writes what was sent in this turn, once for each connection. */
function flushAll(): void {
  const connections = dirty;
  dirty = [];
  for (const connection of connections) {
    try {
      connection.flush();
    } catch (error) {
      // Of one connection's handler; the others are to be written to all the same.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

/**
 * A connection: what it receives goes to handlers, what it is told to send is
 * written once a turn. It stops reading while its peer doesn't.
 *
 * The adapters make them.
 */
export abstract class Connection {
  /** For the program. */
  data: unknown;
  /** @internal */
  readonly options: ConnectionOptions & Handlers<any>;
  /** Undefined during the handshake. @internal */
  session: Session | undefined;
  /** What the handshake is left to. */
  #opening: Opening | undefined;
  /** When the transport is given up, while that is all there is to wait for. */
  #deadline: number | undefined;
  #protocol: string | undefined;
  #outcome: Outcome | undefined;
  /** Whether a chunk is gone through, at whose end all is written. */
  #busy = false;
  #queued = false;
  /** Whether the transport has taken all it can. */
  #full = false;
  #paused = false;
  /** Whether this side ends the transport once both have closed (RFC 6455 §7.1.1). */
  #server = true;

  /** @internal */
  constructor(options: ConnectionOptions & Handlers<any>, opening: Opening) {
    this.options = options;
    this.#opening = opening;
    this.wait(options.handshakeTimeout ?? 10_000);
  }

  /** Hands bytes to the transport; false if it has no room for more. @internal */
  abstract write(bytes: Uint8Array): boolean;
  /** Ends the transport's side that sends, after what was written. @internal */
  abstract hangUp(): void;
  /** Stops reading, or goes on. @internal */
  abstract read(on: boolean): void;
  /** Bytes that were written and are not gone. @internal */
  abstract get unsent(): number;

  /** Drops the connection at once. */
  abstract terminate(): void;

  /** The subprotocol that was agreed on. */
  get protocol(): string | undefined {
    return this.#protocol;
  }

  /** `"connecting"`, a session's state, or `"gone"` when the transport is closed. */
  get state(): "connecting" | "open" | "closing" | "peer-closed" | "closed" | "gone" {
    if (this.#outcome !== undefined) return "gone";
    return this.session?.state ?? "connecting";
  }

  /** Bytes that were sent and are not gone. */
  get bufferedAmount(): number {
    return this.unsent + (this.state === "gone" ? 0 : (this.session?.bufferedAmount ?? 0));
  }

  /**
   * Sends a message: text for a string, a `Prepared` as it is, else binary. Says whether there is room for
   * more; if not, `drain` is called when there is. Once the connection closes it is
   * not sent, as by a browser's `send`.
   */
  send(data: string | Bytes | Prepared): boolean {
    return this.#send((session) => session.send(data));
  }

  /** Sends a text message, of a string or of UTF-8. As {@link send}. */
  text(data: string | Bytes): boolean {
    return this.#send((session) => session.text(data));
  }

  /** Begins a message in fragments. As {@link send}. */
  begin(type: "text" | "binary", data?: string | Bytes): boolean {
    return this.#send((session) => session.begin(type, data));
  }

  /** The next fragment, not the last. As {@link send}. */
  more(data: string | Bytes): boolean {
    return this.#send((session) => session.more(data));
  }

  /** The last fragment, which may be empty. As {@link send}. */
  finish(data?: string | Bytes): boolean {
    return this.#send((session) => session.finish(data));
  }

  /** Sends a ping, of at most 125 bytes. As {@link send}. */
  ping(data?: string | Bytes): boolean {
    return this.#send((session) => session.ping(data));
  }

  /** Sends a pong: only needed without `autoPong`. As {@link send}. */
  pong(data?: string | Bytes): boolean {
    return this.#send((session) => session.pong(data));
  }

  /**
   * Begins the close, or answers the peer's without `autoClose`; nothing if that was
   * done.
   *
   * @throws as `Encoder.close`
   */
  close(code?: number, reason?: string): void {
    if (this.session === undefined) this.terminate();
    this.#send((session) => session.close(code, reason));
    if (this.state === "closing") wait(this, this.options.closeTimeout ?? 10_000);
  }

  /** Stops reading; what was read already still comes. */
  pause(): void {
    this.#paused = true;
    this.read(false);
  }

  /** Goes on reading. */
  resume(): void {
    this.#paused = false;
    if (!this.#full) this.read(true);
  }

  /** Writes what waits; done by itself at the end of each turn. */
  flush(): void {
    this.#queued = false;
    const { session } = this;
    if (session === undefined || this.#outcome !== undefined) return;
    while (session.bufferedAmount > 0) {
      const room = this.write(this.taken(session));
      if (!room && !this.#full) {
        this.#full = true;
        this.read(false);
      }
      if (this.unsent > (this.options.maxBuffered ?? DEFAULT_BUFFERED)) return this.terminate();
    }
    if (session.state === "closed") this.#ends(session);
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
    if (session === undefined || this.#deadline !== undefined) {
      this.terminate();
      return;
    }
    try {
      session.tick(now);
    } catch {
      // The peer is silent: what it is told goes if it can, and nothing is waited for.
      this.flush();
      this.terminate();
      return;
    }
    this.flush();
  }

  /** Bytes came. @internal */
  received(chunk: Uint8Array): void {
    const { session } = this;
    if (session === undefined) {
      this.#opening?.push(this, chunk);
    } else if (session.state !== "closed") {
      this.#busy = true;
      try {
        session.receive(chunk);
        this.#dispatch(session);
      } catch (error) {
        this.#failed(session, error);
      } finally {
        this.#busy = false;
        this.flush();
      }
    }
  }

  /** The transport has room again. @internal */
  drained(): void {
    if (!this.#full) return;
    this.#full = false;
    if (!this.#paused) this.read(true);
    const { session } = this;
    if (session !== undefined) this.#calls(session, () => this.options.drain?.(this));
  }

  /** The handshake is done. @internal */
  opened(session: Session, protocol: string | undefined): void {
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
    this.#calls(session, () => this.options.open?.(this));
  }

  /** The transport is closed. @internal */
  closed(error?: unknown): void {
    forget(this);
    const { session } = this;
    if (session === undefined) {
      this.#opening?.closed(error);
      this.#opening = undefined;
    }
    if (session === undefined || this.#outcome !== undefined) return;
    try {
      session.end();
    } catch {
      // It is the outcome's.
    }
    this.#outcome = session.outcome as Outcome;
    session.free();
    this.options.close?.(this, this.#outcome);
  }

  /** Gives the transport up after that many milliseconds. @internal */
  wait(milliseconds: number): void {
    this.#deadline = performance.now() + milliseconds;
    wait(this, milliseconds);
  }

  /** What is to be sent. @internal */
  protected taken(session: Session): Uint8Array {
    return session.take();
  }

  /** A binary message for the program to keep. @internal */
  protected copied(event: SessionEvent): Uint8Array {
    return event.copy();
  }

  /** Adds something, for which this turn's end is early enough. */
  #send(add: (session: Session) => void): boolean {
    const { state, session } = this;
    if (session === undefined || (state !== "open" && state !== "peer-closed")) return false;
    add(session);
    if (!this.#busy && !this.#queued) {
      this.#queued = true;
      if (dirty.push(this) === 1) queueMicrotask(flushAll);
    }
    return !this.#full;
  }

  #dispatch(session: Session): void {
    const { options } = this;
    for (let event = session.next(); event !== undefined; event = session.next()) {
      if (event.opcode < 8 && options.piece !== undefined) {
        options.piece(this, event);
        continue;
      }
      switch (event.opcode) {
        case 1:
          options.message?.(this, event.text());
          break;
        case 2:
          options.message?.(this, options.lend ? event.bytes() : this.copied(event));
          break;
        case 9:
          options.ping?.(this, event.bytes());
          break;
        case 10:
          options.pong?.(this, event.bytes());
          break;
      }
    }
  }

  /** Calls a handler outside of a chunk. */
  #calls(session: Session, handler: () => void): void {
    try {
      handler();
    } catch (error) {
      try {
        this.#failed(session, error);
      } finally {
        this.flush();
      }
    }
  }

  /** Closes after a fault, which is the outcome's, or after what a handler threw. */
  #failed(session: Session, error: unknown): void {
    const fault = error instanceof PeerError || error instanceof LimitError;
    if (fault && session.outcome?.error === (error as WscodecError)) return;
    if (session.state === "open" || session.state === "peer-closed") {
      session.close(INTERNAL_ERROR);
      wait(this, this.options.closeTimeout ?? 10_000);
    }
    throw error;
  }

  /** Both sides have closed, or the session failed: the transport is to end. */
  #ends(session: Session): void {
    if (this.#deadline !== undefined) return;
    this.wait(this.options.closeTimeout ?? 10_000);
    this.read(true);
    if (this.#server || session.outcome?.error !== undefined) this.hangUp();
  }
}
