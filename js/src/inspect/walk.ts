/** One direction's frames and messages, counted and handed to a printer. */

import { FrameDecoder } from "wscodec";
import type { Arguments, Direction } from "./arguments.ts";
import type { Frame, Message, Printer, Totals } from "./events.ts";
import { Excerpt } from "./excerpt.ts";
import { type Fault, faultOf, type PartialFrame } from "./faults.ts";
import { RSV1 } from "./handshake.ts";
import { type Inflating, Inflation } from "./inflation.ts";

const CONTINUATION = 0;
const TEXT = 1;
const CLOSE = 8;

/** Why nothing is inflated of a capture that begins within a message. */
const WITHIN = "the capture begins within a message, so what the window holds is not known";

/** Most bytes of payload in a control frame; a close frame's are always shown. */
const CONTROL = 125;

/**
 * Reads the frames of one direction. Nothing is held but the beginning of the
 * payload that is being read, so frames and messages may be of any length.
 */
export class Walk {
  #decoder: FrameDecoder;
  #dir: Direction;
  #asked: Arguments;
  #printer: Printer;
  #totals: Totals;
  /** Lines that may still be printed. */
  #left: number;
  #omitted = 0;
  /** Nothing more is to be read: a close frame or a fault came. */
  #done = false;
  #failed = false;
  #inflation: Inflation;
  /** Whether the message that is being read is inflated. */
  #inflating = false;
  /** It is known that messages are not inflated. */
  #noted = false;
  /** What is wrong with a compressed message, to be told behind it. */
  #damage: Fault | undefined;
  /** Where the last whole frame ended. */
  #end: number;
  /** How many bytes the decoder was given that the file does not have. */
  #ahead = 0;

  #control = new Excerpt(CONTROL);
  #data: Excerpt;
  #frame: Frame;
  #message: Message;

