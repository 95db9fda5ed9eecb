/** What both sides' heads have in common. */

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
 * A well-formed HTTP/1.1 head, in memory of its own. Strings of it have one
 * character for each byte, as elsewhere in JavaScript: values may have some
 * from 0x80 on.
 */
export abstract class Head {
  /** The head with its closing empty line. */
  protected readonly text: string;
  #headers: [string, string][] | undefined;

  /** @internal */
  constructor(text: string) {
    this.text = text;
  }

  /**
   * Bytes of the head with its closing empty line. What follows in the input
   * is not touched: frames, or the body of a refusal.
   */
  get headLength(): number {
    return this.text.length;
  }

  /** All header lines in their order, with names as they were sent. */
  get headers(): readonly (readonly [name: string, value: string])[] {
    return (this.#headers ??= this.text.split("\r\n").slice(1, -2).map(split));
  }

  /** The first value of the header with that name, in any case. */
  header(name: string): string | undefined {
    const { text } = this;
    const wanted = name.toLowerCase();
    const { length } = wanted;
    let at = text.indexOf("\r\n") + 2;
    for (;;) {
      const end = text.indexOf("\r\n", at);
      if (end <= at) return undefined;
      const colon = at + length;
      if (text.indexOf(":", at) === colon && text.slice(at, colon).toLowerCase() === wanted) {
        return trim(text.slice(colon + 1, end));
      }
      at = end + 2;
    }
  }

  /** The members of a checked comma list over all lines of one name. */
  protected list(name: string): string[] {
    const members: string[] = [];
    for (const [other, value] of this.headers) {
      if (other.length !== name.length || other.toLowerCase() !== name) continue;
      for (const member of value.split(",")) {
        const trimmed = trim(member);
        if (trimmed !== "") members.push(trimmed);
      }
    }
    return members;
  }

  /** The extensions; a checked value has `,`, `;` and `=` nowhere else, quoted neither. */
  protected listExtensions(): Extension[] {
    return this.list("sec-websocket-extensions").map((member) => {
      const [name = "", ...params] = member.split(";").map(trim);
      return { name, params: params.map(param) };
    });
  }
}

function split(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), trim(line.slice(colon + 1))];
}

function param(text: string): ExtensionParam {
  const equals = text.indexOf("=");
  if (equals < 0) return { name: text, value: undefined };
  const value = trim(text.slice(equals + 1)).replace(/["\\]/g, "");
  return { name: trim(text.slice(0, equals)), value };
}

/** Without spaces and tabs at both ends; other white space is no white space in HTTP. */
function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text, start)) start++;
  while (start < end && isSpace(text, end - 1)) end--;
  return text.slice(start, end);
}

function isSpace(text: string, at: number): boolean {
  const char = text.charCodeAt(at);
  return char === 0x20 || char === 0x09;
}
