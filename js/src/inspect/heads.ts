/**
 * The two HTTP heads of a conversation as they stand, right or wrong: what can
 * be shown of them, and where their end is. The module reads them; whether they
 * are right is asked in `handshake.ts`.
 */

import { type Extension, RawHead } from "wscodec";
import type { Direction } from "./arguments.ts";
import type { Source } from "./source.ts";

/** The inspector looks for the end of a head within so many bytes. */
export const MAX_HEAD = 64 * 1024;

/** The beginning of one direction. */
export interface Head {
  /** Where it begins in the file: behind interim answers. */
  readonly offset: number;
  /** The head with its empty line; without an end, all that was looked at. */
  readonly bytes: Buffer;
  /** Whether the empty line that ends a head was found. */
  readonly complete: boolean;
  /** The request line or status line. */
  readonly line: string;
  /** Its parts, which its first two spaces separate. */
  readonly start: readonly [string, string, string];
  /** Names as they were written, and values without the spaces around them. */
  readonly headers: readonly (readonly [string, string])[];
  /** The head taken apart; without an end, it may be anything, so nothing is shown. */
  readonly parts: RawHead | undefined;
}

/**
 * Looks at a source's head without taking it. Interim answers before it (100 to
 * 199 but for 101, RFC 9110 §15.2) are taken: they decide nothing.
 */
export async function readHead(source: Source): Promise<Head> {
  for (let offset = 0; ; ) {
    const head = await nextHead(source, offset);
    const status = head.complete ? statusOf(head) : undefined;
    if (status === undefined || status < 100 || status > 199 || status === 101) return head;
    offset += head.bytes.length;
    source.skip(head.bytes.length);
  }
}

async function nextHead(source: Source, offset: number): Promise<Head> {
  let parts: RawHead | undefined;
  const bytes = await source.peek(MAX_HEAD, (seen, before) => {
    parts = RawHead.parse(seen, before);
    return parts !== undefined;
  });
  return {
    offset,
    bytes: parts === undefined ? bytes : bytes.subarray(0, parts.headLength),
    complete: parts !== undefined,
    line: parts?.start.join(" ").trimEnd() ?? "",
    start: parts?.start ?? ["", "", ""],
    headers: parts?.headers ?? [],
    parts,
  };
}

/** The direction that a head belongs to, if its first bytes tell. */
export function directionOf({ bytes }: Head): Direction | undefined {
  const start = bytes.toString("latin1", 0, 32);
  if (start.startsWith("HTTP/")) return "s2c";
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ [\x21-\x7e]/.test(start) ? "c2s" : undefined;
}

/** The value of a header; several lines of it make one list. */
export function headerOf(head: Head, name: string): string | undefined {
  const values = head.parts?.values(name) ?? [];
  return values.length === 0 ? undefined : values.join(", ");
}

/** The elements of a list such as that of the subprotocols. */
export function listOf(head: Head, name: string): string[] {
  return head.parts?.list(name) ?? [];
}

/** What the head offers or accepts of extensions. */
export function extensionsOf(head: Head): Extension[] {
  return head.parts?.extensions ?? [];
}

/** The status code of an answer, if its status line has one. */
export function statusOf({ start: [version, status] }: Head): number | undefined {
  return version.startsWith("HTTP/") && /^\d{3}$/.test(status) ? Number(status) : undefined;
}
