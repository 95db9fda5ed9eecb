/** The opening handshake: what was asked, what was answered, what is wrong. */

import type { DeflateDirection } from "wscodec";
import type { Direction } from "./arguments.ts";
import { extensionsOf, headerOf, type Head, statusOf } from "./heads.ts";
import type { Fault } from "./faults.ts";
import { checkRequest, checkResponse } from "./check.ts";

/** permessage-deflate as it was agreed on (RFC 7692 §7.1). */
export interface Deflate {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  readonly serverMaxWindowBits: number;
  readonly clientMaxWindowBits: number;
}

/** How one direction's messages were compressed. */
export function directionOf(deflate: Deflate, dir: Direction): DeflateDirection {
  return dir === "c2s"
    ? {
        windowBits: deflate.clientMaxWindowBits,
        contextTakeover: !deflate.clientNoContextTakeover,
      }
    : {
        windowBits: deflate.serverMaxWindowBits,
        contextTakeover: !deflate.serverNoContextTakeover,
      };
}

/** A handshake, of which one side may not be known. */
export interface Handshake {
  readonly request: Head | undefined;
  readonly response: Head | undefined;
  readonly status: number | undefined;
  readonly protocol: string | undefined;
  /** The answer's `Sec-WebSocket-Extensions` as it stands. */
  readonly extensions: string | undefined;
  readonly deflate: Deflate | undefined;
  /** The reserved bits that frames may use after it. */
  readonly rsv: number;
  readonly faults: readonly (Fault & { readonly dir: Direction })[];
  /** Whether what follows the heads is frames, as far as one can tell. */
  readonly upgraded: boolean;
}

/** RSV1, which marks compressed messages (RFC 7692 §6). */
export const RSV1 = 4;

const DEFLATE = "permessage-deflate";

/** Puts the two heads together. A head that is not complete counts as unknown. */
export function readHandshake(heads: { readonly [dir in Direction]?: Head }): Handshake {
  const faults: (Fault & { dir: Direction })[] = [];
  const { c2s, s2c } = heads;
  const asked = c2s && checkRequest(c2s);
  const answered = s2c && checkResponse(s2c, asked?.request);
  const push = (dir: Direction, head: Head | undefined, fault: Fault | undefined) => {
    if (head && fault) faults.push({ dir, ...fault, offset: head.offset + fault.offset });
  };
  push("c2s", c2s, asked?.fault);
  push("s2c", s2c, answered?.fault);

  const request = c2s?.complete ? c2s : undefined;
  const response = s2c?.complete ? s2c : undefined;
  const status = response && statusOf(response);
  const deflate = response && agreedDeflate(response);
  // Without the answer, what was offered may be in use.
  const mayDeflate = response ? deflate : request && offersDeflate(request);
  return {
    request,
    response,
    status,
    protocol: response && headerOf(response, "sec-websocket-protocol"),
    extensions: response && headerOf(response, "sec-websocket-extensions"),
    deflate,
    rsv: mayDeflate ? RSV1 : 0,
    faults,
    upgraded: status === undefined || status === 101,
  };
}

function offersDeflate(request: Head): boolean {
  return extensionsOf(request).some(({ name }) => name.toLowerCase() === DEFLATE);
}

function agreedDeflate(response: Head): Deflate | undefined {
  const found = extensionsOf(response).find(({ name }) => name.toLowerCase() === DEFLATE);
  if (found === undefined) return undefined;
  const params = new Map(found.params.map(({ name, value }) => [name.toLowerCase(), value]));
  const bits = (name: string) => {
    const value = params.get(name);
    return /^(?:[89]|1[0-5])$/.test(value ?? "") ? Number(value) : 15;
  };
  return {
    serverNoContextTakeover: params.has("server_no_context_takeover"),
    clientNoContextTakeover: params.has("client_no_context_takeover"),
    serverMaxWindowBits: bits("server_max_window_bits"),
    clientMaxWindowBits: bits("client_max_window_bits"),
  };
}
