/** A WebSocketStream over any duplex of bytes. */

import {
  type Bytes,
  type ClientSessionOptions,
  Connect,
  type ConnectOptions,
  type HandshakeLimits,
  type HeadersInput,
  type Outcome,
  type Policy,
  refusal,
  type Session,
  type SessionLimits,
  type SessionManner,
  Upgrade,
  UpgradeReader,
  type UpgradeRequest,
  WscodecError,
} from "../index.ts";

/** A transport: what runtimes have for TCP and TLS, and what `TransformStream`s are made to. */
export interface Duplex {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/** A client's end: what it asks for. */
export interface ClientStreamOptions extends ConnectOptions, ClientSessionOptions {
  readonly role: "client";
}

/** A server's end: what it grants. */
export interface ServerStreamOptions extends Policy, SessionManner, SessionLimits, HandshakeLimits {
  readonly role: "server";
  /**
   * Looks at a request that the policy grants: further headers for the answer. What it
   * throws refuses, with the status that a HandshakeError has.
   */
  upgrade?(upgrade: Upgrade): HeadersInput | void | Promise<HeadersInput | void>;
}

/** What a {@link SocketStream} is once the handshake is done. */
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

const HIGH_WATER = 64 * 1024;

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
 */
export class SocketStream {
  /** Fails with what the handshake failed with. */
  readonly opened: Promise<Opened>;
  /** Fails with the fault that the connection ended by. */
  readonly closed: Promise<Closed>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #options: ClientStreamOptions | ServerStreamOptions;
  #session: Session | undefined;
  #messages: ReadableStreamDefaultController<string | Uint8Array<ArrayBuffer>> | undefined;
  #commands: WritableStreamDefaultController | undefined;
  #deadline: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #gone = false;
  #wake: (() => void) | undefined;
  #open!: (opened: Opened) => void;
  #refuse!: (error: unknown) => void;

  constructor(duplex: Duplex, options: ClientStreamOptions | ServerStreamOptions) {
    this.#options = options;
    this.#reader = duplex.readable.getReader();
    this.#writer = duplex.writable.getWriter();
    this.opened = new Promise((resolve, reject) => {
      this.#open = resolve;
      this.#refuse = reject;
    });
    this.closed = this.#run();
    // Who awaits neither is not to be ended by that.
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
    if (session === undefined) return this.#drop();
    if (session.state !== "open" && session.state !== "peer-closed") return;
    session.close(closeCode ?? (reason === undefined ? undefined : 1000), reason);
    this.#arm();
    void this.#flush();
    // Whoever does not read messages any more shall not keep the close from coming.
    this.#wake?.();
  }

  /** Lets the transport go at once, without a close frame. */
  terminate(): void {
    this.#drop();
  }

  /** Sets the timer for what is due next. One for each: workers don't share them. */
  #arm(): void {
    clearTimeout(this.#timer);
    const due = this.#deadline ?? this.#session?.deadline;
    if (due === undefined || this.#gone) return;
    const left = Math.min(Math.max(due - performance.now(), 0), 2 ** 31 - 1);
    this.#timer = setTimeout(() => this.#tick(), left);
  }

  #tick(): void {
    if (this.#deadline !== undefined) return this.#drop();
    try {
      this.#session?.tick(performance.now());
    } catch {
      // The session knows.
      this.#drop();
    }
    void this.#flush();
    this.#arm();
  }

  get #closeTimeout(): number {
    return this.#options.closeTimeout ?? 10_000;
  }

  async #run(): Promise<Closed> {
    let session: Session;
    try {
      const [made, opened, rest] = await this.#handshake();
      session = this.#session = made;
      this.#arm();
      this.#open({ ...opened, ...this.#streams(session) });
      if (rest.length > 0) await this.#receive(session, rest);
    } catch (error) {
      this.#refuse(error);
      this.#drop(error);
      throw error;
    }
    try {
      while (session.state !== "closed") {
        await this.#room(session);
        const { value, done } = await this.#reader.read();
        if (done) break;
        await this.#receive(session, value);
      }
      await this.#leave(session);
    } catch {
      // The transport was lost, or the peer at fault: the session knows.
    }
    return this.#ended(session);
  }

