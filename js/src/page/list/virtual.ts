/** A list of which only the rows that one sees are in the document. */

import { element } from "../dom/dom.ts";
import { ScrollScale } from "./scroll.ts";

/** Rows above and below those that one sees. */
const MORE = 6;
/** Milliseconds without scrolling after which the bar is put where it belongs. */
const PAUSE = 150;

/** How the rows of a list are made and filled. */
export interface RowView {
  /** Pixels of each row. */
  readonly height: number;
  /** An empty row. */
  make(): HTMLElement;
  /** Fills a row; the row at this place may not be there yet. */
  fill(row: HTMLElement, index: number): void;
  /** Asks for these rows. */
  want(from: number, to: number): void;
}

/** A list with rows of one height. The rows are drawn in the next frame after a change. */
export class VirtualList {
  readonly element: HTMLElement;
  #view: RowView;
  #canvas: HTMLElement;
  #rows: HTMLElement[] = [];
  /** The place that each element shows. */
  #places: number[] = [];
  #length = 0;
  #scale = new ScrollScale();
  #frame = 0;
  #pause = 0;
  #stale = true;
  /** Milliseconds that the last drawings took, for measurements. */
  readonly times: number[] = [];
  /** Called when the rows that one sees have changed. */
  onDraw: () => void = () => {};

  /** A list in an element that scrolls; the rows are put into it. */
  constructor(scroller: HTMLElement, view: RowView) {
    this.element = scroller;
    this.#view = view;
    this.#canvas = element("div", { class: "canvas", role: "presentation" });
    scroller.append(this.#canvas);
    scroller.addEventListener("scroll", () => {
      this.#scale.scrolled(scroller.scrollTop);
      this.draw();
      clearTimeout(this.#pause);
      this.#pause = setTimeout(() => this.#settle(), PAUSE) as unknown as number;
    }, { passive: true });
    new ResizeObserver(() => this.#resize()).observe(scroller);
  }

  get length(): number {
    return this.#length;
  }

  /** Sets how many rows there are. */
  setLength(length: number): void {
    if (length === this.#length) return;
    this.#length = length;
    this.#resize();
  }

  #resize(): void {
    const { height } = this.#view;
    this.#scale.resize(this.#length * height, this.element.clientHeight);
    this.#canvas.style.height = `${this.#scale.height}px`;
    if (this.element.scrollTop !== this.#scale.top + this.#scale.shift) this.#settle();
    this.draw();
  }

  #settle(): void {
    const bar = this.#scale.settle();
    if (Math.abs(bar - this.element.scrollTop) >= 1) this.element.scrollTop = bar;
    this.draw();
  }

  /** The first row that one sees, and the one behind the last. */
  get visible(): readonly [number, number] {
    const { height } = this.#view;
    const first = Math.floor(this.#scale.top / height);
    const last = Math.ceil((this.#scale.top + this.element.clientHeight) / height);
    return [first, Math.min(this.#length, last)];
  }

  /** Rows that one sees at once. */
  get pageRows(): number {
    return Math.max(1, Math.floor(this.element.clientHeight / this.#view.height) - 1);
  }

  /** Whether the last row is in view. */
  get isAtEnd(): boolean {
    return this.visible[1] >= this.#length;
  }

  /** Scrolls as little as is needed to show a row. */
  reveal(index: number): void {
    const { height } = this.#view;
    const top = index * height;
    const view = this.element.clientHeight;
    if (top < this.#scale.top) this.#go(top);
    else if (top + height > this.#scale.top + view) this.#go(top + height - view);
    else this.draw();
  }

  /** Puts a row into the middle. */
  center(index: number): void {
    const { height } = this.#view;
    this.#go(index * height - (this.element.clientHeight - height) / 2);
  }

  #go(top: number): void {
    this.element.scrollTop = this.#scale.go(top);
    this.draw();
  }

  /** The element of a row, if it is in the document. */
  rowElement(index: number): HTMLElement | undefined {
    return this.#rows[this.#places.indexOf(index)];
  }

  /** Fills all rows again in the next frame. */
  refresh(): void {
    this.#stale = true;
    this.draw();
  }

  /** Draws in the next frame. */
  draw(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    const begin = performance.now();
    this.#frame = 0;
    const { height } = this.#view;
    const [seen, behind] = this.visible;
    const first = Math.max(0, seen - MORE);
    const last = Math.min(this.#length, behind + MORE);
    this.#view.want(first, last);
    while (this.#rows.length < last - first) {
      const row = this.#view.make();
      this.#rows.push(row);
      this.#places.push(-1);
      this.#canvas.append(row);
    }
    const { shift } = this.#scale;
    const pool = this.#rows.length;
    for (let slot = 0; slot < pool; slot++) {
      // A row keeps its element while it is in view.
      const index = first + ((slot - first) % pool + pool) % pool;
      const row = this.#rows[slot] as HTMLElement;
      if (index >= last) {
        if (this.#places[slot] !== -2) row.hidden = true;
        this.#places[slot] = -2;
        continue;
      }
      const place = `translateY(${Math.round(shift + index * height)}px)`;
      if (row.style.transform !== place) row.style.transform = place;
      if (this.#stale || this.#places[slot] !== index) {
        row.hidden = false;
        this.#places[slot] = index;
        this.#view.fill(row, index);
      }
    }
    this.#stale = false;
    this.times.push(performance.now() - begin);
    if (this.times.length > 1000) this.times.shift();
    this.onDraw();
  }
}
