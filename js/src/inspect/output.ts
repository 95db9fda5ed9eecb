/** Bytes to standard output. */

import type { Writable } from "node:stream";

/** Nobody reads the output any more. */
export class Gone extends Error {
  override name = "Gone";
}

/** The output can't be written; the message is for the user. */
export class Unwritable extends Error {
  override name = "Unwritable";
}

/** An output that tells why it can't be written. */
export class Output {
  #stream: Writable;
  #error: Error | undefined;
  /** Called before anything is written. */
  onWrite: (() => void) | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    // Without this the error would end the process with a stack trace.
    stream.on("error", (error) => (this.#error ??= error));
  }

  /**
   * Writes, and waits until the stream has taken it.
   *
   * @throws Gone if there is no reader; Unwritable
   */
  async write(bytes: Uint8Array | string): Promise<void> {
    if (bytes.length === 0) return;
    this.onWrite?.();
    const error = await new Promise<unknown>((resolve) => {
      this.#stream.write(bytes, resolve);
    }).catch((error: unknown) => error);
    const failure = error ?? this.#error;
    if (!failure) return;
    const { code, message } = failure as { code?: string; message?: string };
    if (code === "EPIPE" || code === "ERR_STREAM_DESTROYED") throw new Gone();
    const reason = code === "ENOSPC" ? "no space is left" : message;
    throw new Unwritable(`can't write the output: ${reason}`);
  }
}
