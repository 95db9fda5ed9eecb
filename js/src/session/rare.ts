/** The state that only few sessions have: most have no compression, no keys of their own, and no end yet. */

import { limitsOf } from "../deflate/decompressor.ts";
import { enginesFor } from "../deflate/engines.ts";
import { SessionDeflate } from "../deflate/module.ts";
import { levelAndThreshold, packed } from "../deflate/options.ts";
import type { WscodecError } from "../error/errors.ts";
import { ensure, refresh } from "../memory/memory.ts";
import { keysFrom } from "../message/keys.ts";
import type { SessionOptions } from "./options.ts";
import type { Outcome, SessionState } from "./outcome.ts";

/** More bytes than a `SessionDeflate` takes. */
const DEFLATE = 4 * 1024;

export class Rare {
  /** Compression, while the session has no slot; an empty place otherwise. */
  deflate: SessionDeflate | undefined;
  readonly keys: (() => number) | undefined;
  /** The error that it ended with. */
  error: WscodecError | undefined = undefined;
  freed = false;
  /** How it ended, if it was freed or never had an endpoint for its end. */
  end: { readonly state: SessionState; readonly outcome: Outcome | undefined } | undefined = undefined;

  constructor(deflate: SessionDeflate | undefined, keys: (() => number) | undefined) {
    this.deflate = deflate;
    this.keys = keys;
  }
}

/**
 * The state that these options need; `undefined` for none.
 *
 * @throws LimitError `OUT_OF_MEMORY`
 */
export function rareOf(options: SessionOptions, client: boolean): Rare | undefined {
  const { deflate, maskKey } = options;
  if (maskKey === undefined && deflate === undefined) return undefined;
  let resting: SessionDeflate | undefined;
  if (deflate !== undefined) {
    ensure(DEFLATE);
    resting = new SessionDeflate(
      ...enginesFor(deflate),
      packed(deflate.receive),
      ...limitsOf(options),
      packed(deflate.send),
      ...levelAndThreshold(deflate),
    );
    refresh();
  }
  return new Rare(resting, client && maskKey !== undefined ? keysFrom(maskKey) : undefined);
}
