/** Messages to send, one or a batch, into the module's memory or the caller's. */

import { asTextOrBytes, asUint8Array, type Bytes, isUint8Array, lengthOf } from "../bytes/bytes.ts";
import type { DeflateOptions } from "../deflate/options.ts";
import { errorOf } from "../error/errors.ts";
import type { Role } from "../frame/options.ts";
import { useAfterFree } from "../memory/freed.ts";
import { Lent } from "../memory/lent.ts";
import { copyOut } from "../memory/copy.ts";
import { buffer, refresh } from "../memory/memory.ts";
import { checkGiven } from "../options/check.ts";
import { encoderChecks } from "../options/tables.ts";
import { firstByte, type FrameOptions } from "./frame.ts";
import { keysFrom } from "./keys.ts";
import { isPrepared, type PreparedMessage } from "./prepared-form.ts";
import {
  addClose,
  addControl,
  addFragment,
  addPrepared,
  BINARY,
  closeCode,
  copyInto,
  kindOfMessage,
  put,
  TEXT,
  UNCHECKED_TEXT,
} from "./sending.ts";
import { compressingSlot, type EncoderSlot, giveSlot, takeSlot } from "./slot.ts";

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

/** How much memory for output an encoder keeps that compresses. */
const OWN_OUTPUT = 4 * 1024;

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
 * for compressing and within a message in fragments.
 */
export class MessageEncoder {
  /** Where the frames are; none if there are none. One that compresses always has it. */
  #slot: EncoderSlot | undefined;
  readonly #lent = new Lent();
  readonly #keys: (() => number) | undefined;
  readonly #compresses: boolean;
  /** Whether not all fragments of a message were added. */
  #isOpen = false;
  #isFreed = false;

  /** @throws TypeError or RangeError with the name of an option that is wrong or unknown */
  constructor(options: MessageEncoderOptions) {
    checkGiven("MessageEncoder", options, encoderChecks);
    const { role, deflate } = options;
    if (role !== "client" && role !== "server") {
      throw new TypeError('role must be "client" or "server"');
    }
    const keys = role === "client" ? keysFrom(options.maskKey) : undefined;
    this.#keys = keys;
    this.#compresses = deflate !== undefined;
    this.#slot = deflate && compressingSlot(deflate, keys);
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
    if (typeof data === "string") {
      const slot = this.#use();
      try {
        const length = slot.frames.putText(data);
        return this.#added(slot.sender.send(TEXT, length, slot.key()));
      } catch (error) {
        throw this.#refused(error);
      }
    }
    return this.#bytes(UNCHECKED_TEXT, isUint8Array(data) ? data : (asTextOrBytes(data) as Uint8Array));
  }

  /**
   * Adds a binary message.
   *
   * @throws MisuseError `MESSAGE_UNFINISHED` between {@link begin} and
   * {@link finish}
   */
  binary(data: Bytes): this {
    return this.#bytes(BINARY, isUint8Array(data) ? data : asUint8Array(data));
  }

  /**
   * Adds a message that was framed before, for many: compressed, if the peer can read
   * that.
   *
   * @throws MisuseError `MESSAGE_UNFINISHED` between {@link begin} and
   * {@link finish}; TypeError for what is no `Prepared` of this version
   */
  prepared(message: PreparedMessage): this {
    return this.#with((slot) => addPrepared(slot, message));
  }

  /**
   * Adds the first fragment of a message. The message's length need not be known yet.
   * Control frames may come before the next fragment, other messages only after
   * the last (RFC 6455 §5.4). The bytes of a text may be cut within a character.
   *
   * @throws MisuseError `TEXT_NOT_UTF8`, `MESSAGE_UNFINISHED`
   */
  begin(type: "text" | "binary", data: string | Bytes = ""): this {
    return this.#fragment(kindOfMessage(type), false, data);
  }

  /**
   * Adds the next fragment of a message, not its last.
   *
   * @throws MisuseError `TEXT_NOT_UTF8`, `NO_MESSAGE_BEGUN`
   */
  more(data: string | Bytes): this {
    return this.#fragment(0, false, data);
  }

  /**
   * Adds the last fragment of a message, which may be empty.
   *
   * @throws as {@link more}
   */
  finish(data: string | Bytes = ""): this {
    return this.#fragment(0, true, data);
  }

  /**
   * Adds a ping.
   *
   * @throws MisuseError `CONTROL_PAYLOAD_TOO_LONG` over 125 bytes
   */
  ping(data: string | Bytes = ""): this {
    return this.#with((slot) => addControl(slot, false, data));
  }

  /**
   * Adds a pong.
   *
   * @throws MisuseError `CONTROL_PAYLOAD_TOO_LONG` over 125 bytes
   */
  pong(data: string | Bytes = ""): this {
    return this.#with((slot) => addControl(slot, true, data));
  }

  /**
   * Adds a close frame, without a code if none is given.
   *
   * @throws MisuseError `CLOSE_CODE_NOT_SENDABLE`, or `CLOSE_REASON_TOO_LONG`
   * over 123 bytes
   */
  close(code?: number, reason = ""): this {
    const number = closeCode(code, reason);
    return this.#with((slot) => addClose(slot, number, reason));
  }

