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

  constructor({ name, blob }: Input) {
    this.name = name;
    this.#blob = blob;
  }

  /** All bytes; `null` for a stream that has not ended. */
  get size(): number | null {
    return this.#blob?.size ?? null;
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
      yield* piecesOf(this.#blob);
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

/** The pieces of a file from its beginning. */
export async function* piecesOf(blob: Blob): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < blob.size; ) {
    const end = Math.min(blob.size, at + (at === 0 ? FIRST : PIECE));
    yield new Uint8Array(await blob.slice(at, end).arrayBuffer());
    at = end;
  }
}
