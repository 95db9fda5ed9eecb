/**
 * How an encoder and a session hand over what is not a whole message. The rules of sending are the
 * module's; here payloads are brought to where it reads them.
 */

import { asTextOrBytes, type Bytes, kindOf, lengthOf } from "../bytes/bytes.ts";
import { misuse, named } from "../error/errors.ts";
import { integer } from "../limits/check.ts";
import type { FrameBuffer } from "../memory/frame-buffer.ts";
import { arena, heap, stage, stageText } from "../memory/memory.ts";
import type { Arena } from "../wasm/module.ts";
import { type PreparedMessage, preparedOf } from "./prepared-form.ts";

// How a payload is sent: a text that is known to be UTF-8, one that is not, or binary.
export const TEXT = 1;
export const UNCHECKED_TEXT = 0;
export const BINARY = 2;

const NO_CODE = -1;
const MAX_CONTROL = 125;
const MAX_REASON = 123;

/** The module's part of an encoder or of a session. All but `pass` return the number of an error. */
interface Sender {
  fragment(kind: number, last: boolean, length: number, key: number): number;
  prepared(first: number, length: number, key: number): number;
  pass(needs: number): boolean;
  control(arena: Arena, pong: boolean, length: number, key: number): number;
  close(arena: Arena, code: number, length: number, key: number): number;
}

/** A sender: the module's part, its output, and the source of mask keys. */
export interface Sending {
  readonly sender: Sender;
  readonly frames: FrameBuffer;
  /** The key of the next frame, 0 at a server. */
  key(): number;
}

/** The number of a kind of message, for {@link addFragment}. */
export function kindOfMessage(type: "text" | "binary"): number {
  if (type === "text") return 1;
  if (type === "binary") return 2;
  throw new TypeError('type must be "text" or "binary"');
}

/** Lays a payload where its frame is to be: its length. */
export function put(frames: FrameBuffer, data: string | Bytes): number {
  const given = asTextOrBytes(data);
  if (typeof given === "string") return frames.putText(given);
  const length = lengthOf(given);
  frames.putBytes(given, length);
  return length;
}

/** Adds a fragment; `kind` is 0 for all but the first. */
export function addFragment(to: Sending, kind: number, last: boolean, data: string | Bytes): number {
  const length = put(to.frames, data);
  return to.sender.fragment(kind, last, length, to.key());
}

/** Adds a message that was framed before. */
export function addPrepared(to: Sending, message: PreparedMessage): number {
  const { coded, plain, needs } = preparedOf(message);
  const { sender } = to;
  const { frame, header } = coded !== undefined && sender.pass(needs) ? coded : plain;
  const length = to.frames.putFrame(frame, header);
  return sender.prepared(frame[0] as number, length, to.key());
}

/** Adds a ping or a pong. */
export function addControl(to: Sending, pong: boolean, data: string | Bytes): number {
  const given = asTextOrBytes(data);
  let length: number;
  if (typeof given === "string") {
    // More characters than a control frame has bytes are not worth their encoding.
    if (given.length > MAX_CONTROL) throw named("CONTROL_PAYLOAD_TOO_LONG");
    length = stageText(given);
  } else {
    length = lengthOf(given);
    if (length > MAX_CONTROL) throw named("CONTROL_PAYLOAD_TOO_LONG");
    const place = stage(length);
    heap.set(given, place);
  }
  return to.sender.control(arena, pong, length, to.key());
}

/** The code of a close frame as a number of the module. */
export function closeCode(code: number | undefined, reason: string): number {
  if (typeof reason !== "string") {
    throw new TypeError(`reason must be a string, not ${kindOf(reason)}`);
  }
  if (code !== undefined) return integer("code", code, 65535);
  if (reason !== "") throw misuse("CLOSE_REASON_ALONE", "a close reason needs a code");
  return NO_CODE;
}

/** Adds a close frame, with what {@link closeCode} has returned. */
export function addClose(to: Sending, code: number, reason: string): number {
  // One character more than a reason may have is enough to refuse it.
  const length = stageText(reason.slice(0, MAX_REASON + 1));
  return to.sender.close(arena, code, length, to.key());
}

/**
 * Copies what waits into the caller's buffer, where it stays until {@link FrameBuffer.clear}; nothing
 * waits without a buffer of ours.
 *
 * @throws MisuseError `BUFFER_TOO_SMALL`; RangeError for an offset that is none
 */
export function copyInto(frames: FrameBuffer | undefined, target: Uint8Array, offset: number): number {
  const length = frames === undefined ? 0 : frames.length;
  if (integer("offset", offset) + length > target.length) {
    throw misuse("BUFFER_TOO_SMALL", "the buffer is too small");
  }
  if (frames !== undefined) {
    const { address } = frames;
    target.set(heap.subarray(address, address + length), offset);
  }
  return length;
}