  /**
   * Adds a frame of any kind: a fragment, one with reserved bits. Text is not
   * checked here, and neither is the order of fragments; nothing is compressed.
   *
   * @throws MisuseError for control frames that are too long or not final
   */
  frame(options: FrameOptions, data: string | Bytes): this {
    const first = firstByte(options);
    return this.#with((slot) => {
      const length = put(slot.frames, data);
      return slot.sender.frame(first, length, slot.key());
    });
  }

  /** Bytes of all the frames that wait to be taken. */
  get length(): number {
    const slot = this.#slot;
    if (slot === undefined) return this.#nothing();
    refresh();
    return slot.frames.length;
  }

  /**
   * The frames, lent: valid until the next call of this encoder, or of anything
   * else here that may need more memory.
   */
  bytes(): Uint8Array<ArrayBuffer> {
    const slot = this.#slot;
    refresh();
    if (slot === undefined) return this.#lent.lend(buffer, this.#nothing(), 0);
    const { frames } = slot;
    return this.#lent.lend(buffer, frames.address, frames.length);
  }

  /**
   * The frames, copied out; the encoder is empty then. In Node and Deno up to 4 KiB may share an
   * `ArrayBuffer` with other copies, as small `Buffer`s do: don't transfer it to another thread.
   */
  take(): Uint8Array<ArrayBuffer> {
    const slot = this.#slot;
    if (slot === undefined) return copyOut(0, this.#nothing());
    refresh();
    const taken = slot.frames.copy();
    this.#empty(slot);
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
    const bytes = asUint8Array(target, "target");
    const slot = this.#slot;
    if (slot === undefined) return copyInto(undefined, bytes, offset) + this.#nothing();
    refresh();
    const length = copyInto(slot.frames, bytes, offset);
    this.#empty(slot);
    return length;
  }

  /** Forgets the frames. */
  clear(): void {
    const slot = this.#slot;
    if (slot === undefined) {
      this.#nothing();
      return;
    }
    refresh();
    this.#empty(slot);
  }

  /** Bytes of the module's memory that this holds: for frames, and for compressing. */
  memory(): number {
    return this.#slot?.sender.memory() ?? this.#nothing();
  }

  /**
   * Gives memory back that is not needed until the next message, for connections
   * that are idle; frames that wait to be taken stay. An engine of its own goes
   * wholly, so that the next message refers to none before it; within a message,
   * it stays.
   */
  release(): void {
    const slot = this.#slot;
    if (slot === undefined) this.#nothing();
    else slot.sender.release();
  }

  /**
   * Frees the encoder's part of the module's memory. All use of the encoder afterwards throws
   * MisuseError `FREED`, except for this method, which does nothing then.
   */
  free(): void {
    this.#lent.expire();
    this.#isFreed = true;
    const slot = this.#slot;
    if (slot === undefined) return;
    this.#slot = undefined;
    refresh();
    slot.frames.clear();
    // The module's part knows of a message that is begun, and can't be another encoder's then.
    if (this.#compresses || this.#isOpen) slot.sender.free();
    else giveSlot(slot);
  }

  /** The same as {@link free}, for `using`. */
  [Symbol.dispose](): void {
    this.free();
  }

  #bytes(how: number, data: Uint8Array): this {
    const slot = this.#use();
    try {
      const length = lengthOf(data);
      slot.frames.putBytes(data, length);
      return this.#added(slot.sender.send(how, length, slot.key()));
    } catch (error) {
      throw this.#refused(error);
    }
  }

  #fragment(kind: number, last: boolean, data: string | Bytes): this {
    this.#with((slot) => addFragment(slot, kind, last, data));
    this.#isOpen = !last;
    return this;
  }

  /** Runs a command, which returns the number of an error. */
  #with(command: (slot: EncoderSlot) => number): this {
    const slot = this.#use();
    try {
      return this.#added(command(slot));
    } catch (error) {
      throw this.#refused(error);
    }
  }

  /** The slot, or one that nobody uses. */
  #use(): EncoderSlot {
    let slot = this.#slot;
    if (slot === undefined) {
      this.#nothing();
      slot = this.#slot = takeSlot(this.#keys);
    }
    refresh();
    return slot;
  }

  #added(error: number): this {
    if (error !== 0) throw errorOf(error);
    this.#lent.expire();
    return this;
  }

  /** An error, after which an empty encoder holds no memory either. */
  #refused(error: unknown): unknown {
    if (this.length === 0) this.clear();
    return error;
  }

  /** How much is there without a slot. */
  #nothing(): number {
    if (this.#isFreed) throw useAfterFree();
    return 0;
  }

  /** Forgets the frames, and lets others have the slot. */
  #empty(slot: EncoderSlot): void {
    this.#lent.expire();
    const { frames } = slot;
    frames.clear();
    if (this.#isOpen) return;
    if (this.#compresses) {
      if (frames.room > OWN_OUTPUT) slot.sender.taken(OWN_OUTPUT);
      return;
    }
    this.#slot = undefined;
    giveSlot(slot);
  }
}
