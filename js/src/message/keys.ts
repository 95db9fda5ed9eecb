/** Where the mask keys of a client's frames come from (RFC 6455 §5.3). */

import { kindOf } from "../bytes/bytes.ts";

// Keys are drawn many at a time: a call of the random source costs more than a frame.
const keys = new Uint32Array(1024);
let next = keys.length;

/** The source that an option names, or the runtime's source of randomness. */
export function keysFrom(maskKey: (() => number) | undefined): () => number {
  if (maskKey === undefined) return randomKey;
  if (typeof maskKey !== "function") throw new TypeError("maskKey must be a function");
  return () => {
    const key = maskKey();
    // Coerced, it would be 0: the payload would go out as it is.
    if (!Number.isInteger(key)) throw new TypeError(`maskKey must return an integer, not ${kindOf(key)}`);
    return key;
  };
}

/** Node's own where the globals are those of a page that has none, as in some test environments. */
function randomSource(): Crypto {
  const { crypto, process } = globalThis as unknown as {
    crypto?: Crypto;
    process?: { getBuiltinModule?(name: string): { webcrypto: Crypto } | undefined };
  };
  const found = crypto ?? process?.getBuiltinModule?.("node:crypto")?.webcrypto;
  if (found === undefined) throw new Error("wscodec needs crypto.getRandomValues; this runtime has none");
  return found;
}

function randomKey(): number {
  if (next === keys.length) {
    randomSource().getRandomValues(keys);
    next = 0;
  }
  return keys[next++] as number;
}