  /**
   * Reads what comes behind the `totals.head` bytes of the head. A capture that
   * begins `within` a message has its first frames missing.
   */
  constructor(
    dir: Direction,
    rsv: number,
    how: Inflating,
    asked: Arguments,
    printer: Printer,
    totals: Totals,
    within = false,
  ) {
    this.#decoder = new FrameDecoder({
      // Who reads what goes this way.
      role: dir === "c2s" ? "server" : "client",
      rsv,
      maxFrame: asked.maxFrame,
      maxMessage: asked.maxMessage,
      maxFragments: 2 ** 32 - 1,
      offset: totals.head,
    });
    this.#inflation = new Inflation(within ? WITHIN : how, asked.maxMessage);
    this.#dir = dir;
    this.#asked = asked;
    this.#printer = printer;
    this.#totals = totals;
    this.#left = asked.limit;
    this.#end = totals.head;
    this.#data = new Excerpt(Math.max(asked.preview.text, asked.preview.hex));
    const excerpt = this.#data;
    this.#frame = {
      offset: -1,
      opcode: CONTINUATION,
      fin: true,
      rsv: 0,
      masked: false,
      length: 0,
      inflated: undefined,
      closeCode: undefined,
      excerpt,
    };
    this.#message = {
      offset: -1,
      kind: "text",
      length: 0,
      frames: 0,
      rsv: 0,
      inflated: undefined,
      excerpt,
    };
    if (within) this.#continue();
  }

  /**
   * Makes up an empty first fragment, as the decoder rightly refuses a
   * continuation of nothing. It is not shown, and offsets do not count it.
   */
  #continue(): void {
    const header = this.#dir === "c2s" ? [2, 0x80, 0, 0, 0, 0] : [2, 0];
    const decoder = this.#decoder;
    decoder.push(Uint8Array.from(header));
    while (decoder.next());
    this.#ahead = header.length;
    const offset = this.#totals.head;
    this.#message.offset = offset;
    this.#message.kind = "binary";
    this.#printer.note(this.#dir, {
      offset,
      code: "BEGINS_WITHIN",
      message:
        "the capture begins within a message: it is not known whether that is text, " +
        "nor whether it is compressed",
    });
  }

  /** Reads a chunk; false if what follows is of no meaning. */
  push(chunk: Uint8Array): boolean {
    const decoder = this.#decoder;
    try {
      decoder.push(chunk);
      while (decoder.next()) {
        if (decoder.first) this.#begins();
        this.#piece();
        if (decoder.last) this.#ends();
        // What comes after a close frame has no meaning (RFC 6455 §5.5.1).
        if (this.#done) return false;
      }
      this.#totals.bytes = decoder.consumed - this.#ahead;
    } catch (error) {
      this.#fails(error);
    }
    return !this.#done;
  }

  /** Says that there is nothing more; false if there is a fault. */
  end(): boolean {
    if (!this.#done) {
      try {
        this.#decoder.end();
        this.#settle();
      } catch (error) {
        this.#fails(error);
      }
    }
    return !this.#failed;
  }

  /** Frees the decoder. */
  free(): void {
    this.#decoder.free();
    this.#inflation.free();
  }

  /** A frame's header came. */
  #begins(): void {
    const decoder = this.#decoder;
    const frame = this.#frame;
    const { opcode } = decoder;
    frame.offset = decoder.offset - this.#ahead;
    frame.opcode = opcode;
    frame.fin = decoder.fin;
    frame.rsv = decoder.rsv;
    frame.masked = decoder.masked;
    frame.length = decoder.length;
    frame.closeCode = frame.inflated = undefined;
    const { preview, messages } = this.#asked;
    if (opcode >= CLOSE) {
      frame.excerpt = this.#control;
      this.#control.begin(opcode === CLOSE ? CONTROL : this.#most(preview.hex), opcode === CLOSE);
      return;
    }
    const message = this.#message;
    if (opcode !== CONTINUATION) {
      message.offset = frame.offset;
      message.kind = opcode === TEXT ? "text" : "binary";
      message.rsv = frame.rsv;
      message.length = message.frames = 0;
      message.inflated = undefined;
      this.#messageBegins(message);
    }
    frame.excerpt = this.#data;
    if (this.#inflating) frame.inflated = 0;
    if (!messages || opcode !== CONTINUATION) {
      // An extension's coding is no text.
      const text = message.kind === "text" && (message.rsv === 0 || this.#inflating);
      this.#data.begin(this.#most(text ? preview.text : preview.hex), text);
    }
  }

  /** Some of the payload came, or all of it. */
  #piece(): void {
    const decoder = this.#decoder;
    const { excerpt, opcode, fin } = this.#frame;
    if (opcode < CLOSE && this.#inflating) return this.#inflate();
    // What is behind damage, in the same frame or message, is nothing to show.
    if (opcode < CLOSE && this.#damage !== undefined) return;
    if (!excerpt.wanting || decoder.pieceLength === 0) return;
    const bytes = decoder.bytes();
    if (opcode === CLOSE) {
      // Control frames come in one piece, and close frames with half a code not at all.
      this.#frame.closeCode = (bytes[0] as number) * 256 + (bytes[1] as number);
      excerpt.whole(bytes.subarray(2));
    } else if (decoder.first && decoder.last && this.#alone(opcode, fin)) {
      excerpt.whole(bytes);
    } else {
      excerpt.add(bytes);
    }
  }

  /** A message's first frame came. */
  #messageBegins(message: Message): void {
    const compressed = (message.rsv & RSV1) !== 0;
    const { reason } = this.#inflation;
    this.#inflating = compressed && reason === undefined;
    if (this.#inflating) {
      message.inflated = 0;
      this.#inflation.begin(message.kind === "text");
    } else if (compressed && !this.#noted) {
      this.#noted = true;
      this.#printer.note(this.#dir, {
        offset: message.offset,
        code: "NOT_INFLATED",
        message: `compressed messages are shown as they are: ${reason}`,
      });
    }
  }

  /** Some of a compressed message's payload came. */
  #inflate(): void {
    const decoder = this.#decoder;
    const frame = this.#frame;
    const { last: frameEnds } = decoder;
    const where = { offset: frame.offset, frameEnds, messageEnds: frameEnds && frame.fin };
    const bytes = decoder.pieceLength === 0 ? undefined : decoder.bytes();
    const { excerpt } = frame;
    const damage = this.#inflation.take(bytes, where, (piece) => {
      (frame.inflated as number) += piece.length;
      (this.#message.inflated as number) += piece.length;
      this.#totals.inflated += piece.length;
      if (excerpt.wanting) excerpt.add(piece);
    });
    if (damage === undefined) return;
    this.#inflating = false;
    const { offset, opcode, length } = frame;
    this.#damage = { ...damage, frame: { offset, opcode, length } };
  }

  /** Tells of damage, behind what it was found in. */
  #tellDamage(): void {
    if (this.#damage === undefined) return;
    this.#totals.faults++;
    this.#failed = true;
    this.#printer.fault(this.#dir, this.#damage);
    this.#damage = undefined;
  }

  /** Whether the excerpt is of this frame alone. */
  #alone(opcode: number, fin: boolean): boolean {
    return !this.#asked.messages || opcode >= CLOSE || (fin && opcode !== CONTINUATION);
  }

  /** A frame is whole. */
  #ends(): void {
    const frame = this.#frame;
    const totals = this.#totals;
    const { opcode, length, excerpt } = frame;
    const extended = length < 126 ? 0 : length < 65536 ? 2 : 8;
    this.#end = frame.offset + 2 + extended + (frame.masked ? 4 : 0) + length;
    (totals.frames[opcode] as number)++;
    if (opcode >= CLOSE) {
      totals.control += length;
      const { closeCode } = frame;
      excerpt.total(closeCode === undefined ? length : length - 2);
      if (opcode === CLOSE) {
        totals.close = { offset: frame.offset, code: closeCode, reason: excerpt.text() };
        totals.bytes = this.#end;
      }
      this.#printFrame();
      if (opcode === CLOSE) this.#settle();
      return;
    }
    totals.data += length;
    const message = this.#message;
    message.length += length;
    message.frames++;
    if (!this.#asked.messages) {
      excerpt.total(frame.inflated ?? length);
      this.#printFrame();
      this.#tellDamage();
    }
    if (frame.fin) this.#messageEnds();
  }

  #messageEnds(): void {
    const message = this.#message;
    this.#totals[message.kind]++;
    if (message.rsv & 4) this.#totals.compressed++;
    if (!this.#asked.messages) return;
    message.excerpt.total(message.inflated ?? message.length);
    if (this.#left > 0) {
      this.#left--;
      this.#printer.message(this.#dir, message);
    } else {
      this.#omitted++;
    }
    this.#tellDamage();
  }

  #printFrame(): void {
    if (this.#left > 0) {
      this.#left--;
      this.#printer.frame(this.#dir, this.#frame);
    } else {
      this.#omitted++;
    }
  }

  /** How much to excerpt of a payload: nothing of what won't be printed. */
  #most(preview: number): number {
    return this.#left > 0 ? preview : 0;
  }

  /** There won't be more lines. */
  #settle(): void {
    this.#done = true;
    if (this.#omitted > 0) this.#printer.omitted(this.#dir, this.#omitted);
    this.#tellDamage();
  }

  #fails(error: unknown): void {
    const found = faultOf(error);
    const fault = { ...found, offset: found.offset - this.#ahead };
    const atEnd = fault.code === "UNEXPECTED_EOF";
    this.#totals.bytes = fault.offset;
    this.#totals.faults++;
    this.#failed = true;
    this.#settle();
    // An end between the frames of a message lies in no frame.
    const within = !atEnd || fault.offset !== this.#end;
    this.#printer.fault(this.#dir, { ...fault, frame: within ? this.#partial() : undefined });
  }

  /** The frame that the decoder was at. */
  #partial(): PartialFrame {
    const offset = this.#decoder.frameOffset - this.#ahead;
    const { opcode, length } = this.#frame;
    // The header of another frame than the one begun last was not right, or is cut.
    return offset === this.#frame.offset ? { offset, opcode, length } : { offset };
  }
}
