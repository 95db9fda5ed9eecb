/** Output of the module, which lies in its memory until it is taken. */

import { type PageInspector, takeBytes, takeText } from "../../inspect/module.ts";

/** What {@link takeBytes} asks for: a page has its own `length`, that of the list. */
function outputOf(page: PageInspector) {
  return {
    address: () => page.address(),
    length: () => page.outLength(),
    clear: () => page.clear(),
  };
}

/** Takes the output as text. */
export function textOf(page: PageInspector): string {
  return takeText(outputOf(page));
}

/** Takes the output as bytes of its own. */
export function bytesOf(page: PageInspector): Uint8Array {
  return takeBytes(outputOf(page));
}
