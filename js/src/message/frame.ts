/** Single frames of any kind, apart from the rules of messages. */

import { named } from "../error/errors.ts";
import { flag, integer } from "../limits/check.ts";
import { few } from "../memory/copy.ts";

/** The properties of a frame, apart from its payload. */
export interface FrameOptions {
  /** 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong. */
  readonly opcode: number;
  /** Whether the frame ends its message; default true. */
  readonly fin?: boolean;
  /** The reserved bits, RSV1 = 4; default 0. */
  readonly rsv?: number;
}

const FIN = 0x80;

/** The first byte of the frame's header. */
export function firstByte(options: FrameOptions): number {
  const fin = flag("fin", options.fin ?? true);
  const rsv = integer("rsv", options.rsv ?? 0, 7);
  const opcode = integer("opcode", options.opcode, 15);
  return (fin ? FIN : 0) | (rsv << 4) | opcode;
}

/**
 * The header alone of a frame that is not masked, as a server sends it, for `length` bytes of
 * payload that are sent right behind it from where they lie: nothing is copied. As with
 * {@link MessageEncoder.frame}, text is not checked, and neither is the order of fragments.
 *
 * ```js
 * socket.cork();
 * socket.write(frameHeader({ opcode: 2 }, file.length));
 * socket.write(file);
 * socket.uncork();
 * ```
 *
 * @throws MisuseError `RESERVED_OPCODE`; for a control frame `CONTROL_NOT_FINAL`, or
 * `CONTROL_PAYLOAD_TOO_LONG` over 125 bytes
 */
export function frameHeader(options: FrameOptions, length: number): Uint8Array<ArrayBuffer> {
  const first = firstByte(options);
  integer("length", length);
  const opcode = first & 15;
  if ((opcode & 7) > 2) throw named("RESERVED_OPCODE");
  if ((opcode & 8) !== 0) {
    if ((first & FIN) === 0) throw named("CONTROL_NOT_FINAL");
    if (length > 125) throw named("CONTROL_PAYLOAD_TOO_LONG");
  }
  if (length < 126) {
    const short = few(2);
    short[0] = first;
    short[1] = length;
    return short;
  }
  const long = length > 65535;
  const header = few(long ? 10 : 4);
  header[0] = first;
  header[1] = long ? 127 : 126;
  for (let at = header.length, rest = length; --at > 1; rest = Math.floor(rest / 256)) {
    header[at] = rest; // its lowest byte
  }
  return header;
}
