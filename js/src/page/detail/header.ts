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
    ["FIN", binary(first >> 7, 1), frame.fin ? "last frame" : "more follow"],
    ["RSV1", binary((first >> 6) & 1, 1), (first & 0x40) === 0 ? "" : "compressed"],
    ["RSV2", binary((first >> 5) & 1, 1), ""],
    ["RSV3", binary((first >> 4) & 1, 1), ""],
    ["opcode", binary(first & 15, 4), `${frame.opcode} ${frame.name}`],
    ["MASK", binary(second >> 7, 1), frame.masked ? "masked" : "not masked"],
    ["length", binary(second & 0x7f, 7), extended.length === 0 ? `${frame.length} bytes` : `in ${8 * extended.length} bits`],
  ];
  if (extended.length > 0) fields.push(["extended length", hex(extended), `${frame.length} bytes`]);
  if (frame.mask !== undefined) fields.push(["mask key", frame.mask, ""]);
  return fields;
}

/** The fields side by side, as the RFC draws them. */
export function headerView(bytes: Uint8Array, frame: CapturedFrame): HTMLElement {
  const cells = fieldsOf(bytes, frame).map(([name, bits, value]) => element(
    "div", { title: value },
    element("dt", {}, name), element("dd", { class: "bits" }, bits), element("dd", { class: "value" }, value),
  ));
  return element(
    "section", { class: "header", "aria-label": "Header" },
    element("h3", {}, "Header ", element("code", {}, hex(bytes))), element("dl", {}, ...cells),
  );
}
