/**
 * The module's memory as JavaScript sees it: the input region that all decoders share, the stage
 * for payloads to send, views that survive growth, and text out of it and into it.
 *
 * A call that makes the memory grow detaches all views of it, and a call that can't get memory says
 * so by the address 0. Two rules follow:
 *
 * - {@link refresh} comes after each call that may allocate and before the next use of a view.
 * - What JavaScript remembers of the memory (addresses, capacities) changes after a call that can
 *   fail, never before. A capacity that was noted before the call once had an encoder write behind
 *   its region, into the bytes of another connection.
 */

import { Arena, has_room, wasm } from "../wasm/module.ts";
import { Lent } from "./lent.ts";
import { encodable, TextEncoder, Utf8Decoder } from "../bytes/text.ts";
import { misuse, named, type WscodecError } from "../error/errors.ts";

/** The most bytes that one read of a socket returns, nearly everywhere, and that one call decodes. */
export const CHUNK = 64 * 1024;
/** The stage for messages of usual size, and the size from which the module gives it back. */
const STAGE = 16 * 1024;
const LARGE_STAGE = 1024 * 1024;

/** The whole memory, by byte. */
export let heap: Uint8Array<ArrayBuffer> = new Uint8Array(0);
/** The whole memory, by 32-bit word. */
export let words: Uint32Array<ArrayBuffer>;
/** The whole memory, by 64-bit number. */
export let floats: Float64Array<ArrayBuffer>;
/** The memory's buffer. */
export let buffer: ArrayBuffer;
/** The views that decoders have lent since the last use of the arena. */
export const lent = new Lent();
/** Goes up with each use of the arena: what was decoded before is stale then. */
export let generation = 0;

export const arena = new Arena();
/** The address of the payload of a control frame that a session answers: room for 125 bytes. */
export const controlAddress = arena.control();
let capacity = 0;
let inputAddress = 0;
/** The index of the first row, in words. */
export let rows = 0;
/** Where payloads to send are written, and how long that is. */
export let stageAddress = 0;
let stageCapacity = 0;

/** Node's Buffer, where there is one: its string methods are the quickest. */
interface NodeBuffer extends Uint8Array<ArrayBuffer> {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
  utf8Write(text: string, offset: number, length: number): number;
}

interface NodeBufferClass {
  from(buffer: ArrayBuffer): NodeBuffer;
  byteLength(text: string): number;
  prototype: Partial<NodeBuffer>;
}

const NodeBuffer = findBuffer();
let nodeHeap: NodeBuffer | undefined;
const decoder = new Utf8Decoder();
const encoder = new TextEncoder();

refresh();
reserveInput(CHUNK);
stage(STAGE);

/** Makes the views anew after the memory has grown. Cheap when it has not. */
export function refresh(): void {
  if (SHARED ? buffer !== wasm.memory.buffer : heap.length === 0) makeViews();
}

function makeViews(): void {
  buffer = wasm.memory.buffer as ArrayBuffer;
  heap = new Uint8Array(buffer);
  words = new Uint32Array(buffer);
  floats = new Float64Array(buffer);
  nodeHeap = NodeBuffer?.from(buffer);
}

/** The decoder that has its rows in the arena. */
export interface Holder {
  keep(): void;
  /** Whether the decoder reads none of its rows any more. */
  readonly hasLeft: boolean;
  /** The number of the current row, if that is a message whose payload has this place; -1 if not. */
  rowOf(address: number, length: number): number;
}

let holder: Holder | undefined;

/**
 * Makes this decoder the arena's holder. The holder before it saves the rows that it has not
 * passed, so this is called before anything is written to the input or to the rows.
 */
export function claim(next: Holder): void {
  if (holder === next) return;
  holder?.keep();
  holder = next;
}

/**
 * The number of the row whose payload has this place, if the holder is at it; -1 if not. The module
 * finds a payload by its row, so that an address never has to be turned into a slice.
 */
export function rowOf(address: number, length: number): number {
  return holder === undefined ? -1 : holder.rowOf(address, length);
}

/** Whether this decoder is the arena's holder. */
export function isHolder(decoder: Holder): boolean {
  return holder === decoder;
}

/** The arena has no holder any more, if it was this one. */
export function disclaim(last: Holder): void {
  if (holder === last) holder = undefined;
}

/**
 * Whether the module's buffer for messages that arrive in parts has more than 1 MiB. The module says so
 * when it returns rows, so that small messages cost no call.
 */
export let hasLargeBuffer = false;
let isReleasing = false;

/** To be called when the module has said that the buffer is large. */
export function noteLargeBuffer(): void {
  hasLargeBuffer = true;
}

/**
 * Frees the large buffer at the end of the turn. A decoder calls this when its caller has gone through
 * all rows. The end of the turn was chosen, because a program that decodes many large messages in one
 * turn would have the buffer cleared and grown for each of them.
 */
export function releaseLater(): void {
  if (isReleasing) return;
  isReleasing = true;
  // A bare context of node:vm has no queueMicrotask.
  void Promise.resolve().then(() => {
    isReleasing = false;
    // The holder may be within its walk. It comes here again at the end of that.
    if (holder !== undefined && !holder.hasLeft) return;
    hasLargeBuffer = false;
    lent.expire();
    arena.release_large();
  });
}

