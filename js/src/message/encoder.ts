/** Frames to send, one or a batch, into the module's memory or the caller's. */

import type { Output } from "../wasm/module.ts";
import {
  asTextOrBytes,
  asUint8Array,
  type Bytes,
  copied,
  isUint8Array,
  kindOf,
  lengthOf,
  memoryOf,
} from "../bytes/bytes.ts";
import { errorOf, misuse, named, type WscodecError } from "../error/errors.ts";
import { Lent } from "../memory/lent.ts";
import { deflaterFor } from "../deflate/compressor.ts";
import type { Deflater } from "../deflate/module.ts";
import type { DeflateOptions } from "../deflate/options.ts";
import { useAfterFree } from "../memory/freed.ts";
import { buffer, encodeText, heap, putLongText, refresh } from "../memory/memory.ts";
import type { Role } from "../frame/options.ts";
import { flag, integer } from "../limits/check.ts";
import { checkGiven } from "../options/check.ts";
import { encoderChecks } from "../options/tables.ts";
import { isPrepared, type PreparedMessage, preparedOf } from "./prepared-form.ts";
import { copyOut, few } from "../memory/copy.ts";
import { giveRegion, Region, takeRegion } from "../memory/region.ts";

/** How a {@link MessageEncoder} writes. */
export interface MessageEncoderOptions {
  /** The side that sends: a `"client"` masks its frames, a `"server"` does not. */
  readonly role: Role;
  /**
   * Where mask keys come from, 32 bits each; by default from
   * `crypto.getRandomValues`. A key has to be new and unforeseeable for each
   * frame (RFC 6455 §5.3), so this is for tests and replays.
   */
  readonly maskKey?: (() => number) | undefined;
  /**
   * permessage-deflate as it was agreed on, by `acceptDeflate` or `DeflateOffer`:
   * messages are compressed as its `send`, `level` and `threshold` say. By
   * default, and with `undefined`, none is.
   */
  readonly deflate?: DeflateOptions | undefined;
}

/** What a frame is, apart from its payload. */
export interface FrameOptions {
  /** 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong. */
  readonly opcode: number;
  /** Whether the frame ends its message; default true. */
  readonly fin?: boolean;
  /** The reserved bits, RSV1 = 4; default 0. */
  readonly rsv?: number;
}

const TEXT = 0x81;
const BINARY = 0x82;
const CLOSE = 0x88;
const PING = 0x89;
const PONG = 0x8a;

const FIN = 0x80;
const RSV1 = 0x40;

// How a payload is written: as it is; as a message, which is compressed unless it is small; as a
// fragment; or not at all, because another message is begun.
const PLAIN = 0;
const WHOLE = 1;
const PART = 2;
const REFUSED = 3;

const MAX_HEADER = 14;

/** Text of up to this many bytes fits into a new region. */
const USUAL = 16 * 1024 - MAX_HEADER;

/**
 * Writes frames one behind the other, until they are taken.
 *
 * ```js
 * const encoder = new MessageEncoder({ role: "server" });
 * encoder.text("Hello").ping();
 * socket.write(encoder.take());
 * ```
 *
 * With `deflate` in the options, what is added has to be sent, in that order:
 * later messages may refer to it.
 *
 * An encoder from which everything was taken holds no memory of the module, but
 * for compressing.
 */
export class MessageEncoder {
  /** Where the frames are; none if there are none. */
  #region: Region | undefined;
  #length = 0;
  #lent = new Lent();
  #key: (() => number) | undefined;
  #deflater: Deflater | undefined;
  /** How whole messages are written. It is one field, because most messages are small and plain. */
  #whole = PLAIN;
  /** The message of which not all fragments were added. */
  #open: "text" | "binary" | undefined;

  /** @throws TypeError or RangeError with the name of an option that is wrong or unknown */
  constructor(options: MessageEncoderOptions) {
    checkGiven("MessageEncoder", options, encoderChecks);
    const { role } = options;
    if (role !== "client" && role !== "server") {
      throw new TypeError('role must be "client" or "server"');
    }
    this.#key = role === "client" ? keysFrom(options.maskKey) : undefined;
    if (options.deflate !== undefined) {
      this.#deflater = deflaterFor(options.deflate);
      this.#whole = WHOLE;
    }
    refresh();
  }

