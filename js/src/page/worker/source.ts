/** Files in pieces, and a stream that is kept so that it can be read again. */

import type { Input } from "../protocol.ts";

/** Bytes of the first piece, so that the first row is there soon, and of the others. */
const FIRST = 64 * 1024;
const PIECE = 512 * 1024;

/** A file that is read in pieces, once or several times. */
export class Source {
  readonly name: string;
  #blob: Blob | undefined;
  #stream: Blob[] = [];
  #ended = false;
  #wake: (() => void) | undefined;
  /** Read once for the kind of the file and for its first piece. */
  #front: Promise<Uint8Array> | undefined;

  constructor({ name, blob }: Input) {
    this.name = name;
    this.#blob = blob;
  }

  /** All bytes; `null` for a stream that has not ended. */
  get size(): number | null {
    return this.#blob?.size ?? null;
  }

  /** The first piece; empty for a stream. */
  front(): Promise<Uint8Array> {
    return (this.#front ??= read(this.#blob ?? new Blob(), 0, FIRST));
  }

  /** The bytes so far, as a file. */
  get bytes(): Blob {
    return this.#blob ?? new Blob(this.#stream);
  }

  /** Takes the next bytes of a stream. */
  append(bytes: Uint8Array): void {
    this.#stream.push(new Blob([bytes as Uint8Array<ArrayBuffer>]));
    this.#wake?.();
  }

  /** Says that the stream has ended. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** The pieces of the file. Those of a stream are given as they arrive, until it ends. */
  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#blob !== undefined) {
      const first = await this.front();
      if (first.length > 0) yield first;
      for (let at = first.length; at < this.#blob.size; at += PIECE) yield await read(this.#blob, at, PIECE);
      return;
    }
    for (let next = 0; ; ) {
      const piece = this.#stream[next];
      if (piece !== undefined) {
        next++;
        yield new Uint8Array(await piece.arrayBuffer());
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }
}

async function read(blob: Blob, at: number, length: number): Promise<Uint8Array> {
  return new Uint8Array(await blob.slice(at, at + length).arrayBuffer());
}
