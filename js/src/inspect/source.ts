/** Where bytes come from: a file or standard input, in chunks. */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** What one read takes at most, and what the decoders have room for. */
export const CHUNK = 64 * 1024;

/** A file can't be read; the message is for the user. */
export class Unreadable extends Error {
  override name = "Unreadable";
}

type Chunk = Uint8Array | undefined;

/** Gets the next chunk, of up to {@link CHUNK} bytes; `undefined` at the end. */
export type Fetch = () => Chunk | Promise<Chunk>;

/** A stream of bytes that can be looked at before it is read. */
export class Source {
  /** The name to call it by. */
  readonly name: string;
  /** How many bytes there are in all, if that is known. */
  readonly size: number | undefined;
  /** Bytes taken so far, those only looked at included. */
  fetched = 0;
  /** Whether the end was reached. */
  ended = false;
  #held: Uint8Array = new Uint8Array(0);
  #fetch: Fetch;

  constructor(name: string, fetch: Fetch, size?: number) {
    this.name = name;
    this.#fetch = fetch;
    this.size = size;
  }

  /** Opens a file, or standard input as `-`. */
  static open(path: string): Source {
    if (path === "-") return new Source("standard input", standardInput());
    try {
      const fd = openSync(path, "r");
      const stat = fstatSync(fd);
      if (stat.isDirectory()) throw Object.assign(new Error(), { code: "EISDIR" });
      return new Source(path, blocks(fd), stat.isFile() ? stat.size : undefined);
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  /** The next chunk; `undefined` at the end. It is valid until the next call. */
  read(): Chunk | Promise<Chunk> {
    const held = this.#held;
    if (held.length === 0) return this.#next();
    this.#held = held.subarray(CHUNK);
    return held.subarray(0, CHUNK);
  }

  /**
   * The bytes that come next, without taking them: as soon as `enough` says so,
   * or up to `most`, or all there are. `enough` is told how many of the bytes
   * it has seen before.
   */
  async peek(most: number, enough: (bytes: Buffer, seen: number) => boolean): Promise<Buffer> {
    const held = Buffer.alloc(most + CHUNK);
    held.set(this.#held);
    let length = this.#held.length;
    let seen = 0;
    for (;;) {
      if (length > seen && enough(held.subarray(0, length), seen)) break;
      seen = length;
      const chunk = length < most ? await this.#next() : undefined;
      if (chunk === undefined) break;
      held.set(chunk, length);
      length += chunk.length;
    }
    this.#held = held.subarray(0, length);
    return held.subarray(0, length);
  }

  /** Passes over bytes that were looked at. */
  skip(length: number): void {
    this.#held = this.#held.subarray(length);
  }

  #next(): Chunk | Promise<Chunk> {
    try {
      const chunk = this.#fetch();
      return chunk !== undefined && "then" in chunk
        ? chunk.then(this.#count, (error) => Promise.reject(unreadable(this.name, error)))
        : this.#count(chunk);
    } catch (error) {
      throw unreadable(this.name, error);
    }
  }

  #count = (chunk: Chunk): Chunk => {
    if (chunk === undefined) this.ended = true;
    else this.fetched += chunk.length;
    return chunk;
  };
}

/** Reads a file block by block, always into the same memory. */
function blocks(fd: number): Fetch {
  const block = Buffer.alloc(CHUNK);
  let open = true;
  return () => {
    if (!open) return undefined;
    const length = readSync(fd, block, 0, CHUNK, null);
    if (length > 0) return block.subarray(0, length);
    closeSync(fd);
    open = false;
    return undefined;
  };
}

/** Reads standard input, whatever it is; the chunks are cut to size. */
function standardInput(): Fetch {
  const chunks = process.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let rest: Buffer = Buffer.alloc(0);
  return async () => {
    while (rest.length === 0) {
      const next = await chunks.next();
      if (next.done) return undefined;
      rest = next.value;
    }
    const chunk = rest.subarray(0, CHUNK);
    rest = rest.subarray(CHUNK);
    return chunk;
  };
}

const reasons: Record<string, string> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EACCES: "its permissions do not allow it",
  EPERM: "its permissions do not allow it",
  EISDIR: "it is a folder",
  EMFILE: "too many files are open",
  EIO: "the device reports an error",
};

function unreadable(name: string, error: unknown): Error {
  const { code, message } = error as { code?: string; message?: string };
  return new Unreadable(`can't read ${name}: ${reasons[code ?? ""] ?? code ?? message}`);
}
