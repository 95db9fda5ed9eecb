/** The beginning of a payload, made fit to be shown. */

/**
 * Up to so many bytes of a payload that comes in pieces. What came in one
 * piece is shown from where it lies; only of several pieces a copy is made.
 */
export class Excerpt {
  #room: number;
  #scratch: Buffer | undefined;
  #buffer: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  #most = 0;
  #total = 0;
  /** Whether this is text, as far as the protocol knows. */
  isText = false;

  /** An excerpt of no more than `room` bytes. */
  constructor(room: number) {
    this.#room = room;
  }

  /** Begins anew, for a payload of which `most` bytes are to be shown. */
  begin(most: number, isText: boolean): void {
    this.#most = Math.min(most, this.#room);
    this.#start = this.#end = this.#total = 0;
    this.isText = isText;
  }

  /** Whether more bytes would be shown, were there more. */
  get wanting(): boolean {
    return this.#end - this.#start < this.#most;
  }

  /** The whole payload, which need not stay where it is after this was shown. */
  whole(bytes: Uint8Array): void {
    if (this.#buffer.buffer !== bytes.buffer) this.#buffer = Buffer.from(bytes.buffer);
    this.#start = bytes.byteOffset;
    this.#end = this.#start + Math.min(bytes.length, this.#most);
  }

  /** The next piece of the payload. */
  add(bytes: Uint8Array): void {
    this.#scratch ??= Buffer.alloc(this.#room);
    this.#buffer = this.#scratch;
    const piece = bytes.subarray(0, this.#most - this.#end);
    this.#scratch.set(piece, this.#end);
    this.#end += piece.length;
  }

  /** How long the payload is in all. */
  total(length: number): void {
    this.#total = length;
  }

  /** Whether there is more than is shown. */
  get cut(): boolean {
    return this.#total > this.#end - this.#start;
  }

  /** Whether nothing is shown. */
  get empty(): boolean {
    return this.#end === this.#start;
  }

  /** Whether it is plain ASCII without control characters. */
  isPrintable(): boolean {
    for (let i = this.#start; i < this.#end; i++) {
      const byte = this.#buffer[i] as number;
      if (byte < 0x20 || byte > 0x7e) return false;
    }
    return true;
  }

  /** As text; half a character at the excerpt's own end is left out. */
  text(): string {
    return this.#buffer.toString("utf8", this.#start, this.cut ? this.#boundary() : this.#end);
  }

  /** Two digits a byte. */
  hex(): string {
    return this.#buffer.toString("hex", this.#start, this.#end);
  }

  /** Where the last whole character ends. */
  #boundary(): number {
    const buffer = this.#buffer;
    const end = this.#end;
    for (let lead = end - 1; lead >= this.#start && lead >= end - 3; lead--) {
      const byte = buffer[lead] as number;
      if (byte < 0x80) break;
      if (byte < 0xc0) continue;
      const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
      return lead + length > end ? lead : end;
    }
    return end;
  }
}

/**
 * As a JSON string without anything that a terminal or an editor acts upon:
 * control characters (C1 and DEL too), format characters such as those that
 * turn the direction of writing, line and paragraph separators, and what is no
 * character at all are escaped.
 */
export function quoted(text: string): string {
  const json = JSON.stringify(text);
  return UNUSUAL.test(json) ? json.replace(UNSAFE, escape) : json;
}

/** The same without the quotes around it. */
export function shown(text: string): string {
  return quoted(text).slice(1, -1).replaceAll('\\"', '"');
}

const UNUSUAL = /[^ -~]/;
const UNSAFE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}]/gu;

function escape(char: string): string {
  let escaped = "";
  for (let i = 0; i < char.length; i++) {
    escaped += `\\u${char.charCodeAt(i).toString(16).padStart(4, "0")}`;
  }
  return escaped;
}
