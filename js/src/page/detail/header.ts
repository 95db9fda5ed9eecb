/** The bits of a frame's header (RFC 6455 §5.2). */

import { element } from "../dom/dom.ts";
import { hex } from "../dom/format.ts";
import type { CapturedFrame } from "../../inspect/events.ts";

/** A field: its name, its bits or bytes, its value. */
export type HeaderField = readonly [name: string, bits: string, value: string];

function binary(value: number, digits: number): string {
  return value.toString(2).padStart(digits, "0");
}

/** The fields of a header, in their order. */
export function fieldsOf(bytes: Uint8Array, frame: CapturedFrame): HeaderField[] {
  const [first = 0, second = 0] = bytes;
  const key = frame.masked ? 4 : 0;
  const extended = bytes.subarray(2, bytes.length - key);
  const fields: HeaderField[] = [
    ["FIN", binary(first >> 7, 1), frame.fin ? "the last frame of its message" : "more frames follow"],
    ["RSV1", binary((first >> 6) & 1, 1), (first & 0x40) === 0 ? "" : "the message is compressed"],
    ["RSV2", binary((first >> 5) & 1, 1), ""],
    ["RSV3", binary((first >> 4) & 1, 1), ""],
    ["opcode", binary(first & 15, 4), `${frame.opcode} ${frame.name}`],
    ["MASK", binary(second >> 7, 1), frame.masked ? "the payload is masked" : "the payload is not masked"],
    ["length", binary(second & 0x7f, 7), extended.length === 0 ? `${frame.length} bytes` : `in ${8 * extended.length} bits`],
  ];
  if (extended.length > 0) fields.push(["extended length", hex(extended), `${frame.length} bytes`]);
  if (frame.mask !== undefined) fields.push(["mask key", frame.mask, ""]);
  return fields;
}

/** A table of the fields. */
export function headerView(bytes: Uint8Array, frame: CapturedFrame): HTMLElement {
  const rows = fieldsOf(bytes, frame).map(([name, bits, value]) =>
    element("tr", {}, element("th", { scope: "row" }, name), element("td", { class: "bits" }, bits), element("td", {}, value)),
  );
  const caption = element("caption", {}, "Header ", element("code", {}, hex(bytes)));
  return element("table", { class: "header" }, caption, element("tbody", {}, ...rows));
}
