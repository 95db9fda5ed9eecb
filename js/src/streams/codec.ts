/** Streams that decode and encode, with back-pressure from end to end. */

import {
  type Bytes,
  type DecoderOptions,
  Encoder,
  type EncoderOptions,
  FrameDecoder,
  MessageDecoder,
  type OwnedMessage,
} from "../index.ts";

/** A frame, or a piece of one that came in several chunks, with memory of its own. */
export interface OwnedFrame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly rsv: number;
  readonly masked: boolean;
  /** Where the frame begins in the stream. */
  readonly offset: number;
  /** Bytes of the frame's whole payload. */
  readonly length: number;
  /** Whether this is the frame's first piece, and whether its last. */
  readonly first: boolean;
  readonly last: boolean;
  /** The bytes of this piece, unmasked. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Bytes of payload that wait in a stream before it takes no more. */
const HIGH_WATER = 64 * 1024;

/** What a decoder shows, made of it; and where a stream of them begins and ends. */
interface Source<D, T> {
  readonly decoder: D;
  readonly make: (decoder: D) => T;
  readonly size: (made: T) => number;
}

/** A stream of what a decoder finds in a stream of bytes. */
function decoding<D extends MessageDecoder | FrameDecoder, T>(
  { decoder, make, size }: Source<D, T>,
): ReadableWritablePair<T, Bytes> {
  let out!: ReadableStreamDefaultController<T>;
  let into!: WritableStreamDefaultController;
  let wake: (() => void) | undefined;
  const room = async (least = 1): Promise<void> => {
    while ((out.desiredSize ?? least) < least) {
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  // A stream that fails forgets what it holds, so it fails when all of that was read.
  const fail = async (error: unknown): Promise<never> => {
    decoder.free();
    await room(HIGH_WATER);
    out.error(error);
    throw error;
  };
  const readable = new ReadableStream<T>(
    {
      start: (controller) => void (out = controller),
      pull: () => wake?.(),
      cancel(reason) {
        wake?.();
        into.error(reason);
        decoder.free();
      },
    },
    { highWaterMark: HIGH_WATER, size },
  );
  const writable = new WritableStream<Bytes>(
    {
      start: (controller) => void (into = controller),
      async write(chunk) {
        let more = true;
        let fault: unknown;
        try {
          decoder.push(chunk);
        } catch (error) {
          fault = error;
        }
        while (more && fault === undefined) {
          // All of it before any is handed on: whoever reads may at once have other decoders
          // take chunks, and what was found is gone then.
          const found: T[] = [];
          try {
            while ((more = decoder.next())) {
              found.push(make(decoder));
              if (decoder.waits) break;
            }
          } catch (error) {
            fault = error;
          }
          for (const one of found) out.enqueue(one);
          if (fault === undefined) await room();
        }
        if (fault !== undefined) await fail(fault);
      },
      async close() {
        try {
          decoder.end();
        } catch (error) {
          await fail(error);
        }
        out.close();
        decoder.free();
      },
      abort(reason) {
        wake?.();
        out.error(reason);
        decoder.free();
      },
    },
    { highWaterMark: 1 },
  );
  return { readable, writable };
}

/**
 * Bytes to messages and control frames, each with memory of its own.
 *
 * ```js
 * const messages = socket.readable.pipeThrough(new MessageDecoderStream({ role: "server" }));
 * for await (const { type, data } of messages) console.log(type, data);
 * ```
 *
 * No chunk is taken while 64 KiB of messages wait to be read. A fault is the error
 * of the stream, after all that came before it.
 */
export class MessageDecoderStream {
  readonly readable: ReadableStream<OwnedMessage>;
  readonly writable: WritableStream<Bytes>;

  constructor(options: Omit<DecoderOptions, "pieces">) {
    const decoder = new MessageDecoder(options);
    const { readable, writable } = decoding<MessageDecoder, OwnedMessage>({
      decoder,
      make: (decoder) => decoder.owned(),
      size: (message) => 16 + (message.type === "close" ? 0 : message.data.length),
    });
    this.readable = readable;
    this.writable = writable;
  }
}

/** Bytes to frames, or pieces of those that are cut: as {@link MessageDecoderStream}. */
export class FrameDecoderStream {
  readonly readable: ReadableStream<OwnedFrame>;
  readonly writable: WritableStream<Bytes>;

  constructor(options: Omit<DecoderOptions, "pieces">) {
    const { readable, writable } = decoding<FrameDecoder, OwnedFrame>({
      decoder: new FrameDecoder(options),
      make: (decoder) => {
        const { opcode, fin, rsv, masked, offset, length, first, last } = decoder;
        const payload = decoder.copy();
        return { opcode, fin, rsv, masked, offset, length, first, last, payload };
      },
      size: (frame) => 16 + frame.payload.length,
    });
    this.readable = readable;
    this.writable = writable;
  }
}

/** What can be written to a {@link MessageEncoderStream}. */
export type Sendable =
  | string
  | Bytes
  | { readonly type: "text" | "binary" | "ping" | "pong"; readonly data: string | Bytes }
  | { readonly type: "close"; readonly code?: number; readonly reason?: string };

/**
 * Messages to bytes: strings are sent as text, bytes as binary, and what a
 * {@link MessageDecoderStream} gives as what it is.
 *
 * ```js
 * messages.pipeThrough(new MessageEncoderStream({ role: "server" })).pipeTo(socket.writable);
 * ```
 */
export class MessageEncoderStream extends TransformStream<Sendable, Uint8Array<ArrayBuffer>> {
  constructor(options: EncoderOptions) {
    const encoder = new Encoder(options);
    super(
      {
        transform(message, controller) {
          add(encoder, message);
          controller.enqueue(encoder.take());
        },
        flush: () => encoder.free(),
      },
      { highWaterMark: 1 },
      { highWaterMark: HIGH_WATER, size: (bytes) => bytes.length },
    );
  }
}

const utf8 = new TextEncoder();

function add(encoder: Encoder, message: Sendable): void {
  if (typeof message === "string") {
    encoder.text(message);
    return;
  }
  if (typeof message !== "object" || message === null || !("type" in message)) {
    encoder.binary(message);
    return;
  }
  switch (message.type) {
    case "close":
      // The code 1005 can't be sent: it stands for a close frame without a code.
      if (message.code === undefined || message.code === 1005) encoder.close();
      else encoder.close(message.code, message.reason);
      return;
    case "binary":
      encoder.binary(typeof message.data === "string" ? utf8.encode(message.data) : message.data);
      return;
    case "text":
    case "ping":
    case "pong":
      if (message.data === undefined) throw new TypeError("a message needs data");
      encoder[message.type](message.data);
      return;
    default:
      throw new TypeError("type must be text, binary, ping, pong or close");
  }
}
