/**
 * The two HTTP heads of a conversation as they stand, right or wrong: what can
 * be shown of them, and where their end is. Whether they are right is asked in
 * `handshake.ts`.
 */

import type { Direction } from "./arguments.ts";
import type { Source } from "./source.ts";

/** Longer heads than this are not looked for the end of. */
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
  /** Names as they were written, and values without the spaces around them. */
  readonly headers: readonly (readonly [string, string])[];
}

/** An element of `Sec-WebSocket-Extensions`. */
export interface Extension {
  readonly name: string;
  /** A parameter without a value has `null`. */
  readonly params: readonly (readonly [string, string | null])[];
}

const END = Buffer.from("\r\n\r\n");

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
  let end = -1;
  const bytes = await source.peek(MAX_HEAD, (seen, before) => {
    end = seen.indexOf(END, Math.max(0, before - END.length + 1));
    return end >= 0;
  });
  const complete = end >= 0;
  const head = complete ? bytes.subarray(0, end + END.length) : bytes;
  // One character a byte; without an end this may be anything, so nothing is shown.
  const [line = "", ...rest] = complete ? head.toString("latin1", 0, end).split("\r\n") : [];
  return { offset, bytes: head, complete, line, headers: rest.map(header) };
}

/** The direction that a head belongs to, if its first bytes tell. */
export function directionOf({ bytes }: Head): Direction | undefined {
  const start = bytes.toString("latin1", 0, 32);
  if (start.startsWith("HTTP/")) return "s2c";
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ [\x21-\x7e]/.test(start) ? "c2s" : undefined;
}

/** The value of a header; several lines of it make one list. */
export function headerOf(head: Head, name: string): string | undefined {
  const values = head.headers.filter((header) => header[0].toLowerCase() === name);
  return values.length === 0 ? undefined : values.map((header) => header[1]).join(", ");
}

/** The elements of a list such as that of the subprotocols. */
export function listOf(head: Head, name: string): string[] {
  return split(headerOf(head, name) ?? "", ",");
}

/** What the head offers or accepts of extensions. */
export function extensionsOf(head: Head): Extension[] {
  return listOf(head, "sec-websocket-extensions").map((element) => {
    const [name = "", ...params] = split(element, ";");
    return { name, params: params.map(parameter) };
  });
}

/** The status code of an answer, if its status line has one. */
export function statusOf(head: Head): number | undefined {
  const [, status] = /^HTTP\/\d+\.\d+ (\d{3})(?: |$)/.exec(head.line) ?? [];
  return status === undefined ? undefined : Number(status);
}

function header(line: string): [string, string] {
  const colon = line.indexOf(":");
  return colon < 0 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 1).trim()];
}

function parameter(text: string): [string, string | null] {
  const equals = text.indexOf("=");
  if (equals < 0) return [text, null];
  const value = text.slice(equals + 1).trim();
  const quoted = value.length > 1 && value.startsWith('"') && value.endsWith('"');
  return [
    text.slice(0, equals).trim(),
    quoted ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value,
  ];
}

/** Cuts at a separator that does not stand between quotes; empty parts are left out. */
function split(text: string, separator: string): string[] {
  const parts: string[] = [];
  let quoted = false;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    const char = text[i];
    if (quoted && char === "\\" && i + 1 < text.length) i++;
    else if (char === '"') quoted = !quoted;
    else if (i === text.length || (char === separator && !quoted)) {
      const part = text.slice(start, i).trim();
      if (part !== "") parts.push(part);
      start = i + 1;
    }
  }
  return parts;
}
