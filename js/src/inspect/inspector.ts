/** Captures and live connections in, events out. */

import type { DeflateDirection, DeflateOptions } from "../deflate/options.ts";
import { eventsOf, type Direction, type InspectEvent } from "./events.ts";
import { FileInspector, StreamInspector, takeText } from "./module.ts";
import { checked, type InspectOptions } from "./options.ts";

/** A file that can't be read, or not to its end. Its events before the damage were reported. */
export class SourceError extends Error {
  override name = "SourceError";
}

/**
 * Inspects captures and other files with WebSocket traffic, which are pushed in pieces. The format
 * is recognised by the contents: pcap or pcapng, perhaps compressed by gzip or zstd.
 *
 * ```ts
 * import { readFileSync } from "node:fs";
 * import { Inspector } from "wscodec/inspect";
 *
 * using inspector = new Inspector({ frames: false });
 * const events = [...inspector.push(readFileSync("capture.pcap")), ...inspector.finish()];
 * for (const event of events) {
 *   if (event.type === "message") console.log(event.dir, event.text ?? event.bytes);
 * }
 * if (inspector.error) throw inspector.error;
 * ```
 */
export class Inspector {
  #module: FileInspector;
  #error: SourceError | undefined;

  /** @throws TypeError for an option that does not exist or has a wrong value */
  constructor(options: InspectOptions = {}) {
    const { frames, messages, payload, maxMemory } = checked(options);
    this.#module = new FileInspector(frames, messages, payload, maxMemory);
  }

  /**
   * Takes TLS keys, as the lines of an `SSLKEYLOGFILE`. They are needed before the packets that they
   * decrypt. Keys in a capture are taken by themselves.
   */
  keys(lines: Uint8Array | string): void {
    this.#module.keys(utf8(lines));
  }

