/** Lines to standard output, in large blocks. */

import type { Writable } from "node:stream";

/** What is gathered before it is written, in characters. */
const BLOCK = 64 * 1024;

/** Nobody reads the output any more. */
export class Gone extends Error {
  override name = "Gone";
}

/** The output can't be written; the message is for the user. */
export class Unwritable extends Error {
  override name = "Unwritable";
}

/** An output with the room for a block of lines before it. */
export class Output {
  #pending = "";
  #stream: Writable;
  #error: Error | undefined;
  /** Called before anything is written. */
  onWrite: (() => void) | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    // Without this the error would end the process with a stack trace.
    stream.on("error", (error) => (this.#error ??= error));
  }

  /** Adds a line; follow with {@link drain} now and then. */
  line(text: string): void {
    this.#pending += text;
    this.#pending += "\n";
  }

  /** Whether it is time to write. */
  get full(): boolean {
    return this.#pending.length >= BLOCK;
  }

  /**
   * Writes what is there, and waits until it is taken.
   *
   * @throws Gone if there is no reader; Unwritable
   */
  async drain(): Promise<void> {
    const block = this.#pending;
    if (block === "") return;
    this.#pending = "";
    this.onWrite?.();
    const error = await new Promise<unknown>((resolve) => {
      this.#stream.write(block, resolve);
    }).catch((error: unknown) => error);
    const failure = error ?? this.#error;
    if (!failure) return;
    const { code, message } = failure as { code?: string; message?: string };
    if (code === "EPIPE" || code === "ERR_STREAM_DESTROYED") throw new Gone();
    const reason = code === "ENOSPC" ? "no space is left" : message;
    throw new Unwritable(`can't write the output: ${reason}`);
  }
}
