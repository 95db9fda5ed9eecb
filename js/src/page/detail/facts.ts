/** The facts of an event: names and values, violations, heads. */

import type { CapturedHandshake, CapturedHead, InspectEvent, Violation } from "../../inspect/events.ts";
import { element } from "../dom/dom.ts";
import { count } from "../dom/format.ts";

/** Members that are shown elsewhere. */
const ELSEWHERE = new Set([
  "type", "text", "hex", "escaped", "compressed", "unknown", "cut", "violations", "request", "response",
  "stream", "substream", "dir", "fin", "rsv", "opcode", "name", "masked", "mask", "headers", "reasonHex",
]);

/** Names of members as words. */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function valueOf(value: unknown): string {
  if (value === null) return "–";
  if (typeof value === "number") return Number.isInteger(value) ? count(value) : `${value}`;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "object") {
    const members = Object.entries(value).map(([name, of]) => `${words(name)} ${valueOf(of)}`);
    return members.join(", ") || "–";
  }
  return String(value);
}

/** The members of an event, and in which of them bytes are counted. */
export function factsView(event: InspectEvent): HTMLElement {
  const list = element("dl", { class: "facts" });
  for (const [name, value] of Object.entries(event)) {
    if (ELSEWHERE.has(name)) continue;
    const shown = name === "time" || name === "firstTime" ? timeOf(value as number | null) : valueOf(value);
    list.append(element("dt", {}, words(name)), element("dd", {}, shown));
  }
  return list;
}

/** A time of day, with the digits that a Date does not have. */
function timeOf(time: number | null): string {
  if (time === null) return "–";
  const date = new Date(Math.floor(time) * 1000);
  const [day = "", clock = ""] = date.toISOString().split(/[T.]/);
  return `${day} ${clock}${(time % 1).toFixed(6).slice(1)} UTC`;
}

/** A violation with the value found and the value expected. */
export function violationView(it: Violation): HTMLElement {
  return element(
    "div", { class: "violation", role: "note" },
    element("strong", {}, it.code), ` ${it.message}`,
    element("div", {}, `found ${it.found}; expected ${it.expected} (${it.section})`),
  );
}

function headView(title: string, head: CapturedHead | null): HTMLElement {
  if (head === null) return element("p", {}, `The capture has no ${title.toLowerCase()}.`);
  const rows = head.headers.map(([name, value]) =>
    element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value)),
  );
  return element(
    "table", { class: "head" },
    element("caption", {}, `${title} `, element("code", {}, head.line)), element("tbody", {}, ...rows),
  );
}

/** Request and response of a handshake. */
export function handshakeView(it: CapturedHandshake): HTMLElement {
  return element("div", {}, headView("Request", it.request), headView("Response", it.response));
}
