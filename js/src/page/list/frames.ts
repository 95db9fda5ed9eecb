/** The list of frames or messages. */

import { element, setText } from "../dom/dom.ts";
import { count, seconds } from "../dom/format.ts";
import type { Row } from "../protocol.ts";
import type { RowCache } from "../store/cache.ts";
import { type RowView, VirtualList } from "./virtual.ts";

/** The columns, with their headings. */
const COLUMNS = [
  ["time", "Time", "Seconds since the start"],
  ["gap", "Gap", "Seconds since the frame before"],
  ["id", "#", "Connection"],
  ["dir", "", "Direction"],
  ["type", "Type", "Type of the frame or message"],
  ["flags", "Flags", "FIN, reserved bits, mask"],
  ["length", "Length", "Bytes on the wire"],
  ["text", "Payload", "Beginning of the payload"],
] as const;

/** The two directions as signs, and as words for those who do not see the signs. */
const SIGNS = { c2s: "→", s2c: "←", "": "" };
const WORDS = { c2s: "client to server", s2c: "server to client", "": "" };

/** The list of frames or messages. */
export class FrameList {
  readonly grid: HTMLElement;
  readonly list: VirtualList;
  #cache: RowCache<Row>;
  #selected = -1;
  /** Called when another row is selected; -1 if none is. */
  onSelect: (index: number) => void = () => {};
  /** Called when a row is opened, by the Enter key or a double click. */
  onOpen: () => void = () => {};

  constructor(grid: HTMLElement, cache: RowCache<Row>) {
    this.grid = grid;
    this.#cache = cache;
    const heading = element("div", { class: "row heading", role: "row", "aria-rowindex": "1" });
    for (const [name, title, label] of COLUMNS) {
      const cell = { class: name, role: "columnheader", title: label, "aria-label": label };
      heading.append(element("span", cell, title));
    }
    const scroller = element("div", { class: "scroller", role: "rowgroup" });
    grid.append(element("div", { role: "rowgroup" }, heading), scroller);
    const view: RowView = {
      height: 24,
      make: () => this.#make(),
      fill: (row, index) => this.#fill(row, index),
      want: (from, to) => cache.want(from, to),
    };
    this.list = new VirtualList(scroller, view);
    this.list.onDraw = () => this.#point();
    cache.onRows = () => this.list.refresh();
  }

  get selected(): number {
    return this.#selected;
  }

  /** Selects a row and shows it. */
  select(index: number, center = false): void {
    const most = this.list.length - 1;
    this.#selected = Math.max(-1, Math.min(most, index));
    if (this.#selected >= 0) {
      if (center) this.list.center(this.#selected);
      else this.list.reveal(this.#selected);
    }
    this.list.refresh();
    this.onSelect(this.#selected);
  }

  /** Selects the row so many rows further down. */
  move(by: number): void {
    this.select(this.#selected < 0 ? Math.max(0, this.list.visible[0]) : Math.max(0, this.#selected + by));
  }

  /** Says that the list has other rows, and that nothing is selected. */
  clear(): void {
    this.#selected = -1;
    this.list.refresh();
  }

  /** Marks another row without asking for its details, because the list has changed around it. */
  follow(index: number): void {
    this.#selected = index;
    if (index >= 0) this.list.center(index);
    this.list.refresh();
  }

  /** Sets how many rows there are. */
  setLength(length: number): void {
    this.#cache.grow(length);
    this.list.setLength(length);
    this.grid.setAttribute("aria-rowcount", `${length + 1}`);
    this.list.draw();
  }

  /** Tells assistive technology which row is selected. */
  #point(): void {
    const row = this.#selected < 0 ? undefined : this.list.rowElement(this.#selected);
    if (row === undefined) this.grid.removeAttribute("aria-activedescendant");
    else this.grid.setAttribute("aria-activedescendant", row.id);
  }

  #made = 0;

  #make(): HTMLElement {
    const row = element("div", { class: "row", role: "row", id: `row-${this.#made++}` });
    for (const [name] of COLUMNS) row.append(element("span", { class: name, role: "gridcell" }, ""));
    // A text node in each cell is changed without a look-up.
    for (const cell of row.children) cell.append(document.createTextNode(""));
    row.addEventListener("mousedown", () => this.select(Number(row.dataset.index)));
    row.addEventListener("dblclick", () => this.onOpen());
    return row;
  }

  #fill(element: HTMLElement, index: number): void {
    const row = this.#cache.get(index);
    const selected = index === this.#selected;
    element.dataset.index = `${index}`;
    element.setAttribute("aria-rowindex", `${index + 2}`);
    element.setAttribute("aria-selected", `${selected}`);
    const kind = row === undefined ? "waiting" : `${row.kind} ${row.dir}${row.faulty ? " faulty" : ""}`;
    const control = row?.type === "close" || row?.type === "ping" || row?.type === "pong" ? " control" : "";
    const name = `row ${kind}${control}${index % 2 === 0 ? " even" : ""}`;
    if (element.className !== name) element.className = name;
    const cells = element.children;
    const texts = row === undefined ? EMPTY : textsOf(row);
    for (let i = 0; i < texts.length; i++) setText(cells[i] as Element, texts[i] as string);
    (cells[3] as Element).setAttribute("aria-label", WORDS[row?.dir ?? ""]);
  }
}

const EMPTY = ["", "", "", "", "", "", "", ""];

/** What the cells of a row show. */
export function textsOf(row: Row): string[] {
  const time = row.time === null ? "" : seconds(row.time);
  const type = row.type ?? row.kind;
  if (row.type === undefined) {
    return [time, "", row.connection, SIGNS[row.dir], type, "", "", row.text];
  }
  const gap = row.gap === null ? "" : `+${seconds(row.gap)}`;
  const length = count(row.length ?? 0);
  const whole = (row.inflated ?? -1) >= 0 ? `${length} → ${count(row.inflated ?? 0)}` : length;
  return [time, gap, row.connection, SIGNS[row.dir], type, flagsOf(row), whole, row.text];
}

/** `FIN 1 mask`: FIN, the reserved bits that are set, and whether the frame is masked. */
function flagsOf(row: Row): string {
  if (row.kind === "message") {
    const frames = (row.frames ?? 0) > 1 ? `${count(row.frames ?? 0)} frames` : "";
    return [frames, row.rsv === 4 ? "deflate" : ""].filter((it) => it !== "").join(" ");
  }
  const rsv = [4, 2, 1].flatMap((bit, i) => (((row.rsv ?? 0) & bit) === 0 ? [] : [`R${i + 1}`]));
  return [row.fin === true ? "FIN" : "", ...rsv, row.mask === "" ? "" : "mask"]
    .filter((it) => it !== "").join(" ");
}
