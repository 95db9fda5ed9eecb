/**
 * A WebSocketStream over any duplex of bytes.
 *
 * Two things of web streams are hard here.
 *
 * - Back-pressure. `writer.ready` tells of the queue in front of the transport, and that queue may
 *   be long: `Duplex.toWeb` of Node 20 and 22 takes 16,384 chunks of any size. So this class counts
 *   the bytes of each `write` that has not settled, and takes no more out of the session while
 *   {@link HIGH_WATER} of them are under way. What waits in the session is the session's to limit.
 * - Ends. `close` and `abort` of a writable wait until the write that is under way has settled, and
 *   that one waits for a peer that may never read. So no promise here waits for the transport alone:
 *   {@link SocketStream.#until} rejects when the transport is given up, and a timer gives it up:
 *   `handshakeTimeout` after the construction, and `closeTimeout` after a close was begun.
 *
 * Invariant: once `#drop` was called every promise of this object settles without the transport.
 */

import {
  type Bytes,
  type ClientSessionOptions,
  Connect,
  type ConnectOptions,
  type HandshakeLimits,
  type Outcome,
  type Policy,
  rejection,
  reject as rejectRequest,
  type Session,
  type SessionLimits,
  type SessionBehavior,
  Upgrade,
  UpgradeRequestReader,
  type UpgradeRequest,
} from "../index.ts";
import type { Verdict } from "../connection/handlers.ts";
import { limit, terminated } from "../connection/report.ts";
import { decisionOf } from "../connection/verdict.ts";
import { callable, type Checks, checkOptions, milliseconds, oneOf, pick } from "../options/check.ts";
import {
  clientSessionChecks,
  connectChecks,
  handshakeChecks,
  limitChecks,
  policyChecks,
  sessionChecks,
} from "../options/tables.ts";
import { whenAborted } from "./abort.ts";

/** A transport: what runtimes have for TCP and TLS, and what `TransformStream`s are made to. */
export interface Duplex {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  /**
   * Lets the transport go at once, if there is such a method (sockets of workerd and Deno have it).
   * It is called when the transport is given up; the readable is cancelled and the writable is
   * aborted in any case.
   */
  close?(): unknown;
}

/** How long the opening handshake may take. */
export interface HandshakeTimeout {
  /**
   * Milliseconds from the construction until the handshake is done, `upgrade` included; default
   * 10,000. Then `opened` and `closed` reject with LimitError `HANDSHAKE_TOO_SLOW`.
   */
  readonly handshakeTimeout?: number;
}

/** A client's end: what it asks for. */
export interface ClientStreamOptions
  extends ConnectOptions, ClientSessionOptions, HandshakeTimeout {
  readonly role: "client";
}

/** A server's end: what it grants. */
export interface ServerStreamOptions
  extends Policy, SessionBehavior, SessionLimits, HandshakeLimits, HandshakeTimeout {
  readonly role: "server";
  /**
   * Decides on a request that the policy grants, as {@link Verdict} says; anything with a method
   * `then` is awaited. If it throws, the request is refused with the status that a HandshakeError
   * has, otherwise with 500. A value that is no verdict is an error of the program, and refuses the
   * request with 500 too.
   */
  upgrade?(upgrade: Upgrade): Verdict | PromiseLike<Verdict>;
}

const clientChecks = {
  ...connectChecks,
  ...clientSessionChecks,
  role: oneOf("client"),
  handshakeTimeout: milliseconds,
} satisfies Checks<ClientStreamOptions>;

const serverSessionChecks = { ...sessionChecks, ...limitChecks };

const serverChecks = {
  ...policyChecks,
  ...serverSessionChecks,
  ...handshakeChecks,
  role: oneOf("client", "server"),
  handshakeTimeout: milliseconds,
  upgrade: callable,
} satisfies Checks<ServerStreamOptions>;

/** The properties of a {@link SocketStream} after the handshake. */
export interface Opened {
  /** Messages: strings for text, else bytes. */
  readonly readable: ReadableStream<string | Uint8Array<ArrayBuffer>>;
  /** Messages to send: text for strings, else binary. */
  readonly writable: WritableStream<string | Bytes>;
  /** The subprotocol agreed on; `""` if none was. */
  readonly protocol: string;
  /** The extensions agreed on, as in the answer's header. */
  readonly extensions: string;
}

