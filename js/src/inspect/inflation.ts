/** The content of compressed messages (RFC 7692), as far as it can be told. */

import { Decompressor, type DeflateDirection } from "wscodec";
import { type Fault, faultAt, faultOf } from "./faults.ts";

/** How to inflate a direction's messages, or why not. */
export type Inflating = DeflateDirection | string;

/** Why nothing is inflated behind damage. */
const DAMAGED = "what comes after damage can't be relied on";

const NOTHING = new Uint8Array(0);

/** Inflates the compressed messages of one direction until one is damaged. */
export class Inflation {
  /** Why messages are not inflated, if they are not. */
  reason: string | undefined;
  #decompressor: Decompressor | undefined;
  #direction: DeflateDirection = {};
  #maxMessage: number;
  #text: TextDecoder | undefined;
  /** The message is no text as it should be. */
  #invalid = false;

  constructor(how: Inflating, maxMessage: number) {
    if (typeof how === "string") this.reason = how;
    else this.#direction = how;
    this.#maxMessage = maxMessage;
  }

  /** A compressed message begins. */
  begin(isText: boolean): void {
    this.#invalid = false;
    this.#text = isText ? new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }) : undefined;
  }

  /**
   * Inflates the next bytes of the message; `each` gets what comes out, lent for
   * the call. Gives the fault that ends it all: damage at once, text that is none
   * at the end of its frame, so that it does not matter how the bytes come.
   */
  take(
    bytes: Uint8Array | undefined,
    { offset, frameEnds, messageEnds }: { offset: number; frameEnds: boolean; messageEnds: boolean },
    each: (piece: Uint8Array) => void,
  ): Fault | undefined {
    // Nothing is held but the window, so neither size nor ratio need a limit.
    this.#decompressor ??= new Decompressor(
      { receive: this.#direction },
      { maxMessage: this.#maxMessage, maxInflation: 2 ** 32 - 1 },
    );
    try {
      for (const piece of this.#decompressor.pieces(bytes ?? NOTHING, messageEnds)) {
        each(piece);
        this.#check(piece, true);
      }
    } catch (error) {
      return this.#ends({ ...faultOf(error), offset });
    }
    if (messageEnds) this.#check(NOTHING, false);
    return this.#invalid && frameEnds ? this.#ends(faultAt("INVALID_UTF8", offset)) : undefined;
  }

  /** Frees what inflating needs. */
  free(): void {
    this.#decompressor?.free();
    this.#decompressor = undefined;
  }

  /** Sees whether the bytes go on as UTF-8, where they have to. */
  #check(bytes: Uint8Array, stream: boolean): void {
    if (this.#invalid) return;
    try {
      this.#text?.decode(bytes, { stream });
    } catch {
      this.#invalid = true;
    }
  }

  #ends(fault: Fault): Fault {
    this.reason = DAMAGED;
    this.free();
    return fault;
  }
}
