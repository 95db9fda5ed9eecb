/**
 * The module's memory as JavaScript sees it: the input region that all decoders
 * share, views that survive growth, and text out of it and into it.
 */

import { Arena, wasm } from "../wasm/module.ts";
import { Lent } from "./lent.ts";
import { TextEncoder, Utf8Decoder } from "../bytes/text.ts";
import { misuse } from "../error/errors.ts";

/** What one read of a socket brings at most, nearly everywhere. */
const CHUNK = 64 * 1024;

/** The whole memory, by byte. */
export let heap: Uint8Array<ArrayBuffer>;
/** The whole memory, by 32-bit word. */
export let words: Uint32Array<ArrayBuffer>;
/** The memory's buffer. */
export let buffer: ArrayBuffer;
/** What decoders have lent since the last use of the arena. */
export const lent = new Lent();
/** Goes up with each use of the arena: what was decoded before is stale then. */
export let generation = 0;

export const arena = new Arena(CHUNK);
let capacity = CHUNK;
let inputAddress = arena.input();
/** The index of the first row, in words. */
export let rows = arena.rows() >>> 2;

/** Node's Buffer, where there is one: its string methods are the quickest. */
interface NodeBuffer extends Uint8Array<ArrayBuffer> {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
  utf8Write(text: string, offset: number, length: number): number;
}

interface NodeBufferClass {
  from(buffer: ArrayBuffer): NodeBuffer;
  prototype: Partial<NodeBuffer>;
}

const NodeBuffer = findBuffer();
let nodeHeap: NodeBuffer | undefined;
const decoder = new Utf8Decoder();
const encoder = new TextEncoder();

refresh();

/** Makes the views anew after the memory has grown. Cheap when it has not. */
export function refresh(): void {
  if (heap !== undefined && (SHARED ? buffer === wasm.memory.buffer : heap.length !== 0)) return;
  buffer = wasm.memory.buffer as ArrayBuffer;
  heap = new Uint8Array(buffer);
  words = new Uint32Array(buffer);
  nodeHeap = NodeBuffer?.from(buffer);
}

/** The decoder whose rows lie in the arena. */
export interface Holder {
  keep(): void;
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

/** The arena has no holder any more, if it was this one. */
export function disclaim(last: Holder): void {
  if (holder === last) holder = undefined;
}

/** Begins a use of the arena: everything lent before is stale from now on. */
export function nextGeneration(): number {
  lent.expire();
  return ++generation;
}

/** The address of an input region of at least this length, for what is about to use the arena. */
export function inputRegion(owner: Holder, length: number): number {
  claim(owner);
  if (length > capacity) {
    arena.reserve(length);
    capacity = length;
    inputAddress = arena.input();
    rows = arena.rows() >>> 2;
    refresh();
  }
  return inputAddress;
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

/** The same of bytes outside of the module's memory. */
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
  if (nodeHeap !== undefined) return nodeHeap.utf8Write(text, address, room);
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
