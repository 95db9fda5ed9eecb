/** The engines that connections share. */

import { Engines } from "./module.ts";
import { type DeflateOptions, historyOf } from "./options.ts";

let engines: Engines | undefined;

/**
 * The arguments for the module's part of a connection: the engines, and which of them to use.
 *
 * @internal
 */
export function enginesFor(options: DeflateOptions): [Engines, history: number] {
  return [(engines ??= new Engines()), historyOf(options)];
}

/** The engines that connections share to compress and inflate; each connection has its own `memory()`. */
export const deflateEngines = {
  /** Bytes of the module's memory that shared engines hold. */
  memory(): number {
    return engines?.memory() ?? 0;
  },

  /** Gives that memory back until it is needed again. Connections lose nothing by it. */
  release(): void {
    engines?.release();
  },
};
