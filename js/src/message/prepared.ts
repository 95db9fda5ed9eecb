/** Messages that are framed and compressed once, and sent over many connections. */

import { asTextOrBytes, type Bytes } from "../bytes/bytes.ts";
import { Compressor } from "../deflate/compressor.ts";
import { available } from "../deflate/module.ts";
import { type DeflateOptions, levelAndThreshold, packed, unpacked } from "../deflate/options.ts";
import { checkGiven } from "../options/check.ts";
import { preparedChecks } from "../options/tables.ts";
import { MessageEncoder } from "./encoder.ts";
import { type Form, PREPARED, type PreparedMessage, VERSION } from "./prepared-form.ts";

/** How a {@link Prepared} is made. */
export interface PreparedOptions {
  /**
   * How it is compressed, of which `send.windowBits`, `level` and `threshold` count;
   * `false` for not. Default: as `DeflateOptions` has it, where the build has
   * compression.
   */
  readonly deflate?: DeflateOptions | false | undefined;
}

/**
 * A message for many: encoded, framed and compressed once, in memory of its own.
 *
 * ```js
 * const news = new Prepared("news ".repeat(50));
 * for (const ws of everyone) ws.send(news);
 * ```
 *
 * It goes compressed to each peer that can read that: with whom a window was agreed on
 * that is not smaller than `send.windowBits` here. The others, who have no
 * compression, say, get it as it is. It refers to no message before it; so after it
 * the next message of that connection refers to none either.
 */
export class Prepared implements PreparedMessage {
  /** The type of the message: text for a string, otherwise binary. */
  readonly type: "text" | "binary";
  /** Bytes of payload, before compression. */
  readonly length: number;
  /** @internal */
  readonly plain: Form;
  /** @internal */
  readonly coded: Form | undefined;
  /** The bits of the window that the coded form needs. @internal */
  readonly needs: number;
  /** Marks it in all builds of this package. */
  readonly [PREPARED]: number = VERSION;

  /**
   * @throws TypeError for a value that is neither a string nor bytes, and for an option that is
   * unknown; RangeError if an option is out of its range
   */
  constructor(data: string | Bytes, options: PreparedOptions = {}) {
    checkGiven("Prepared", options, preparedChecks);
    const { deflate = available && {} } = options;
    const given = asTextOrBytes(data);
    this.type = typeof given === "string" ? "text" : "binary";
    const payload = typeof given === "string" ? encoder.encode(given) : given;
    this.length = payload.length;
    this.plain = framed(this.type, 0, payload);
    this.needs = 0;
    if (deflate === false) return;
    const [level, threshold] = levelAndThreshold(deflate);
    this.needs = unpacked(packed(deflate.send)).windowBits;
    if (payload.length < threshold) return;
    const send = { windowBits: this.needs, contextTakeover: false };
    const compressor = new Compressor({ send, level });
    this.coded = framed(this.type, RSV1, compressor.message(payload));
    compressor.free();
  }
}

const RSV1 = 4;
const encoder = new TextEncoder();

function framed(type: "text" | "binary", rsv: number, payload: Uint8Array): Form {
  const frames = new MessageEncoder({ role: "server" });
  frames.frame({ opcode: type === "text" ? 1 : 2, rsv }, payload);
  const frame = frames.take();
  return { frame, header: frame.length - payload.length };
}