  /**
   * Adds a message: text for a string, a `Prepared` as it is, otherwise binary.
   *
   * @throws as {@link text}
   */
  send(data: string | Bytes | PreparedMessage): this {
    if (typeof data === "string") return this.text(data);
    return isPrepared(data) ? this.prepared(data) : this.binary(data as Bytes);
  }

  /**
   * Adds a text message. Bytes are checked to be UTF-8; lone surrogates of a
   * string are written as U+FFFD.
   *
   * @throws MisuseError `TEXT_NOT_UTF8`; `MESSAGE_UNFINISHED` between
   * {@link begin} and {@link finish}
   */
  text(data: string | Bytes): this {
    if (typeof data === "string") return this.#string(TEXT, data, this.#whole);
    const bytes = isUint8Array(data) ? data : (asTextOrBytes(data) as Uint8Array);
    return this.#bytes(TEXT, bytes, this.#whole, true);
  }

  /**
   * Adds a binary message.
   *
   * @throws MisuseError `MESSAGE_UNFINISHED` between {@link begin} and
   * {@link finish}
   */
  binary(data: Bytes): this {
    return this.#bytes(BINARY, isUint8Array(data) ? data : asUint8Array(data), this.#whole, false);
  }

  /**
   * Adds a message that was framed before, for many: compressed, if the peer can read
   * that.
   *
   * @throws MisuseError `MESSAGE_UNFINISHED` between {@link begin} and
   * {@link finish}; TypeError for what is no `Prepared` of this version
   */
  prepared(message: PreparedMessage): this {
    const { coded, plain, needs } = preparedOf(message);
    if (this.#open !== undefined) throw named("MESSAGE_UNFINISHED");
    const form = coded !== undefined && this.#deflater?.pass(needs) ? coded : plain;
    const { frame, header } = form;
    const payload = frame.subarray(header);
    if (this.#key !== undefined) {
      return this.#bytes(frame[0] as number, payload, PLAIN, false);
    }
    const region = this.#room(frame.length);
    heap.set(frame, region.address + this.#length);
    return this.#add(region, frame.length);
  }

  /**
   * Adds the first fragment of a message. The message's length need not be known yet.
   * Control frames may come before the next fragment, other messages only after
   * the last (RFC 6455 §5.4). The bytes of a text may be cut within a character.
   *
   * @throws MisuseError `TEXT_NOT_UTF8`, `MESSAGE_UNFINISHED`
   */
  begin(type: "text" | "binary", data: string | Bytes = ""): this {
    if (this.#open !== undefined) throw named("MESSAGE_UNFINISHED");
    if (type !== "text" && type !== "binary") {
      throw new TypeError('type must be "text" or "binary"');
    }
    const checked = asTextOrBytes(data);
    this.#begins(type);
    try {
      const rsv = this.#deflater === undefined ? 0 : RSV1;
      return this.#part((type === "text" ? 1 : 2) | rsv, checked);
    } catch (error) {
      this.#begins(undefined);
      throw error;
    }
  }

  /**
   * Adds the next fragment of a message, not its last.
   *
   * @throws MisuseError `TEXT_NOT_UTF8`, `NO_MESSAGE_BEGUN`
   */
  more(data: string | Bytes): this {
    if (this.#open === undefined) throw this.#nothingBegun();
    return this.#part(0, data);
  }

  /**
   * Adds the last fragment of a message, which may be empty.
   *
   * @throws as {@link more}
   */
  finish(data: string | Bytes = ""): this {
    if (this.#open === undefined) throw this.#nothingBegun();
    this.#part(FIN, data);
    this.#begins(undefined);
    return this;
  }

  /**
   * Adds a ping.
   *
   * @throws MisuseError `CONTROL_PAYLOAD_TOO_LONG` over 125 bytes
   */
  ping(data: string | Bytes = ""): this {
    return this.#any(PING, data, PLAIN);
  }

  /**
   * Adds a pong.
   *
   * @throws MisuseError `CONTROL_PAYLOAD_TOO_LONG` over 125 bytes
   */
  pong(data: string | Bytes = ""): this {
    return this.#any(PONG, data, PLAIN);
  }

  /**
   * Adds a close frame, without a code if none is given.
   *
   * @throws MisuseError `CLOSE_CODE_NOT_SENDABLE`, or `CLOSE_REASON_TOO_LONG`
   * over 123 bytes
   */
  close(code?: number, reason = ""): this {
    if (typeof reason !== "string") {
      throw new TypeError(`reason must be a string, not ${kindOf(reason)}`);
    }
    if (code === undefined) {
      if (reason !== "") throw misuse("CLOSE_REASON_ALONE", "a close reason needs a code");
      return this.#any(CLOSE, "", PLAIN);
    }
    const words = textEncoder.encode(reason);
    const { output } = this.#room(2 + words.length);
    const error = output.check_close(integer("code", code, 65535), words.length);
    if (error !== 0) throw this.#refuse(errorOf(error));
    const payload = new Uint8Array(2 + words.length);
    payload[0] = code >>> 8;
    payload[1] = code;
    payload.set(words, 2);
    return this.#bytes(CLOSE, payload, PLAIN, false);
  }

  /**
   * Adds a frame of any kind: a fragment, one with reserved bits. Text is not
   * checked here, and neither is the order of fragments; nothing is compressed.
   *
   * @throws MisuseError for control frames that are too long or not final
   */
  frame(options: FrameOptions, data: string | Bytes): this {
    const fin = flag("fin", options.fin ?? true);
    const rsv = integer("rsv", options.rsv ?? 0, 7);
    const opcode = integer("opcode", options.opcode, 15);
    return this.#any((fin ? FIN : 0) | (rsv << 4) | opcode, data, PLAIN);
  }

  /** Bytes of all the frames that wait to be taken. */
  get length(): number {
    return this.#length;
  }

  /**
   * The frames, lent: valid until the next call of this encoder, or of anything
   * else here that may need more memory.
   */
  bytes(): Uint8Array<ArrayBuffer> {
    refresh();
    return this.#lent.lend(buffer, this.#address(), this.#length);
  }

  /**
   * The frames, copied out; the encoder is empty then. In Node and Deno up to 4 KiB may share an
   * `ArrayBuffer` with other copies, as small `Buffer`s do: don't transfer it to another thread.
   */
  take(): Uint8Array<ArrayBuffer> {
    refresh();
    const address = this.#address();
    const taken = copyOut(address, this.#length);
    this.clear();
    return taken;
  }

  /**
   * Copies the frames into the caller's buffer, from `offset` on, and says how
   * many bytes that took; the encoder is empty then. The buffer's memory may
   * be shared.
   *
   * @throws MisuseError `BUFFER_TOO_SMALL`; nothing is lost then
   */
  takeInto(target: Bytes, offset = 0): number {
    refresh();
    const bytes = asUint8Array(target, "target");
    const length = this.#length;
    if (integer("offset", offset) + length > bytes.length) {
      throw misuse("BUFFER_TOO_SMALL", "the buffer is too small");
    }
    const address = this.#address();
    bytes.set(heap.subarray(address, address + length), offset);
    this.clear();
    return length;
  }

  /** Forgets the frames. */
  clear(): void {
    this.#lent.expire();
    this.#length = 0;
    const region = this.#region;
    if (region === FREED) throw useAfterFree();
    // The text of a message in fragments is checked there.
    if (region === undefined || this.#open !== undefined) return;
    this.#region = undefined;
    giveRegion(region);
  }

  /** Bytes of the module's memory that this holds: for frames, and for compressing. */
  memory(): number {
    if (this.#region === FREED) throw useAfterFree();
    return (this.#region?.capacity ?? 0) + (this.#deflater?.memory() ?? 0);
  }

  /**
   * Gives memory back that is not needed until the next message, for connections
   * that are idle; frames that wait to be taken stay. An engine of its own goes
   * wholly, so that the next message refers to none before it; within a message,
   * it stays.
   */
  release(): void {
    if (this.#region === FREED) throw useAfterFree();
    this.#deflater?.release();
  }

  /** Whether nothing of it is needed by what is sent next. @internal */
  get isIdle(): boolean {
    return this.#region === undefined && this.#deflater === undefined;
  }

  /**
   * Frees the encoder's part of the module's memory. All use of the encoder afterwards throws
   * MisuseError `FREED`, except for this method, which does nothing then.
   */
  free(): void {
    const region = this.#region;
    if (region === FREED) return;
    this.#lent.expire();
    this.#open = undefined;
    this.#length = 0;
    this.#region = FREED;
    if (region !== undefined) giveRegion(region);
    this.#deflater?.free();
    this.#deflater = undefined;
  }

  /** The same as {@link free}, for `using`. */
  [Symbol.dispose](): void {
    this.free();
  }

  #begins(type: "text" | "binary" | undefined): void {
    this.#open = type;
    if (type !== undefined) this.#whole = REFUSED;
    else this.#whole = this.#deflater === undefined ? PLAIN : WHOLE;
  }

  #part(first: number, data: string | Bytes): this {
    if ((first & RSV1) !== 0) this.#deflater?.begin();
    return this.#any(first, data, PART);
  }

  #any(first: number, data: string | Bytes, how: number): this {
    if (typeof data === "string") return this.#string(first, data, how);
    const bytes = isUint8Array(data) ? data : (asTextOrBytes(data) as Uint8Array);
    return this.#bytes(first, bytes, how, false);
  }

  #bytes(first: number, data: Uint8Array, how: number, text: boolean): this {
    const length = lengthOf(data);
    let region = this.#region;
    let stable = data;
    if (region === undefined || this.#length + MAX_HEADER + length > region.capacity) {
      // A view on the memory, such as a decoder lends, would be gone when that grows.
      if (!this.#fits(length) && memoryOf(data) === buffer) stable = copied(data);
      region = this.#room(length);
    } else {
      refresh();
    }
    const at = this.#length + this.#headerLength(length);
    heap.set(stable, region.address + at);
    if (text && !region.output.is_utf8(at, length)) throw this.#refuse(named("TEXT_NOT_UTF8"));
    return this.#finish(region, first, length, how);
  }

  #string(first: number, data: string, how: number): this {
    const most = data.length * 3;
    let region = this.#region;
    if (region === undefined) {
      if (most > USUAL) return this.#longString(first, data, how);
      region = this.#room(most);
    } else {
      if (this.#length + MAX_HEADER + most > region.capacity) return this.#longString(first, data, how);
      refresh();
    }
    // Most text is ASCII: its length in bytes is nearly always the string's.
    const guess = this.#headerLength(data.length);
    const start = region.address + this.#length;
    const length = encodeText(data, start + guess, most);
    const header = this.#headerLength(length);
    if (header !== guess) {
      heap.copyWithin(start + header, start + guess, start + guess + length);
    }
    return this.#finish(region, first, length, how);
  }

  /** Text for which three times its length may be too much: it takes exactly its bytes. */
  #longString(first: number, data: string, how: number): this {
    const { length: used } = this;
    const length = putLongText(data, (bytes) => {
      const region = this.#room(bytes);
      return region.address + used + this.#headerLength(bytes);
    });
    return this.#finish(this.#region as Region, first, length, how);
  }

  #finish(region: Region, first: number, length: number, how: number): this {
    if (how !== PLAIN) return this.#add(region, this.#special(region, first, length, how));
    const key = this.#key;
    const masked = key !== undefined;
    const mask = masked ? key() >>> 0 : 0;
    return this.#add(region, region.output.frame(this.#length, first, length, masked, mask));
  }

  #add({ output }: Region, written: number): this {
    if (written === 0) throw this.#refuse(errorOf(output.error()));
    this.#lent.expire();
    this.#length += written;
    return this;
  }

  /** Writes the frame of what is no plain message. */
  #special(region: Region, first: number, length: number, how: number): number {
    if (how === REFUSED) throw named("MESSAGE_UNFINISHED");
    const { output } = region;
    if (how === PART && this.#open === "text") this.#checkPart(output, first, length);
    const deflater = this.#deflater;
    const key = this.#key;
    const at = this.#length;
    const masked = key !== undefined;
    const mask = masked ? key() >>> 0 : 0;
    if (deflater === undefined) return output.frame(at, first, length, masked, mask);
    const written =
      how === WHOLE
        ? output.message(deflater, at, first, length, masked, mask)
        : output.part(deflater, at, first, length, masked, mask);
    region.settle();
    return written;
  }

  /** Sees that the fragments of a text are one. */
  #checkPart(output: Output, first: number, length: number): void {
    const at = this.#length + this.#headerLength(length);
    const begins = (first & 15) !== 0;
    if (!output.is_text(at, length, begins, (first & FIN) !== 0)) {
      throw named("TEXT_NOT_UTF8");
    }
  }

  #headerLength(length: number): number {
    return (length < 126 ? 2 : length < 65536 ? 4 : 10) + (this.#key === undefined ? 0 : 4);
  }

  #fits(length: number): boolean {
    const region = (this.#region ??= takeRegion());
    return region !== undefined && this.#length + MAX_HEADER + length <= region.capacity;
  }

  #room(length: number): Region {
    if (!this.#fits(length)) {
      this.#region ??= new Region();
      this.#region.reserve(this.#length + MAX_HEADER + length);
    }
    refresh();
    return this.#region as Region;
  }

  #nothingBegun(): WscodecError {
    return this.#region === FREED ? useAfterFree() : named("NO_MESSAGE_BEGUN");
  }

  #address(): number {
    return this.#region === undefined ? 0 : this.#region.address;
  }

