/**
 * The checks of all options that the layers below the adapters have, one table for each type of
 * options. The tables are below the layers that use them, and import none of their types: where a
 * table is used, `checkGiven` compares its names with those of the type.
 */

import {
  callable,
  type Check,
  checkOptions,
  flag,
  integerFrom,
  milliseconds,
  object,
  oneOf,
  shown,
  text,
} from "./check.ts";

const size = integerFrom(0);
const role = oneOf("client", "server");
const windowBits = integerFrom(8, 15);

/** A token of RFC 9110 §5.6.2, which a subprotocol and the name of a header are. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** An origin as RFC 6454 §6.2 writes it: a scheme, a host and perhaps a port, or `null`. */
const ORIGIN = /^([a-z][a-z0-9+.-]*:\/\/[^\s/?#@]+|null)$/i;

function nested(checks: Readonly<Record<string, Check>>): Check {
  return (name, value) => {
    object(name, value);
    checkOptions(name, value, checks);
  };
}

/** The subprotocols of an endpoint. A string is refused: it would be searched for substrings. */
function protocols(name: string, value: unknown): void {
  if (!Array.isArray(value)) {
    throw new TypeError(`${name} must be an array of strings, not ${shown(value)}`);
  }
  for (const [index, one] of value.entries()) {
    if (typeof one !== "string" || !TOKEN.test(one)) {
      throw new TypeError(`${name} must be tokens of HTTP, not ${shown(one)}`);
    }
    if (value.indexOf(one) < index) throw new TypeError(`${name} has ${shown(one)} twice`);
  }
}

/** An array of strings. Their characters are checked in Rust. */
function texts(name: string, value: unknown): void {
  if (!Array.isArray(value) || value.some((one) => typeof one !== "string")) {
    throw new TypeError(`${name} must be an array of strings, not ${shown(value)}`);
  }
}

/** A string or an object; which objects are bytes is checked where they are read. */
function textOrBytes(name: string, value: unknown): void {
  if (typeof value !== "string") object(name, value);
}

function allowedOrigins(name: string, value: unknown): void {
  if (value === "same-host" || value === "any") return;
  if (!Array.isArray(value)) {
    throw new TypeError(`${name} must be "same-host", "any" or an array of origins, not ${shown(value)}`);
  }
  for (const one of value) {
    if (typeof one !== "string" || !ORIGIN.test(one)) {
      throw new TypeError(`${name} must have origins such as "https://example.com", not ${shown(one)}`);
    }
  }
}

function allowedHosts(name: string, value: unknown): void {
  if (!Array.isArray(value) || value.some((one) => typeof one !== "string" || one === "")) {
    throw new TypeError(`${name} must be an array of hosts, not ${shown(value)}`);
  }
}

/** Headers in one of the shapes of `HeadersInput`. Their characters are checked in Rust. */
function headers(name: string, value: unknown): void {
  // A generator can be gone through only once: its pairs are checked when they are written.
  if (typeof (value as { next?: unknown } | null)?.next === "function") return;
  if (headerPairs(value) === undefined) {
    throw new TypeError(
      `${name} must be pairs of strings, or an object with strings or arrays of strings`,
    );
  }
}

/**
 * The names and values of headers in any of the shapes of `HeadersInput`; `undefined` for a value of
 * another shape. Only plain objects count as records of headers: an `Error` or a `Response` has no
 * property of its own and would pass as "no headers".
 */
export function headerPairs(value: unknown): (readonly [string, string])[] | undefined {
  if (value === null || typeof value !== "object") return undefined;
  const pairs: (readonly [string, string])[] = [];
  if (Symbol.iterator in value) {
    for (const pair of value as Iterable<unknown>) {
      if (!Array.isArray(pair) || pair.length !== 2) return undefined;
      const [name, text] = pair as [unknown, unknown];
      if (typeof name !== "string" || typeof text !== "string") return undefined;
      pairs.push([name, text]);
    }
    return pairs;
  }
  if (!isPlain(value)) return undefined;
  for (const [name, text] of Object.entries(value)) {
    for (const one of Array.isArray(text) ? (text as unknown[]) : [text as unknown]) {
      if (one === undefined) continue;
      if (typeof one !== "string") return undefined;
      pairs.push([name, one]);
    }
  }
  return pairs;
}

/** Whether an object was made by a literal, in any realm: its prototype is at the end of the chain. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

const directionChecks = {
  windowBits,
  contextTakeover: flag,
};

export const deflateChecks = {
  send: nested(directionChecks),
  receive: nested(directionChecks),
  level: integerFrom(1, 9),
  threshold: integerFrom(0, 2 ** 32 - 1),
  dedicated: flag,
  historyBits: windowBits,
};

/** Compression as it was agreed on; `header` is the value of the answer's header. */
export const agreedChecks = { ...deflateChecks, header: text };
const agreed = nested(agreedChecks);

const deflateOrNone: Check = (name, value) => {
  if (value !== false) nested(deflateChecks)(name, value);
};

export const limitChecks = {
  maxFrame: size,
  maxMessage: size,
  maxFragments: integerFrom(0, 2 ** 32 - 1),
  maxInflation: size,
};

export const decoderChecks = {
  ...limitChecks,
  role,
  deflate: agreed,
  rsv: integerFrom(0, 7),
  pieces: flag,
  offset: size,
  dangerouslyAcceptUnmasked: flag,
};

export const encoderChecks = {
  role,
  maskKey: callable,
  deflate: agreed,
};

export const decompressorChecks = {
  maxMessage: size,
  maxInflation: integerFrom(0, 2 ** 32 - 1),
};

export const preparedChecks = { deflate: deflateOrNone };

export const handshakeChecks = {
  maxHead: integerFrom(0, 2 ** 30),
  maxHeaders: integerFrom(0, 128),
};

export const sessionChecks = {
  autoPong: flag,
  autoClose: flag,
  backlog: size,
  closeTimeout: milliseconds,
  heartbeat: milliseconds,
  pongTimeout: milliseconds,
  idle: milliseconds,
};

/** A session of any role. */
export const endpointChecks = {
  ...decoderChecks,
  ...sessionChecks,
  maskKey: callable,
};

export const clientSessionChecks = {
  ...sessionChecks,
  ...limitChecks,
  maskKey: callable,
};

export const policyChecks = {
  origin: allowedOrigins,
  allowedHosts,
  protocols,
  deflate: deflateOrNone,
};

export const acceptChecks = {
  protocol: text,
  extensions: text,
  headers,
};

export const rejectChecks = {
  reason: text,
  headers,
  body: textOrBytes,
};

export const offerChecks = {
  host: text,
  path: text,
  origin: text,
  protocols: texts,
  extensions: text,
  headers,
  key: text,
};

const { extensions: _, ...asked } = offerChecks;

export const connectChecks = {
  ...asked,
  ...handshakeChecks,
  protocols,
  headers,
  deflate: deflateOrNone,
};

const { role: _role, deflate: _deflate, offset: _offset, ...observed } = decoderChecks;

export const observeChecks = observed;
