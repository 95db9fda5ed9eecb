/**
 * Heads as JavaScript shows them. The module reads them: it says where names and
 * values lie, and takes lists apart.
 */

import { asUint8Array, type Bytes } from "../bytes/bytes.ts";
import { decodeLatin1 } from "../memory/memory.ts";
import {
  checked,
  heads,
  input,
  lineTable,
  outputText,
  part,
  putBytes,
  putLatin1,
  START,
  use,
} from "./region.ts";

/** An element of `Sec-WebSocket-Extensions` (RFC 6455 §9.1). */
export interface Extension {
  readonly name: string;
  /** In their order; one without a value has `undefined`. Quotes are undone. */
  readonly params: readonly ExtensionParam[];
}

/** A parameter of an {@link Extension}. */
export interface ExtensionParam {
  readonly name: string;
  readonly value: string | undefined;
}

/**
 * An HTTP/1.1 head, in memory of its own. Strings of it have one character for
 * each byte, as elsewhere in JavaScript: values may have some from 0x80 on.
 */
export abstract class Head {
  /** The head with its closing empty line. */
  protected readonly text: string;
  /** The use of the module's input that left the head there. */
  #use: number;
  /** Where name and value of each line begin, and how long they are. */
  #lines: Uint32Array | undefined;
  #headers: [string, string][] | undefined;

  /** @internal Takes the head of so many bytes from the front of the module's input. */
  constructor(length: number) {
    this.text = decodeLatin1(input, length);
    this.#use = use;
  }

  /**
   * Bytes of the head with its closing empty line. What follows in the input
   * is not touched: frames, or the body of a rejection.
   */
  get headLength(): number {
    return this.text.length;
  }

  /** All header lines in their order, with names as they were sent. */
  get headers(): readonly (readonly [name: string, value: string])[] {
    if (this.#headers === undefined) {
      const lines = this.load();
      this.#headers = [];
      for (let at = 0; at < lines.length; at += 4) {
        this.#headers.push([this.#part(lines, at), this.#part(lines, at + 2)]);
      }
    }
    return this.#headers;
  }

  /** The first value of the header with that name, in any case. */
  header(name: string): string | undefined {
    const lines = this.load();
    const at = this.#find(lines, name.toLowerCase(), 0);
    return at < 0 ? undefined : this.#part(lines, at + 2);
  }

  /** All values of the headers with that name, in any case. */
  values(name: string): string[] {
    const lines = this.load();
    const wanted = name.toLowerCase();
    const values: string[] = [];
    let at = this.#find(lines, wanted, 0);
    while (at >= 0) {
      values.push(this.#part(lines, at + 2));
      at = this.#find(lines, wanted, at + 4);
    }
    return values;
  }

  /** Makes sure that the head is at the front of the module's input; says how long it is. */
  protected restore(): number {
    if (this.#use !== use) {
      putLatin1(this.text);
      this.#use = use;
    }
    return this.text.length;
  }

  /** Has the module take the lines apart. */
  protected load(): Uint32Array {
    return (this.#lines ??= lineTable(this.restore()));
  }

  /** The place in the table of the next line of that name. */
  #find(lines: Uint32Array, name: string, from: number): number {
    for (let at = from; at < lines.length; at += 4) {
      if (lines[at + 1] === name.length && this.#part(lines, at).toLowerCase() === name) return at;
    }
    return -1;
  }

  #part(lines: Uint32Array, at: number): string {
    const start = lines[at] as number;
    return this.text.slice(start, start + (lines[at + 1] as number));
  }
}

/**
 * A head as it stands, right or wrong, for those who only look on: its header
 * lines end before the first one that is malformed, and its lists before the
 * first malformed member.
 */
export class RawHead extends Head {
  /**
   * The head that the bytes begin with, up to its first empty line; `undefined`
   * if there is none. `seen` bytes of them were looked at in vain before.
   */
  static parse(bytes: Bytes, seen = 0): RawHead | undefined {
    const all = asUint8Array(bytes, "bytes");
    // The empty line may have begun in the bytes that were seen.
    const skipped = Math.max(0, seen - 3);
    const taken = putBytes(all.subarray(skipped), all.length);
    const end = heads.end(taken);
    return end === 0 ? undefined : new RawHead(all, skipped + end);
  }

  /**
   * The parts of the start line: method, target and version, or version, status
   * and reason. One that is not there is empty.
   */
  readonly start: readonly [string, string, string];

  private constructor(bytes: Uint8Array, length: number) {
    putBytes(bytes, length);
    super(length);
    this.load();
    this.start = [
      part(this.text, START),
      part(this.text, START + 2),
      part(this.text, START + 4),
    ];
  }

  /** The members of a comma list, over all lines of that name. */
  list(name: string): string[] {
    return tokensOf(this.values(name));
  }

  /** The extensions that `Sec-WebSocket-Extensions` offers or accepts; values may be any quoted string. */
  get extensions(): Extension[] {
    return extensionsOf(this.values("sec-websocket-extensions"));
  }
}

/** The members of a comma list that is spread over these values. */
export function tokensOf(values: readonly string[]): string[] {
  if (values.length === 0) return [];
  const length = putLines(values);
  return members(heads.tokens(length));
}

/** The extensions of a list that is spread over these values. */
export function extensionsOf(values: readonly string[]): Extension[] {
  if (values.length === 0) return [];
  const length = putLines(values);
  return members(heads.extensions(length)).map((member) => {
    const [name = "", ...params] = member.split("\r");
    return { name, params: params.map(paramOf) };
  });
}

/** Puts values into the input, in the form in which the module takes lists. */
function putLines(values: readonly string[]): number {
  const text = values.join("\n");
  putLatin1(text);
  return text.length;
}

/** The members that the module wrote, each with a line feed behind it. */
function members(result: number): string[] {
  const text = outputText(checked(result));
  return text === "" ? [] : text.slice(0, -1).split("\n");
}

/** A parameter as the module writes it: a name, and a value behind the first `=`. */
function paramOf(text: string): ExtensionParam {
  const equals = text.indexOf("=");
  if (equals < 0) return { name: text, value: undefined };
  return { name: text.slice(0, equals), value: text.slice(equals + 1) };
}
