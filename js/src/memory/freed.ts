/**
 * The object that a freed object has in the place of its part of the module.
 *
 * wasm-bindgen's own objects keep an address, and after `free` it is 0: the next call fails with
 * "null pointer passed to rust", and a second `free` as well. With this object in their place all
 * use throws a MisuseError, and nothing has to be asked before each call.
 */

import { misuse, type MisuseError } from "../error/errors.ts";

/** The error of using a freed object. */
export function useAfterFree(): MisuseError {
  return misuse("FREED", "this object was freed and can't be used any more");
}

/** Stands for any handle: whatever is asked of it throws MisuseError `FREED`. */
export const freed: unknown = new Proxy(
  {},
  {
    get() {
      throw useAfterFree();
    },
    set() {
      throw useAfterFree();
    },
  },
);