/** How it was closed. */
export interface Closed extends Outcome {
  readonly closeCode: number;
}

/** Bytes of messages that wait to be read, and bytes under way to the transport. */
const HIGH_WATER = 64 * 1024;
const TIMEOUT = 10_000;
/** The longest time that a timer accepts, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/**
 * An endpoint with the shape of a browser's `WebSocketStream`, over a duplex of
 * bytes, as client or server.
 *
 * ```js
 * const ws = new SocketStream(duplex, { role: "client", host: "example.com", path: "/chat" });
 * const { readable, writable } = await ws.opened;
 * const writer = writable.getWriter();
 * await writer.write("Hello"); // waits while the peer does not read
 * for await (const message of readable) console.log(message);
 * const { closeCode } = await ws.closed;
 * ```
 *
 * The duplex is not read while 64 KiB of messages wait in `readable`, so neither
 * are pings answered then.
 *
 * When promises settle: `opened` within `handshakeTimeout`; `closed` and a write that waits within
 * `closeTimeout` after {@link close}, after the peer's close frame and after a fault of the peer
 * (`closed` at once then), and at once after {@link terminate} and the loss of the transport. A
 * connection stays if nobody closes it and its peer is silent: `heartbeat` and `idle` are there for
 * that.
 */
export class SocketStream {
  /**
   * Fails with what the handshake failed with: a HandshakeError, LimitError `HANDSHAKE_TOO_SLOW`,
   * the transport's error, or the reason of {@link terminate}.
   */
  readonly opened: Promise<Opened>;
  /**
   * Fulfils if a close frame came. Otherwise it fails with what the connection ended by: as
   * `opened`, a fault of the peer, or the loss of the transport (PeerError `UNEXPECTED_EOF`).
   */
  readonly closed: Promise<Closed>;
  readonly #duplex: Duplex;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #options: ClientStreamOptions | ServerStreamOptions;
  #session: Session | undefined;
  #messages: ReadableStreamDefaultController<string | Uint8Array<ArrayBuffer>> | undefined;
  #commands: WritableStreamDefaultController | undefined;
  /** When the transport is given up; and for which reason, if the session knows none. */
  #deadline: number | undefined;
  #late: (() => unknown) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The reason why the writable takes nothing any more. */
  #broken: { readonly error: unknown } | undefined;
  /** Bytes of the writes that have not settled. */
  #unsent = 0;
  /** The reason why the transport was given up. */
  #gone: { readonly reason: unknown } | undefined;
  /** Ends all waits for the transport. */
  readonly #interrupts = new Set<() => void>();
  /** Goes on when messages were read, and when bytes have left. */
  readonly #wakes = new Set<() => void>();