  /** An error, after which an empty encoder holds no memory either. */
  #refuse(error: WscodecError): WscodecError {
    if (this.#length === 0) this.clear();
    return error;
  }
}

/** In the place of a freed encoder's region: there is never room, and more can't be had. */
const FREED = {
  capacity: -Infinity,
  get address(): never {
    throw useAfterFree();
  },
  get output(): never {
    throw useAfterFree();
  },
  reserve(): never {
    throw useAfterFree();
  },
} as unknown as Region;

/**
 * The header alone of a frame that is not masked, as a server sends it, for `length` bytes of
 * payload that are sent right behind it from where they lie: nothing is copied. As with
 * {@link MessageEncoder.frame}, text is not checked, and neither is the order of fragments.
 *
 * ```js
 * socket.cork();
 * socket.write(frameHeader({ opcode: 2 }, file.length));
 * socket.write(file);
 * socket.uncork();
 * ```
 *
 * @throws MisuseError `RESERVED_OPCODE`; for a control frame `CONTROL_NOT_FINAL`, or
 * `CONTROL_PAYLOAD_TOO_LONG` over 125 bytes
 */
export function frameHeader(options: FrameOptions, length: number): Uint8Array<ArrayBuffer> {
  const opcode = integer("opcode", options.opcode, 15);
  integer("length", length);
  const fin = flag("fin", options.fin ?? true);
  const control = (opcode & 8) !== 0;
  if ((opcode & 7) > 2) throw named("RESERVED_OPCODE");
  if (control && !fin) throw named("CONTROL_NOT_FINAL");
  if (control && length > 125) throw named("CONTROL_PAYLOAD_TOO_LONG");
  const first = (fin ? FIN : 0) | (integer("rsv", options.rsv ?? 0, 7) << 4) | opcode;
  if (length < 126) {
    const short = few(2);
    short[0] = first;
    short[1] = length;
    return short;
  }
  const long = length > 65535;
  const header = few(long ? 10 : 4);
  header[0] = first;
  header[1] = long ? 127 : 126;
  for (let at = header.length, rest = length; --at > 1; rest = Math.floor(rest / 256)) {
    header[at] = rest; // its lowest byte
  }
  return header;
}