  /**
   * Takes the next bytes of the file, and returns the events in them. The events do not depend on how
   * the file is cut. After an {@link error} the bytes are dropped.
   */
  push(bytes: Uint8Array): InspectEvent[] {
    if (this.#error === undefined) this.#note(this.#module.push(bytes));
    return eventsOf(takeText(this.#module));
  }

  /** Says that the file is at its end, and returns the events that were still held. */
  finish(): InspectEvent[] {
    this.#note(this.#module.finish());
    return eventsOf(takeText(this.#module));
  }

  /** The reason why the file cannot be read, or not to its end; `undefined` as long as it can. */
  get error(): SourceError | undefined {
    return this.#error;
  }

  /** Gives the memory back. No other method may be called after it. */
  free(): void {
    this.#module.free();
  }

  [Symbol.dispose](): void {
    this.free();
  }

  #note(sentence: string | undefined): void {
    if (sentence !== undefined) this.#error ??= new SourceError(sentence);
  }
}

/** The options of a {@link ConversationInspector}, which describe its connection. */
export interface ConversationOptions extends InspectOptions {
  /**
   * How the connection begins: with HTTP, which may be encrypted by TLS (`"handshake"`, the default);
   * with frames; or in the middle, so that the first frame of each direction has to be found.
   */
  readonly start?: "handshake" | "frames" | "middle";
  /**
   * If it begins with frames: what the server has agreed to about permessage-deflate. `send` is
   * what the server compresses. The members that concern only a compressor are ignored.
   */
  readonly deflate?: DeflateOptions;
  /** The address and port of the client, such as `"127.0.0.1:50000"` or `"[::1]:50000"`. */
  readonly client?: string;
  /** The address and port of the server. */
  readonly server?: string;
}

const STARTS = ["handshake", "frames", "middle"] as const;

/**
 * Inspects the bytes of one connection, as a program sees them that stands between client and server.
 *
 * ```ts
 * import { ConversationInspector } from "wscodec/inspect";
 *
 * using inspector = new ConversationInspector();
 * client.on("data", (bytes) => show(inspector.push("c2s", bytes)));
 * server.on("data", (bytes) => show(inspector.push("s2c", bytes)));
 * ```
 */
export class ConversationInspector {
  #module: StreamInspector;

  /** @throws TypeError for an option that does not exist or has a wrong value */
  constructor(options: ConversationOptions = {}) {
    const own = ["start", "deflate", "client", "server"];
    const { frames, messages, payload, maxMemory } = checked(options, own);
    const { start = "handshake", deflate, client, server } = options;
    const kind = STARTS.indexOf(start);
    if (kind < 0) throw new TypeError('the option start takes "handshake", "frames" or "middle"');
    const agreed = deflate ? [...numbers(deflate.receive), ...numbers(deflate.send)] : [];
    for (const [name, value] of [["client", client], ["server", server]] as const) {
      if (value !== undefined && typeof value !== "string") {
        throw new TypeError(`the option ${name} takes a string`);
      }
    }
    try {
      this.#module = new StreamInspector(
        frames, messages, payload, maxMemory, kind, Uint8Array.from(agreed), client, server,
        Date.now(),
      );
    } catch (sentence) {
      throw new TypeError(String(sentence));
    }
  }

  /** Takes TLS keys, as the lines of an `SSLKEYLOGFILE`, before the bytes that they decrypt. */
  keys(lines: Uint8Array | string): void {
    this.#module.keys(utf8(lines));
  }

  /**
   * Takes the next bytes of a direction, and returns the events in them.
   *
   * @param time when they arrived, in milliseconds since 1970; default: now
   */
  push(direction: Direction, bytes: Uint8Array, time = Date.now()): InspectEvent[] {
    this.#module.push(fromServer(direction), bytes, time);
    return eventsOf(takeText(this.#module));
  }

  /** Says that so many bytes of a direction are missing. */
  skip(direction: Direction, length: number, time = Date.now()): InspectEvent[] {
    this.#module.skip(fromServer(direction), length, time);
    return eventsOf(takeText(this.#module));
  }

  /** Says that a direction is at its end. */
  end(direction: Direction, time = Date.now()): InspectEvent[] {
    this.#module.end(fromServer(direction), time);
    return eventsOf(takeText(this.#module));
  }

  /** Says that the connection has ended, and returns what was still held and its end. */
  finish(): InspectEvent[] {
    this.#module.finish();
    return eventsOf(takeText(this.#module));
  }

  /** Gives the memory back. No other method may be called after it. */
  free(): void {
    this.#module.free();
  }

  [Symbol.dispose](): void {
    this.free();
  }
}

/** Anything that gives bytes: a stream of the web, a stream of Node, an array of chunks. */
export type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * Inspects a file that is read in chunks, and gives its events one by one.
 *
 * ```ts
 * import { createReadStream } from "node:fs";
 * import { inspect } from "wscodec/inspect";
 *
 * for await (const event of inspect(createReadStream("capture.pcapng"))) {
 *   if (event.type === "violation") console.log(event.section, event.message);
 * }
 * ```
 *
 * @param options as of an {@link Inspector}; `keys` are the lines of an `SSLKEYLOGFILE`
 * @throws SourceError if the file can't be read, after the events before the damage
 */
export async function* inspect(
  chunks: Chunks,
  options: InspectOptions & { readonly keys?: Uint8Array | string } = {},
): AsyncGenerator<InspectEvent, void, undefined> {
  const { keys, ...rest } = options;
  const inspector = new Inspector(rest);
  try {
    if (keys !== undefined) inspector.keys(keys);
    for await (const chunk of chunks) {
      yield* inspector.push(chunk);
      if (inspector.error) break;
    }
    yield* inspector.finish();
    if (inspector.error) throw inspector.error;
  } finally {
    inspector.free();
  }
}

/** A direction in the module's numbers. */
function numbers({ contextTakeover = true, windowBits = 15 }: DeflateDirection = {}): number[] {
  if (typeof contextTakeover !== "boolean") {
    throw new TypeError("contextTakeover takes a boolean");
  }
  if (!(Number.isInteger(windowBits) && windowBits >= 8 && windowBits <= 15)) {
    throw new TypeError("windowBits takes a whole number from 8 to 15");
  }
  return [Number(contextTakeover), windowBits];
}

function fromServer(direction: Direction): boolean {
  if (direction !== "c2s" && direction !== "s2c") {
    throw new TypeError('a direction is "c2s" or "s2c"');
  }
  return direction === "s2c";
}

function utf8(lines: Uint8Array | string): Uint8Array {
  return typeof lines === "string" ? new TextEncoder().encode(lines) : lines;
}
