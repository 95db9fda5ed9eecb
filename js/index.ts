/** A WebSocket core (RFC 6455) over bytes in place. */

import { simd as built } from "./wasm.ts";

/** Whether the module was built with SIMD, as the published one is. */
export function simd(): boolean {
  return built();
}
