/** The keys of the page, and the help that lists them. */

import { element } from "../dom/dom.ts";

/** A key: the names that events have, the text of the help, what it does. */
export interface Key {
  readonly keys: readonly string[];
  readonly shown: string;
  readonly help: string;
  press(): void;
}

/** Elements that take keys themselves. */
const OWN = new Set(["INPUT", "TEXTAREA", "SELECT"]);
/** Keys that press a button or open a fold. */
const PRESS = new Set(["Enter", " "]);

/** Listens for keys on the whole page. */
export function listenForKeys(keys: readonly Key[]): void {
  const byName = new Map(keys.flatMap((key) => key.keys.map((name) => [name, key] as const)));
  document.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    const isField = OWN.has(target.tagName);
    if (event.ctrlKey || event.metaKey || event.altKey || (isField && event.key !== "Escape")) return;
    if (PRESS.has(event.key) && (target.tagName === "BUTTON" || target.tagName === "SUMMARY")) return;
    // Text and bytes of the detail pane scroll by themselves.
    if (target.closest("dialog, #payload, .menu") !== null && event.key !== "Escape" && event.key.length > 1) return;
    const key = byName.get(event.key);
    if (key === undefined) return;
    event.preventDefault();
    key.press();
  });
}

/** The table of the keys. */
export function keysView(keys: readonly Key[]): HTMLElement {
  const rows = keys.map(({ shown, help }) => element(
    "tr", {}, element("th", { scope: "row" }, ...shown.split(" ").map((key) => element("kbd", {}, key))),
    element("td", {}, help),
  ));
  return element("table", { class: "keys" }, element("tbody", {}, ...rows));
}
