/** The pane with all that is known about a row. */

import type { CapturedPayload, InspectEvent, Violation } from "../../inspect/events.ts";
import { button, element, save } from "../dom/dom.ts";
import { size } from "../dom/format.ts";
import type { Detail, Whole } from "../protocol.ts";
import { factsView, handshakeView, violationView } from "./facts.ts";
import { headerView } from "./header.ts";
import { hexView, type Unknown } from "./hex.ts";
import { treeView } from "./tree.ts";

/** Characters of a text that are shown at once. */
const TEXT = 100_000;
/** Bytes of a payload in the JSON line, as by `wscodec inspect --json --payloads`. */
export const MOST = 64 * 1024 * 1024;

/** The views of a payload, in the order in which they are offered. */
type ViewName = "tree" | "text" | "hex" | "compressed" | "json";
const TITLES: Record<ViewName, string> = {
  tree: "Tree", text: "Text", hex: "Hex", compressed: "Compressed", json: "JSON line",
};

/** A line of the module: the event with its payload as it is written. */
type Line = InspectEvent & CapturedPayload & { hex?: string; compressed?: unknown; name?: string; kind?: string };

/** The pane for one row. */
export class DetailPane {
  #box: HTMLElement;
  #row = -1;
  #view: ViewName | undefined;
  #whole: (row: number) => Promise<Whole>;
  #detail: Detail | undefined;
  /** Called when the pane is closed. */
  onClose: () => void = () => {};

  constructor(box: HTMLElement, whole: (row: number) => Promise<Whole>) {
    this.#box = box;
    this.#whole = whole;
  }

  /** The payload that is shown, to be saved. */
  get detail(): Detail | undefined {
    return this.#detail;
  }

  clear(): void {
    this.#row = -1;
    this.#detail = undefined;
    this.#box.replaceChildren(element("p", { class: "hint" }, "Select a row to see its header and payload."));
  }

  /** Shows a row. */
  show(row: number, detail: Detail): void {
    this.#row = row;
    this.#detail = detail;
    const [event, ...others] = detail.json.trimEnd().split("\n").map((line) => JSON.parse(line) as Line);
    if (event === undefined) return this.clear();
    const close = button("×", () => this.onClose(), { class: "close", "aria-label": "Close the detail pane" });
    const parts: HTMLElement[] = [element("header", {}, element("h2", {}, titleOf(event)), close)];
    const violations = event.type === "violation" ? [event, ...others] : others;
    parts.push(...violations.map((it) => violationView(it as Violation)));
    parts.push(factsView(event));
    if (event.type === "handshake") parts.push(handshakeView(event));
    if (event.type === "frame" && detail.header.length > 0) parts.push(headerView(detail.header, event));
    parts.push(this.#payload(event, detail));
    this.#box.replaceChildren(...parts);
  }

  /** The payload in one of several views, which are tabs. */
  #payload(event: Line, detail: Detail): HTMLElement {
    const views: Partial<Record<ViewName, () => HTMLElement>> = {};
    const isData = event.type === "frame" || event.type === "message";
    const room = this.#box.clientWidth;
    const unknown = (event.unknown ?? []) as Unknown;
    if (detail.layout !== null) views.tree = () => treeView(detail.layout ?? "");
    const text = event.text ?? event.escaped;
    if (isData && text !== undefined) views.text = () => textView(text);
    if (isData) views.hex = () => hexView(detail.payload, room, unknown);
    if (detail.compressed.length > 0) views.compressed = () => hexView(detail.compressed, room);
    views.json = () => element("pre", { class: "json", tabindex: "0" }, detail.json.trimEnd());
    const names = Object.keys(views) as ViewName[];
    const wanted = this.#view;
    const chosen = wanted !== undefined && names.includes(wanted) ? wanted : (names[0] as ViewName);
    const body = element("div", { class: "body", role: "tabpanel", id: "payload", "aria-label": TITLES[chosen] });
    const tabs = element("div", { class: "tabs", role: "tablist", "aria-label": "Views of the payload" });
    const show = (name: ViewName) => {
      for (const tab of tabs.children) {
        const is = tab.id === `view-${name}`;
        tab.setAttribute("aria-selected", `${is}`);
        tab.setAttribute("tabindex", is ? "0" : "-1");
      }
      body.setAttribute("aria-label", TITLES[name]);
      body.replaceChildren((views[name] as () => HTMLElement)());
    };
    for (const name of names) {
      const press = () => {
        this.#view = name;
        show(name);
      };
      tabs.append(button(TITLES[name], press, { role: "tab", id: `view-${name}`, "aria-controls": "payload" }));
    }
    tabs.addEventListener("keydown", (event) => {
      const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
      if (by === 0) return;
      event.stopPropagation();
      const buttons = [...tabs.children] as HTMLElement[];
      const at = buttons.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
      const next = buttons[(at + by + buttons.length) % buttons.length];
      next?.click();
      next?.focus();
    });
    show(chosen);
    const box = element("section", { class: "payload", "aria-label": "Payload" }, tabs);
    if (event.cut === true) box.append(this.#cut(detail));
    box.append(body);
    return box;
  }

  /** A line that offers the rest of a payload that was too long to be kept. */
  #cut(detail: Detail): HTMLElement {
    const row = this.#row;
    const box = element("p", { class: "cut" }, `The first ${size(detail.payload.length)} of the payload are shown. `);
    const load = button("Read all of it", () => {
      load.disabled = true;
      load.textContent = "Reading…";
      this.#whole(row).then((whole) => {
        if (row === this.#row) this.show(row, { ...detail, ...whole });
      }, (error: Error) => {
        box.textContent = error.message;
      });
    });
    box.append(load);
    return box;
  }

  /** Saves the payload to a file; one that is not kept as a whole is read again. */
  async save(): Promise<void> {
    const row = this.#row;
    const detail = this.#detail;
    if (detail === undefined) return;
    const { text, stream, dir, cut } = JSON.parse(detail.json.split("\n")[0] ?? "{}") as Record<string, unknown>;
    const { payload } = cut === true ? await this.#whole(row) : detail;
    const ending = text === undefined ? "bin" : "txt";
    save(new Blob([payload as Uint8Array<ArrayBuffer>]), `payload-${stream}-${dir ?? "both"}-${row}.${ending}`);
  }
}

function titleOf(event: Line): string {
  const id = `#${event.stream}${event.substream === undefined ? "" : `.${event.substream}`}`;
  const dir = "dir" in event ? ({ c2s: " from the client", s2c: " from the server" }[event.dir] ?? "") : "";
  switch (event.type) {
    case "frame": return `${event.name} frame${dir}, ${id}`;
    case "message": return `${event.kind ?? "rest of a"} message${dir}, ${id}`;
    default: return `${event.type}${dir}, ${id}`;
  }
}

/** A text with its first characters; a button shows the others. */
function textView(text: string): HTMLElement {
  const box = element("pre", { class: "text", tabindex: "0" }, text.slice(0, TEXT));
  if (text.length > TEXT) {
    const more = button("Show all of the text", () => {
      more.remove();
      box.textContent = text;
    }, { class: "more" });
    box.append(more);
  }
  return box;
}
