/** Requests that a runtime has parsed already, made heads again for the one parser. */

import { type HeadersInput, pairsOf } from "./options.ts";
import { named } from "../error/errors.ts";

/** The properties that Node's `IncomingMessage` and the `Request` of fetch share. */
export interface RequestLike {
  readonly method?: string | undefined;
  /** The path with its query, or an absolute URL. */
  readonly url?: string | undefined;
  readonly headers: HeadersInput;
  /** Names and values in turn, as Node has them; used in place of `headers`. */
  readonly rawHeaders?: readonly string[] | undefined;
  /** Such as `"1.1"`, which is the default. */
  readonly httpVersion?: string | undefined;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Characters that are no bytes, or no part of a line. */
const UNFIT = /[^\t\x20-\x7e\x80-\xff]/;

/** The head that such a request came as, or could have come as. */
export function headOf(request: RequestLike): string {
  const { method = "GET", url = "/", rawHeaders, httpVersion = "1.1" } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  let host = false;
  const pairs = rawHeaders === undefined ? pairsOf(request.headers) : inTurn(rawHeaders);
  for (const [name, value] of pairs) {
    if (!TOKEN.test(name)) throw named("MALFORMED_HEAD");
    host ||= name.toLowerCase() === "host";
    lines.push(`${name}: ${value}`);
  }
  if (!host) {
    // A `Request` of fetch need not have a Host. The authority of the URL goes before it anyhow.
    const authority = hostOf(url);
    if (authority !== undefined) lines.push(`Host: ${authority}`);
  }
  for (const line of lines) {
    if (UNFIT.test(line)) throw named("MALFORMED_HEAD");
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function hostOf(url: string): string | undefined {
  try {
    return new URL(url).host || undefined;
  } catch {
    return undefined;
  }
}

function inTurn(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    pairs.push([raw[i] as string, raw[i + 1] as string]);
  }
  return pairs;
}
