/** How the bytes of raw files begin: with a handshake, or with frames. */

import type { Source } from "./source.ts";

/** The numbers of the module. */
export const HANDSHAKE = 0;
export const FRAMES = 1;
export const FRAMES_DEFLATE = 2;

/** The first bytes of a text, binary, close, ping or pong frame, with FIN or without. */
const FIRST = [0x01, 0x02, 0x81, 0x82, 0x88, 0x89, 0x8a];
/** RSV1, which only the first frame of a compressed message has. */
const RSV1 = 0x40;

/**
 * Whether files have frames only. No format that the inspector recognises, and no head of HTTP, begins
 * with the first byte of a frame.
 */
export async function startOf(sources: readonly Source[]): Promise<number> {
  const [source] = sources;
  if (source === undefined || source.size === null) return HANDSHAKE;
  // A file that can't be read is refused when it is read.
  const [first = 0] = await source.front().catch(() => new Uint8Array());
  if (FIRST.includes(first)) return FRAMES;
  return FIRST.includes(first & ~RSV1) && (first & 0x0f) <= 2 && first >= 0x80 ? FRAMES_DEFLATE : HANDSHAKE;
}
