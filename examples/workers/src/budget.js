// A bound for the bytes that all connections of an isolate hold in queues of this program.

/** Gives out bytes until there are none left. */
export class Budget {
  #left;

  constructor(bytes) {
    this.#left = bytes;
  }

  /** Whether there were as many bytes. The caller gives them back. */
  take(bytes) {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes) {
    this.#left += bytes;
  }
}
