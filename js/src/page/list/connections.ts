/** The list of connections. */

import { element, setText } from "../dom/dom.ts";
import { count, counted, duration, size } from "../dom/format.ts";
import type { Connection } from "../protocol.ts";
import type { RowCache } from "../store/cache.ts";
import { VirtualList } from "./virtual.ts";

const SIDES = { c2s: "client", s2c: "server" };

/** The list of connections; the first row stands for all of them. */
export class ConnectionList {
  readonly list: VirtualList;
  #cache: RowCache<Connection>;
  #selected = 0;
  #made = 0;
  /** Called when another connection is selected; `undefined` stands for all. */
  onSelect: (connection: Connection | undefined) => void = () => {};

  constructor(box: HTMLElement, cache: RowCache<Connection>) {
    this.#cache = cache;
    this.list = new VirtualList(box, {
      height: 82,
      make: () => this.#make(),
      fill: (row, index) => this.#fill(row, index),
      want: (from, to) => cache.want(Math.max(0, from - 1), to - 1),
    });
    this.list.onDraw = () => {
      const row = this.list.rowElement(this.#selected);
      if (row === undefined) box.removeAttribute("aria-activedescendant");
      else box.setAttribute("aria-activedescendant", row.id);
    };
    cache.onRows = () => this.list.refresh();
    box.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Sets how many connections there are. */
  setLength(length: number): void {
    const grown = length !== this.#cache.length;
    this.#cache.grow(length);
    // Sums of open connections change.
    this.#cache.refresh();
    this.list.setLength(length + 1);
    if (grown) this.list.refresh();
    else this.list.draw();
  }

  clear(): void {
    this.#selected = 0;
    this.#cache.reset();
    this.list.setLength(0);
    this.list.refresh();
  }

  /** Selects by the index of a connection; -1 stands for all. */
  select(index: number): void {
    void this.#select(index + 1);
  }

  async #select(place: number): Promise<void> {
    this.#selected = Math.max(0, Math.min(this.list.length - 1, place));
    this.list.reveal(this.#selected);
    this.list.refresh();
    const connection = this.#selected === 0 ? undefined : await this.#cache.load(this.#selected - 1);
    this.onSelect(connection);
  }

  #key(event: KeyboardEvent): void {
    const steps: Record<string, number> = {
      ArrowDown: 1, j: 1, ArrowUp: -1, k: -1,
      PageDown: this.list.pageRows, PageUp: -this.list.pageRows,
      Home: -this.list.length, End: this.list.length,
    };
    const by = steps[event.key];
    if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    void this.#select(this.#selected + by);
  }

  #make(): HTMLElement {
    const row = element("div", { class: "connection", role: "option", id: `connection-${this.#made++}` });
    for (const name of ["title", "peers", "sums", "end"]) row.append(element("div", { class: name }, " "));
    row.addEventListener("mousedown", () => void this.#select(Number(row.dataset.index)));
    return row;
  }

  #fill(row: HTMLElement, index: number): void {
    row.dataset.index = `${index}`;
    row.setAttribute("aria-selected", `${index === this.#selected}`);
    row.setAttribute("aria-posinset", `${index + 1}`);
    row.setAttribute("aria-setsize", `${this.list.length}`);
    const connection = index === 0 ? undefined : this.#cache.get(index - 1);
    const faulty = (connection?.violations ?? 0) > 0;
    row.className = `connection${index === 0 ? " all" : ""}${faulty ? " faulty" : ""}`;
    const texts = index === 0
      ? ["All connections", counted(this.#cache.length, "connection"), "", ""]
      : connection === undefined ? ["", "", "", ""] : linesOf(connection);
    texts.forEach((text, i) => setText(row.children[i] as Element, text));
    row.title = connection === undefined ? "" : texts.join("\n");
  }
}

/** The four lines of a connection. */
function linesOf(it: Connection): string[] {
  const target = it.host === null && it.path === null ? "no handshake" : `${it.host ?? ""}${it.path ?? ""}`;
  const peers = [it.client, it.server].filter((peer) => peer !== null).join(" → ");
  const [sent, received] = it.messages;
  const bytes = it.bytes[0] + it.bytes[1];
  const sums = [
    `${count(sent)} → ${count(received)} ←`,
    size(bytes),
    it.duration === null ? "" : duration(it.duration),
  ];
  const end = [endingOf(it), it.violations > 0 ? counted(it.violations, "violation") : ""];
  const agreed = [it.tls ? "TLS" : "", it.protocol ?? "", it.extensions ?? ""];
  return [
    `#${it.id} ${target}`,
    joined([peers, ...agreed]),
    joined(sums),
    joined(end),
  ];
}

function joined(parts: readonly string[]): string {
  return parts.filter((text) => text !== "").join(" · ");
}

/** How a connection ended, and which side ended it. */
export function endingOf(it: Connection): string {
  if (!it.accepted && it.status !== null) return `rejected with ${it.status}`;
  if (it.closedBy !== null) {
    return `closed by ${SIDES[it.closedBy]}${it.closeCode === null ? "" : ` with ${it.closeCode}`}`;
  }
  if (it.by !== null) return `${it.ending === "reset" ? "reset" : "ended"} by ${SIDES[it.by]}`;
  return it.ending === "dropped" ? "dropped" : "open";
}
