/** Files and standard input, in chunks. */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Bytes that are read at once. */
const CHUNK = 256 * 1024;

/** A file can't be read; the message is the reason. */
export class Unreadable extends Error {
  override name = "Unreadable";
}

/** A file or standard input, which is opened by the first read. */
export class Source {
  readonly #path: string;
  #read: (() => Uint8Array | undefined | Promise<Uint8Array | undefined>) | undefined;

  /** `-` is standard input. */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * The next chunk, which is valid until the next call; `undefined` at the end.
   *
   * @throws Unreadable
   */
  async read(): Promise<Uint8Array | undefined> {
    try {
      this.#read ??= this.#path === "-" ? standardInput() : blocks(this.#path);
      return await this.#read();
    } catch (error) {
      throw new Unreadable(reasonOf(error));
    }
  }
}

/** The size of these files together; `undefined` if one of them has no size. */
export function sizeOf(paths: readonly string[]): number | undefined {
  let sum = 0;
  for (const path of paths) {
    try {
      const fd = openSync(path, "r");
      const stat = fstatSync(fd);
      closeSync(fd);
      if (!stat.isFile()) return undefined;
      sum += stat.size;
    } catch {
      return undefined;
    }
  }
  return sum;
}

/** Reads a file block by block, always into the same memory. */
function blocks(path: string): () => Uint8Array | undefined {
  const fd = openSync(path, "r");
  if (fstatSync(fd).isDirectory()) throw Object.assign(new Error(), { code: "EISDIR" });
  const block = Buffer.alloc(CHUNK);
  return () => {
    const length = readSync(fd, block, 0, CHUNK, null);
    if (length > 0) return block.subarray(0, length);
    closeSync(fd);
    return undefined;
  };
}

/** Reads standard input, whatever it is. */
function standardInput(): () => Promise<Uint8Array | undefined> {
  const chunks = process.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  return async () => {
    const next = await chunks.next();
    return next.done ? undefined : next.value;
  };
}

/** The reason why a file cannot be read, in words. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return reasons[code ?? ""] ?? message ?? String(error);
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