  async #handshake(): Promise<[Session, Pick<Opened, "protocol" | "extensions">, Uint8Array]> {
    const options = this.#options;
    if (options.role === "client") {
      const connect = new Connect(options);
      await this.#writer.write(connect.bytes);
      for (;;) {
        const { value, done } = await this.#reader.read();
        if (done) throw connect.cut();
        if (connect.push(value)) break;
      }
      const header = connect.response?.header("sec-websocket-extensions") ?? "";
      const opened = { protocol: connect.response?.protocol ?? "", extensions: header };
      return [connect.session(options), opened, connect.rest];
    }
    const reader = new UpgradeReader(options);
    try {
      let request: UpgradeRequest | undefined;
      while (request === undefined) {
        const { value, done } = await this.#reader.read();
        if (done) throw new TypeError("the transport ended before the request did");
        request = reader.push(value);
      }
      const upgrade = new Upgrade(request, options);
      const headers = (await options.upgrade?.(upgrade)) ?? undefined;
      await this.#writer.write(upgrade.accept(headers));
      const opened = {
        protocol: upgrade.protocol ?? "",
        extensions: upgrade.deflate?.header ?? "",
      };
      return [upgrade.session(options), opened, reader.rest];
    } catch (error) {
      reader.free();
      if (error instanceof WscodecError && error.status !== undefined) {
        // Who was refused may have gone already.
        const answered = this.#writer.write(refusal(error));
        await answered.then(() => this.#writer.close()).catch(() => {});
      }
      throw error;
    }
  }

  #streams(session: Session): Pick<Opened, "readable" | "writable"> {
    const readable = new ReadableStream<string | Uint8Array<ArrayBuffer>>(
      {
        start: (controller) => void (this.#messages = controller),
        pull: () => this.#wake?.(),
        cancel: () => {
          this.#messages = undefined;
          this.close();
        },
      },
      { highWaterMark: HIGH_WATER, size: (message) => 16 + (message?.length ?? 0) },
    );
    const writable = new WritableStream<string | Bytes>(
      {
        start: (controller) => void (this.#commands = controller),
        write: (data) => {
          session.send(data);
          return this.#flush();
        },
        close: () => this.close(),
        abort: (reason) => {
          const { closeCode } = (reason ?? {}) as { closeCode?: number };
          this.close(closeCode === undefined ? {} : { closeCode });
        },
      },
      { highWaterMark: 1 },
    );
    return { readable, writable };
  }

  /** Goes through a chunk at once, and sends what that calls for. */
  async #receive(session: Session, chunk: Uint8Array): Promise<void> {
    const messages: (string | Uint8Array<ArrayBuffer>)[] = [];
    try {
      session.receive(chunk);
      for (let event = session.next(); event !== undefined; event = session.next()) {
        if (event.opcode === 1) messages.push(event.text());
        else if (event.opcode === 2) messages.push(event.copy());
      }
    } finally {
      // Only now: whoever reads may at once have other sessions receive.
      for (const message of messages) this.#messages?.enqueue(message);
      await this.#flush();
    }
  }

  /** Waits until there is room for messages, or no more are wanted. */
  async #room(session: Session): Promise<void> {
    while ((this.#messages?.desiredSize ?? 1) <= 0 && session.state === "open") {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async #flush(): Promise<void> {
    const session = this.#session;
    if (session === undefined || session.bufferedAmount === 0) return;
    const written = this.#writer.write(session.take());
    written.catch(() => {});
    await this.#writer.ready;
  }

  /** Both sides have closed: the server ends the transport, a client waits for it to. */
  async #leave(session: Session): Promise<void> {
    if (session.state !== "closed") return;
    this.#deadline = performance.now() + this.#closeTimeout;
    this.#arm();
    if (this.#options.role === "server") await this.#writer.close();
    while (!(await this.#reader.read()).done);
    if (this.#options.role === "client") await this.#writer.close();
  }

  #ended(session: Session): Closed {
    try {
      session.end();
    } catch {
      // It is the outcome's.
    }
    const outcome = session.outcome as Outcome;
    const { error } = outcome;
    session.free();
    this.#drop(error);
    void this.#endMessages(error);
    this.#commands?.error(error ?? new Error("the connection is closed"));
    if (error !== undefined) throw error;
    return { closeCode: outcome.code, ...outcome };
  }

  /** Ends the stream of messages; with an error when those that it holds were read. */
  async #endMessages(error: unknown): Promise<void> {
    while (error !== undefined && (this.#messages?.desiredSize ?? HIGH_WATER) < HIGH_WATER) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    try {
      if (error === undefined) this.#messages?.close();
      else this.#messages?.error(error);
    } catch {
      // It was cancelled.
    }
  }

  /** Lets the transport go. */
  #drop(reason?: unknown): void {
    this.#gone = true;
    clearTimeout(this.#timer);
    this.#wake?.();
    this.#reader.cancel(reason).catch(() => {});
    this.#writer.close().catch(() => {});
  }
}
