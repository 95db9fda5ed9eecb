/** Streams that decode and encode, with back-pressure from end to end. */

import {
  type Bytes,
  type DecoderOptions,
  MessageEncoder,
  type MessageEncoderOptions,
  FrameDecoder,
  MessageDecoder,
  type OwnedFrame,
  type OwnedMessage,
} from "../index.ts";
import { checkOptions } from "../options/check.ts";
import { decoderChecks, encoderChecks } from "../options/tables.ts";
import { whenAborted } from "./abort.ts";

/** Streams have no use for pieces: what they hand out has memory of its own. */
const { pieces: _, ...whole } = decoderChecks;

/** Bytes of payload that wait in a stream before it takes no more. */
const HIGH_WATER = 64 * 1024;

/**
 * A stream of what a decoder finds in a stream of bytes.
 *
 * `abort` of a writable waits until the write that is under way has settled, and a write waits
 * until there is room in the readable. So the abort signal ends the wait: a caller that aborts
 * while nobody reads is not kept waiting.
 */
function decoding<T>(
  decoder: Cursor<T>,
  size: (owned: T) => number,
): ReadableWritablePair<T, Bytes> {
  let out!: ReadableStreamDefaultController<T>;
  let into!: WritableStreamDefaultController;
  let wake: (() => void) | undefined;
  let isOver = false;
  const room = async (least = 1): Promise<void> => {
    while (!isOver && (out.desiredSize ?? least) < least) {
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  const over = (): void => {
    isOver = true;
    wake?.();
    decoder.free();
  };
  // A stream that fails forgets what it holds, so it fails when all of that was read.
  const fail = async (error: unknown): Promise<never> => {
    await room(HIGH_WATER);
    out.error(error);
    over();
    throw error;
  };
  const readable = new ReadableStream<T>(
    {
      start: (controller) => void (out = controller),
      pull: () => wake?.(),
      cancel(reason) {
        over();
        into.error(reason);
      },
    },
    { highWaterMark: HIGH_WATER, size },
  );
  const writable = new WritableStream<Bytes>(
    {
      start(controller) {
        into = controller;
        whenAborted(controller, over);
      },
      async write(chunk) {
        try {
          decoder.push(chunk);
          while (!isOver && decoder.next()) {
            out.enqueue(decoder.owned());
            // Rows survive it if other decoders are used meanwhile.
            if ((out.desiredSize ?? 1) <= 0) await room();
          }
        } catch (error) {
          await fail(error);
        }
      },
      async close() {
        try {
          decoder.end();
        } catch (error) {
          await fail(error);
        }
        if (!isOver) out.close();
        over();
      },
      abort(reason) {
        over();
        out.error(reason);
      },
    },
    { highWaterMark: 1 },
  );
  return { readable, writable };
}

/** The interface that both decoders have for this file. */
interface Cursor<T> {
  push(chunk: Bytes): unknown;
  next(): boolean;
  owned(): T;
  end(): void;
  free(): void;
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
    checkOptions("MessageDecoderStream", options, whole);
    const { readable, writable } = decoding(
      new MessageDecoder(options),
      (message) => 16 + (message.type === "close" ? 0 : message.data.length),
    );
    this.readable = readable;
    this.writable = writable;
  }
}

/** Bytes to frames, or pieces of those that are cut: as {@link MessageDecoderStream}. */
export class FrameDecoderStream {
  readonly readable: ReadableStream<OwnedFrame>;
  readonly writable: WritableStream<Bytes>;

  constructor(options: Omit<DecoderOptions, "pieces">) {
    checkOptions("FrameDecoderStream", options, whole);
    const { readable, writable } = decoding(
      new FrameDecoder(options),
      (frame) => 16 + frame.payload.length,
    );
    this.readable = readable;
    this.writable = writable;
  }
}

/** A value that can be written to a {@link MessageEncoderStream}. */
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
export class MessageEncoderStream {
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<Sendable>;

  constructor(options: MessageEncoderOptions) {
    checkOptions("MessageEncoderStream", options, encoderChecks);
    const encoder = new MessageEncoder(options);
    // This is no subclass, so that this file can be imported where the runtime has no streams (jsdom).
    const { readable, writable } = new TransformStream<Sendable, Uint8Array<ArrayBuffer>>(
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
    this.readable = readable;
    this.writable = writable;
  }
}

function add(encoder: MessageEncoder, message: Sendable): void {
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
      encoder.binary(typeof message.data === "string" ? new TextEncoder().encode(message.data) : message.data);
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