  /** @throws TypeError or RangeError with the name of an option that is wrong or unknown */
  constructor(duplex: Duplex, options: ClientStreamOptions | ServerStreamOptions) {
    const isClient = (options as { role?: unknown } | null)?.role === "client";
    checkOptions("SocketStream", options, isClient ? clientChecks : serverChecks);
    const { handshakeTimeout = TIMEOUT } = options;
    this.#options = options;
    this.#duplex = duplex;
    this.#reader = duplex.readable.getReader();
    this.#writer = duplex.writable.getWriter();
    this.#giveUpIn(handshakeTimeout, () => limit("HANDSHAKE_TOO_SLOW"));
    let open!: (opened: Opened) => void;
    let refuse!: (error: unknown) => void;
    this.opened = new Promise((resolve, reject) => {
      open = resolve;
      refuse = reject;
    });
    this.closed = this.#run(open, refuse);
    // A program that awaits neither promise must not be ended by a rejection.
    for (const promise of [this.opened, this.closed, this.#writer.closed]) promise.catch(() => {});
  }

  /**
   * Begins the close; nothing if that was done. Before the handshake is done, gives it
   * up.
   *
   * @throws MisuseError for a code or reason that can't be sent
   */
  close({ closeCode, reason }: { closeCode?: number; reason?: string } = {}): void {
    const session = this.#session;
    if (session === undefined) return this.terminate();
    if (this.#gone !== undefined) return;
    if (session.state !== "open" && session.state !== "peer-closed") return;
    session.close(closeCode ?? (reason === undefined ? undefined : 1000), reason);
    this.#pump();
    this.#arm();
    // Whoever does not read messages any more shall not keep the close from coming.
    this.#wake();
  }

  /**
   * Lets the transport go at once, without a close frame: `opened` and `closed` fail with the
   * reason, by default a WscodecError `TERMINATED`, unless they have settled or the close frame has come.
   */
  terminate(reason?: unknown): void {
    this.#drop(reason ?? terminated());
  }

  /** Gives the transport up in so many milliseconds. */
  #giveUpIn(milliseconds: number, late: () => unknown): void {
    this.#late = late;
    this.#deadline = performance.now() + milliseconds;
    this.#arm();
  }

  /** Sets the timer for what is due next. One for each: workers don't share them. */
  #arm(): void {
    clearTimeout(this.#timer);
    const due = Math.min(this.#deadline ?? Infinity, this.#session?.deadline ?? Infinity);
    if (due === Infinity || this.#gone !== undefined) return;
    const left = Math.min(Math.max(due - performance.now(), 0), LONGEST);
    this.#timer = setTimeout(() => this.#tick(), left);
  }

  #tick(): void {
    const now = performance.now();
    if (this.#deadline !== undefined && now >= this.#deadline) return this.#drop(this.#late?.());
    try {
      this.#session?.tick(now);
      this.#pump();
    } catch (error) {
      return this.#drop(error);
    }
    this.#arm();
  }

  get #closeTimeout(): number {
    return this.#options.closeTimeout ?? TIMEOUT;
  }

  async #run(open: (opened: Opened) => void, refuse: (error: unknown) => void): Promise<Closed> {
    let session: Session;
    let rest: Uint8Array;
    try {
      const [made, opened, behind] = await this.#handshake();
      session = this.#session = made;
      rest = behind;
      this.#deadline = undefined;
      this.#arm();
      open({ ...opened, ...this.#streams(session) });
    } catch (error) {
      // The one that ended it, if that made the others.
      const reason = this.#gone === undefined ? error : this.#gone.reason;
      refuse(reason);
      this.#drop(reason);
      throw reason;
    }
    try {
      if (rest.length > 0) this.#receive(session, rest);
      while (session.state !== "closed") {
        await this.#room(session);
        const { value, done } = await this.#until(this.#reader.read());
        if (done) break;
        this.#receive(session, value);
      }
    } catch {
      // The transport was lost, or the peer at fault: the session knows.
    }
    const left = this.#leave(session).catch(() => {});
    // After a fault the peer is read for some time, so that our close frame is not lost by a reset.
    if (session.outcome?.error === undefined) await left;
    const outcome = this.#outcome(session);
    const error = outcome.clean ? undefined : (this.#gone?.reason ?? outcome.error);
    void left.then(() => {
      session.free();
      this.#drop(error);
    });
    void this.#endMessages(error);
    this.#commands?.error(error ?? new Error("the connection is closed"));
    if (outcome.code === NO_CLOSE_FRAME) throw error;
    return { closeCode: outcome.code, ...outcome };
  }

  async #handshake(): Promise<[Session, Pick<Opened, "protocol" | "extensions">, Uint8Array]> {
    const options = this.#options;
    return options.role === "client" ? this.#connect(options) : this.#accept(options);
  }

  async #connect(
    options: ClientStreamOptions,
  ): Promise<[Session, Pick<Opened, "protocol" | "extensions">, Uint8Array]> {
    const connect = new Connect(pick(options, connectChecks));
    const written = this.#until(this.#writer.write(connect.bytes));
    written.catch(() => {});
    for (;;) {
      const { value, done } = await this.#until(this.#reader.read());
      if (done) throw connect.cut();
      if (connect.push(value)) break;
    }
    const header = connect.response?.header("sec-websocket-extensions") ?? "";
    const opened = { protocol: connect.response?.protocol ?? "", extensions: header };
    return [connect.session(pick(options, clientSessionChecks)), opened, connect.rest];
  }

  async #accept(
    options: ServerStreamOptions,
  ): Promise<[Session, Pick<Opened, "protocol" | "extensions">, Uint8Array]> {
    const reader = new UpgradeRequestReader(pick(options, handshakeChecks));
    let request: UpgradeRequest | undefined;
    let isAsked = false;
    /** With which the program refuses. */
    let status: number | undefined;
    try {
      while (request === undefined) {
        const { value, done } = await this.#until(this.#reader.read());
        if (done) throw new TypeError("the transport ended before the request did");
        isAsked = true;
        request = reader.push(value);
      }
      const upgrade = new Upgrade(request, pick(options, policyChecks));
      const verdict = await this.#until(Promise.resolve(options.upgrade?.(upgrade)));
      const decision = decisionOf(verdict);
      if ("reject" in decision) {
        status = decision.reject;
        throw new Error(`upgrade has refused the request with status ${status}`);
      }
      const answer = upgrade.accept(decision.headers);
      const session = upgrade.session(pick(options, serverSessionChecks));
      try {
        await this.#until(this.#writer.write(answer));
      } catch (error) {
        session.free();
        throw error;
      }
      const opened = {
        protocol: upgrade.protocol ?? "",
        extensions: upgrade.deflate?.header ?? "",
      };
      return [session, opened, reader.rest];
    } catch (error) {
      reader.free();
      // A peer that was rejected may have gone already.
      if (isAsked) await this.#refuse(error, status).catch(() => {});
      throw error;
    }
  }

  /** Answers a request that is not granted, and ends the transport. */
  async #refuse(error: unknown, status: number | undefined): Promise<void> {
    let answer: Uint8Array;
    try {
      answer = status === undefined ? rejection(error) : rejectRequest(status);
    } catch {
      answer = rejectRequest(500);
    }
    await this.#until(this.#writer.write(answer));
    await this.#until(this.#writer.close());
  }

  #streams(session: Session): Pick<Opened, "readable" | "writable"> {
    const readable = new ReadableStream<string | Uint8Array<ArrayBuffer>>(
      {
        start: (controller) => void (this.#messages = controller),
        pull: () => this.#wake(),
        cancel: () => {
          this.#messages = undefined;
          this.close();
          this.#wake();
        },
      },
      { highWaterMark: HIGH_WATER, size: (message) => 16 + (message?.length ?? 0) },
    );
    const abort = (reason: unknown): void => {
      const { closeCode } = (reason ?? {}) as { closeCode?: number };
      this.close(closeCode === undefined ? {} : { closeCode });
    };
    const writable = new WritableStream<string | Bytes>(
      {
        start: (controller) => {
          this.#commands = controller;
          whenAborted(controller, abort);
        },
        write: async (data) => {
          this.#checkWritable();
          session.send(data);
          this.#pump();
          this.#arm();
          while (session.bufferedAmount > 0 || this.#unsent >= HIGH_WATER) {
            await this.#woken();
            this.#checkWritable();
          }
        },
        close: () => this.close(),
        abort,
      },
      { highWaterMark: 1 },
    );
    return { readable, writable };
  }

  /** Goes through a chunk at once, and sends what that calls for. */
  #receive(session: Session, chunk: Uint8Array): void {
    try {
      session.receive(chunk);
      for (let event = session.next(); event !== undefined; event = session.next()) {
        if (event.opcode !== 1 && event.opcode !== 2) continue;
        // After our close nobody is waited for; what nobody reads is not kept without limit.
        if (session.state !== "open" && (this.#messages?.desiredSize ?? 0) <= 0) continue;
        this.#messages?.enqueue(event.opcode === 1 ? event.text() : event.copy());
      }
    } finally {
      this.#pump();
      this.#arm();
    }
  }

  /** Waits until there is room for messages, or no more are wanted. */
  async #room(session: Session): Promise<void> {
    while ((this.#messages?.desiredSize ?? 1) <= 0 && session.state === "open") await this.#woken();
  }

  /** Takes bytes out of the session as long as few are under way. */
  #pump(): void {
    const session = this.#session;
    if (session === undefined || this.#gone !== undefined || this.#broken !== undefined) return;
    while (this.#unsent < HIGH_WATER && session.bufferedAmount > 0) {
      const bytes = session.take();
      this.#unsent += bytes.length;
      this.#writer.write(bytes).then(
        () => {
          this.#unsent -= bytes.length;
          this.#pump();
          this.#arm();
          this.#wake();
        },
        (error: unknown) => this.#unwritable(error),
      );
    }
  }

  #checkWritable(): void {
    if (this.#gone !== undefined) throw this.#gone.reason;
    if (this.#broken !== undefined) throw this.#broken.error;
  }

  /** Ends the sending side. The bytes that the peer has sent before are still read, for a time. */
  #unwritable(error: unknown): void {
    if (this.#broken !== undefined || this.#gone !== undefined) return;
    this.#broken = { error };
    this.#giveUpIn(this.#closeTimeout, () => error);
    this.#wake();
  }

  /** Ends the transport after a close frame was sent or a fault found, and waits for the peer to. */
  async #leave(session: Session): Promise<void> {
    if (session.state !== "closed" || this.#gone !== undefined) return;
    if (this.#broken === undefined) this.#giveUpIn(this.#closeTimeout, () => undefined);
    this.#pump();
    while (session.bufferedAmount > 0 && this.#broken === undefined) await this.#woken();
    // Both sides have closed: the server ends the transport, a client waits for it to.
    const isLast = this.#options.role === "server" || session.outcome?.error !== undefined;
    if (isLast) await this.#until(this.#writer.close());
    while (!(await this.#until(this.#reader.read())).done);
    if (!isLast) await this.#until(this.#writer.close());
  }

  /** How it ended; if the session does not know yet, by the loss of the transport. */
  #outcome(session: Session): Outcome {
    if (session.state !== "closed") {
      try {
        session.end();
      } catch {
        // It is the outcome's.
      }
    }
    return session.outcome as Outcome;
  }

  /** Ends the stream of messages; with an error when those that it holds were read. */
  async #endMessages(error: unknown): Promise<void> {
    while (error !== undefined && (this.#messages?.desiredSize ?? HIGH_WATER) < HIGH_WATER) {
      await new Promise<void>((resolve) => this.#wakes.add(resolve));
    }
    try {
      if (error === undefined) this.#messages?.close();
      else this.#messages?.error(error);
    } catch {
      // It was cancelled.
    }
  }

  #wake(): void {
    const wakes = [...this.#wakes];
    this.#wakes.clear();
    for (const wake of wakes) wake();
  }

  /** Waits until messages were read or bytes have left. */
  #woken(): Promise<void> {
    return this.#until(new Promise<void>((resolve) => this.#wakes.add(resolve)));
  }

  /** Returns the promise, which also rejects when the transport is given up. */
  #until<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const interrupt = (): void => reject(this.#gone?.reason);
      if (this.#gone !== undefined) {
        promise.catch(() => {});
        return interrupt();
      }
      this.#interrupts.add(interrupt);
      const done = (): boolean => this.#interrupts.delete(interrupt);
      promise.then(
        (value) => (done(), resolve(value)),
        (error: unknown) => (done(), reject(error)),
      );
    });
  }

  /** Lets the transport go. */
  #drop(reason?: unknown): void {
    if (this.#gone !== undefined) return;
    this.#gone = { reason };
    clearTimeout(this.#timer);
    const interrupts = [...this.#interrupts];
    this.#interrupts.clear();
    for (const interrupt of interrupts) interrupt();
    this.#reader.cancel(reason).catch(() => {});
    // After an end in good order the writable is closed, and this changes nothing.
    this.#writer.abort(reason).catch(() => {});
    try {
      void Promise.resolve(this.#duplex.close?.()).catch(() => {});
    } catch {
      // It was closed already.
    }
  }
}

const NO_CLOSE_FRAME = 1006;