const textEncoder = new TextEncoder();

// Keys are drawn many at a time: a call of the random source costs more than a frame.
const keys = new Uint32Array(1024);
let nextKey = keys.length;

/** Where an encoder has its mask keys from. */
/** Where a client's mask keys come from. @internal */
export function keysFrom(maskKey: (() => number) | undefined): () => number {
  if (maskKey === undefined) return randomKey;
  if (typeof maskKey !== "function") throw new TypeError("maskKey must be a function");
  return () => {
    const key = maskKey();
    // Coerced, it would be 0: the payload would go out as it is.
    if (!Number.isInteger(key)) throw new TypeError(`maskKey must return an integer, not ${kindOf(key)}`);
    return key;
  };
}

/** Node's own where the globals are those of a page that has none, as in some test environments. */
function randomSource(): Crypto {
  const { crypto, process } = globalThis as unknown as {
    crypto?: Crypto;
    process?: { getBuiltinModule?(name: string): { webcrypto: Crypto } | undefined };
  };
  const found = crypto ?? process?.getBuiltinModule?.("node:crypto")?.webcrypto;
  if (found === undefined) throw new Error("wscodec needs crypto.getRandomValues; this runtime has none");
  return found;
}

function randomKey(): number {
  if (nextKey === keys.length) {
    randomSource().getRandomValues(keys);
    nextKey = 0;
  }
  return keys[nextKey++] as number;
}
