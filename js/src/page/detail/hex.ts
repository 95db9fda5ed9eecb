/** Bytes in hexadecimal, with their offsets and as text. */

import { element, setText } from "../dom/dom.ts";
import { VirtualList } from "../list/virtual.ts";

/** Bytes in a line, and the pixels that they need. */
const WIDTH = 16;
const ROOM = 620;

/** Ranges of bytes that are not known. */
export type Unknown = readonly (readonly [number, number])[];

/** The line of a byte view: offset, bytes, characters. */
export function lineOf(bytes: Uint8Array, line: number, unknown: Unknown, width = WIDTH): [string, string, string] {
  const at = line * width;
  let digits = "";
  let characters = "";
  for (let i = at; i < Math.min(bytes.length, at + width); i++) {
    const byte = bytes[i] as number;
    const known = !unknown.some(([from, to]) => i >= from && i < to);
    digits += `${i > at ? (i === at + width / 2 ? "  " : " ") : ""}${known ? byte.toString(16).padStart(2, "0") : "··"}`;
    characters += known && byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·";
  }
  return [at.toString(16).padStart(8, "0"), digits.padEnd(3 * width), characters];
}

/** A view of bytes of any length, in so many pixels. */
export function hexView(bytes: Uint8Array, room: number, unknown: Unknown = []): HTMLElement {
  const width = room < ROOM ? WIDTH / 2 : WIDTH;
  const label = `${bytes.length} bytes in hexadecimal`;
  const box = element("div", { class: "hex", tabindex: "0", role: "document", "aria-label": label });
  const lines = Math.ceil(bytes.length / width);
  box.style.height = `${Math.min(24, lines) * 20 + 4}px`;
  const list = new VirtualList(box, {
    height: 20,
    make: () => {
      const spans = ["offset", "digits", "characters"].map((name) => element("span", { class: name }, " "));
      return element("div", { class: "line" }, ...spans);
    },
    fill: (row, index) => {
      lineOf(bytes, index, unknown, width).forEach((text, i) => setText(row.children[i] as Element, text));
    },
    want: () => {},
  });
  list.setLength(lines);
  return box;
}
