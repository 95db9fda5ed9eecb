/**
 * Text from bytes and bytes from text, in runtimes that have `TextDecoder` and in those that hide it.
 *
 * - jest-environment-jsdom runs code with the globals of a page as jsdom has them, without
 *   `TextDecoder` and `TextEncoder`, but with Node's `Buffer`. Code that is bundled with this file
 *   (`inject` of esbuild, see `js/build/bundle.mjs`) takes the two classes from here, the generated
 *   bindings too. Where a runtime has them these are its own.
 * - WebKit's TextDecoder (Safari 16 to 18.4) throws once it has decoded 2 GiB in total. So a
 *   {@link Utf8Decoder} takes a new one before that.
 * - Bun before 1.4 counts two bytes for a lone surrogate, for which it writes three, and may lose one
 *   at the end of a text. So {@link encodable} replaces lone surrogates there before.
 */

type DecoderClass = typeof globalThis.TextDecoder;
type EncoderClass = typeof globalThis.TextEncoder;

/** The methods of Node's Buffer that this file needs. */
interface BufferClass {
  from(bytes: ArrayBufferLike, offset: number, length: number): {
    toString(encoding: "utf8"): string;
    write(text: string, encoding: "utf8"): number;
  };
  byteLength(text: string): number;
}

const host = globalThis as unknown as {
  TextDecoder?: DecoderClass;
  TextEncoder?: EncoderClass;
  Buffer?: BufferClass;
};

function buffers(): BufferClass {
  if (host.Buffer !== undefined) return host.Buffer;
  throw new Error("wscodec needs TextDecoder and TextEncoder, or Node's Buffer; this runtime has none");
}

/** UTF-8 by Node's Buffer, a whole text at a time. */
class BufferDecoder {
  readonly #buffers = buffers();

  decode(bytes?: Uint8Array): string {
    if (bytes === undefined) return "";
    return this.#buffers.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  }
}

/** A `TextEncoder` over Node's Buffer. */
class BufferEncoder {
  readonly #buffers = buffers();

  encode(text = ""): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#buffers.byteLength(text));
    this.encodeInto(text, bytes);
    return bytes;
  }

  encodeInto(text: string, into: Uint8Array): { read: number; written: number } {
    const target = this.#buffers.from(into.buffer, into.byteOffset, into.byteLength);
    return { read: text.length, written: target.write(text, "utf8") };
  }
}

const losesSurrogates = host.Buffer !== undefined && host.Buffer.byteLength("\ud800") !== 3;

/** A text of which the runtime's encoders write each byte, lone surrogates as U+FFFD. */
export function encodable(text: string): string {
  if (!losesSurrogates) return text;
  // Bun 1.2 has this method, which came after the version of the language that the sources are typed for.
  return (text as unknown as { toWellFormed(): string }).toWellFormed();
}

/** The runtime's class, given texts that are {@link encodable}. */
function complete(Encoder: EncoderClass): EncoderClass {
  if (!losesSurrogates) return Encoder;
  return class extends Encoder {
    override encode(text = ""): Uint8Array<ArrayBuffer> {
      return super.encode(encodable(text));
    }

    override encodeInto(text: string, into: Uint8Array): { read: number; written: number } {
      return super.encodeInto(encodable(text), into);
    }
  };
}

export const TextDecoder = host.TextDecoder ?? (BufferDecoder as unknown as DecoderClass);
export const TextEncoder = complete(host.TextEncoder ?? (BufferEncoder as unknown as EncoderClass));

/** The most bytes that one decoder decodes. */
const MOST = 2 ** 31 - 2 ** 20;

/** Decodes UTF-8, a byte order mark included, over any number of bytes. */
export class Utf8Decoder {
  #decoder = fresh();
  #decoded = 0;

  decode(bytes: Uint8Array<ArrayBuffer>): string {
    this.#decoded += bytes.length;
    if (this.#decoded > MOST) {
      this.#decoder = fresh();
      this.#decoded = bytes.length;
    }
    return this.#decoder.decode(bytes);
  }
}

function fresh(): InstanceType<DecoderClass> {
  return new TextDecoder("utf-8", { ignoreBOM: true });
}
