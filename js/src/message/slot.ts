/**
 * The module's parts of encoders.
 *
 * An encoder with nothing in it knows nothing that would have to be kept, unless it compresses or
 * has begun a message. A program may have one for each of thousands of connections, so those of the
 * same side use a few slots in turn: an encoder has one from its first frame until all is taken.
 */

import { compressing } from "../deflate/module.ts";
import { enginesFor } from "../deflate/engines.ts";
import { type DeflateOptions, levelAndThreshold, packed } from "../deflate/options.ts";
import { FrameBuffer } from "../memory/frame-buffer.ts";
import { ensure, refresh } from "../memory/memory.ts";
import { Encoder } from "../wasm/module.ts";
import type { Sending } from "./sending.ts";

/** How many slots of each side are kept while nobody uses them, and how many bytes of all. */
const SPARE = 64;
const SPARE_BYTES = 4 * 2 ** 20;

/** More bytes than the module's part takes, without and with compression. */
const ENCODER = 1024;
const COMPRESSING = 4 * 1024;

/** The module's part of an encoder, and its output. */
export class EncoderSlot implements Sending {
  readonly sender: Encoder;
  readonly frames: FrameBuffer;
  /** Where mask keys come from; a server has none. */
  keys: (() => number) | undefined;

  constructor(sender: Encoder, keys: (() => number) | undefined) {
    this.sender = sender;
    this.keys = keys;
    this.frames = new FrameBuffer(sender, keys !== undefined);
    refresh();
  }

  key(): number {
    const { keys } = this;
    return keys === undefined ? 0 : keys() >>> 0;
  }
}

const servers: EncoderSlot[] = [];
const clients: EncoderSlot[] = [];
let spareBytes = 0;

/**
 * A slot that nobody uses, or a new one, for the side that has such keys. The newest, as it is in
 * the caches.
 *
 * @throws LimitError `OUT_OF_MEMORY`
 */
export function takeSlot(keys: (() => number) | undefined): EncoderSlot {
  const slot = (keys === undefined ? servers : clients).pop();
  if (slot === undefined) {
    ensure(ENCODER);
    return new EncoderSlot(new Encoder(keys !== undefined), keys);
  }
  spareBytes -= slot.frames.room;
  slot.keys = keys;
  return slot;
}

/** Keeps an empty slot for the next encoder that needs one, or frees it. */
export function giveSlot(slot: EncoderSlot): void {
  const spare = slot.keys === undefined ? servers : clients;
  const { room } = slot.frames;
  if (spare.length === SPARE || spareBytes + room > SPARE_BYTES) {
    slot.sender.free();
    return;
  }
  spareBytes += room;
  spare.push(slot);
}

/**
 * A slot that compresses, which is one encoder's.
 *
 * @throws LimitError `OUT_OF_MEMORY`
 */
export function compressingSlot(options: DeflateOptions, keys: (() => number) | undefined): EncoderSlot {
  ensure(COMPRESSING);
  const how = [packed(options.send), ...levelAndThreshold(options)] as const;
  return new EncoderSlot(compressing(keys !== undefined, ...enginesFor(options), ...how), keys);
}