/** Begins a use of the arena: everything lent before is stale from now on. */
export function nextGeneration(): number {
  lent.expire();
  return ++generation;
}

/**
 * The address of an input region of at least this length. The decoder that writes there has called
 * {@link claim} before.
 *
 * @throws LimitError `OUT_OF_MEMORY`
 */
export function inputRegion(length: number): number {
  if (length > capacity) reserveInput(length);
  return inputAddress;
}

function reserveInput(length: number): void {
  const address = length < 2 ** 32 ? arena.reserve(length) : 0;
  refresh();
  capacity = arena.capacity();
  rows = arena.rows() >>> 2;
  if (address === 0) throw outOfMemory();
  inputAddress = address;
}

/**
 * The address of at least so many bytes for a payload to send; views on the memory may be gone
 * then.
 *
 * @throws LimitError `OUT_OF_MEMORY`
 */
export function stage(length: number): number {
  if (length > stageCapacity) {
    const address = length < 2 ** 32 ? arena.stage(length) : 0;
    refresh();
    stageCapacity = arena.staged();
    if (address === 0) throw outOfMemory();
    stageAddress = address;
  }
  return stageAddress;
}

/** Whether so many bytes can be staged without making the memory grow. */
export function fitsStage(length: number): boolean {
  return length <= stageCapacity;
}

/** To be called after what was staged was used: the module has given a large stage back. */
export function unstage(): void {
  if (stageCapacity > LARGE_STAGE) stageCapacity = 0;
}

/** Writes text to the stage, and says how many bytes that took. */
export function stageText(text: string): number {
  const most = text.length * 3;
  if (most <= stageCapacity) return encodeText(text, stageAddress, most);
  return putLongText(text, stage);
}

/**
 * Writes text that may be long to where `room` says, which is asked for exactly the bytes that
 * the text takes: three times the length of a long text may be more memory than there is.
 */
export function putLongText(text: string, room: (length: number) => number): number {
  if (NodeBuffer !== undefined) {
    const length = NodeBuffer.byteLength(encodable(text));
    return encodeText(text, room(length), length);
  }
  const bytes = encoder.encode(text);
  const address = room(bytes.length);
  // The call may have replaced the view.
  heap.set(bytes, address);
  return bytes.length;
}

/** The error of a connection that needs more memory than there is. */
export function outOfMemory(): WscodecError {
  return named("OUT_OF_MEMORY");
}

/**
 * To be called before calls that allocate no more than `bytes` and can't say that they failed.
 *
 * @throws LimitError `OUT_OF_MEMORY`
 */
export function ensure(bytes: number): void {
  const fits = has_room(bytes);
  refresh();
  if (!fits) throw outOfMemory();
}

/** Text that is known to be UTF-8, and to be ASCII if so said. */
export function decodeText(address: number, length: number, ascii: boolean): string {
  if (nodeHeap !== undefined) {
    return ascii
      ? nodeHeap.latin1Slice(address, address + length)
      : nodeHeap.utf8Slice(address, address + length);
  }
  const end = address + length;
  // Browsers decode no shared memory, and encode into none.
  return decoder.decode(SHARED ? heap.slice(address, end) : heap.subarray(address, end));
}

/** Decodes text outside of the module's memory, with the same conditions. */
export function decodeBytes(bytes: Uint8Array<ArrayBuffer>, ascii: boolean): string {
  if (NodeBuffer === undefined) return decoder.decode(bytes);
  const node = NodeBuffer.from(bytes.buffer);
  const { byteOffset: start, length } = bytes;
  return ascii ? node.latin1Slice(start, start + length) : node.utf8Slice(start, start + length);
}

/** Bytes as a string of one character each, as HTTP has its headers. */
export function decodeLatin1(address: number, length: number): string {
  if (nodeHeap !== undefined) return nodeHeap.latin1Slice(address, address + length);
  let text = "";
  for (let at = address; at < address + length; at += 4096) {
    const end = Math.min(at + 4096, address + length);
    text += String.fromCharCode(...heap.subarray(at, end));
  }
  return text;
}

/** Writes a string whose characters are bytes; there is room for it. */
export function encodeLatin1(text: string, address: number): void {
  for (let i = 0; i < text.length; i++) heap[address + i] = text.charCodeAt(i);
}

/** Writes text, for which there is room, and says how many bytes it took. */
export function encodeText(text: string, address: number, room: number): number {
  if (nodeHeap !== undefined) return nodeHeap.utf8Write(encodable(text), address, room);
  if (SHARED) {
    const bytes = encoder.encode(text);
    heap.set(bytes, address);
    return bytes.length;
  }
  return encoder.encodeInto(text, heap.subarray(address, address + room)).written;
}

/** Throws unless this generation is still the newest. */
export function checkGeneration(of: number): void {
  if (of !== generation) {
    throw misuse("STALE", "bytes were pushed since: what was decoded before is gone");
  }
}

function findBuffer(): NodeBufferClass | undefined {
  const host = globalThis as unknown as {
    Buffer?: NodeBufferClass;
    process?: { getBuiltinModule?(name: string): { Buffer: NodeBufferClass } | undefined };
  };
  const found = host.Buffer ?? host.process?.getBuiltinModule?.("node:buffer")?.Buffer;
  const quick = found?.prototype;
  return quick?.latin1Slice && quick.utf8Slice && quick.utf8Write ? found : undefined;
}
