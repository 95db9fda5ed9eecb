/** The time line: how many frames there are at which time, and a range of time that is selected. */

import { duration, seconds } from "../dom/format.ts";
import type { TimeRange } from "../protocol.ts";

/** Pixels of an interval. */
const BAR = 3;
/** Pixels that a pointer has to move for a range. */
const DRAG = 4;

/** Counts by time: those of the client, of the server, and of violations. */
interface Bars {
  readonly from: number;
  readonly to: number;
  readonly counts: Float64Array;
}

/** The time line, on a canvas. */
export class Timeline {
  #box: HTMLElement;
  #canvas: HTMLCanvasElement;
  #mark: HTMLElement;
  #text: HTMLElement;
  #ask: (count: number) => Promise<Float64Array>;
  #bars: Bars = { from: 0, to: 0, counts: new Float64Array() };
  #range: TimeRange | null = null;
  /** The start of the capture in milliseconds since 1970, if it is known. */
  start: number | null = null;
  #asking = false;
  #again = false;
  /** Called when another range is selected. */
  onRange: (range: TimeRange | null) => void = () => {};

  /** A time line in an element with a canvas, a mark and a text. */
  constructor(box: HTMLElement, ask: (count: number) => Promise<Float64Array>) {
    this.#box = box;
    this.#canvas = box.querySelector("canvas") as HTMLCanvasElement;
    this.#mark = box.querySelector(".mark") as HTMLElement;
    this.#text = box.querySelector("output") as HTMLElement;
    this.#ask = ask;
    new ResizeObserver(() => this.refresh()).observe(box);
    this.#listen();
  }

  get range(): TimeRange | null {
    return this.#range;
  }

  /** Counts again, now or as soon as the last count has come. */
  refresh(): void {
    this.#again = true;
    if (!this.#asking) void this.#count();
  }

  async #count(): Promise<void> {
    this.#asking = true;
    while (this.#again) {
      this.#again = false;
      const width = this.#canvas.clientWidth;
      if (width === 0) break;
      try {
        const [from = 0, to = 0, ...counts] = await this.#ask(Math.max(1, Math.floor(width / BAR)));
        this.#bars = { from, to, counts: Float64Array.from(counts) };
      } catch {
        break; // Another file is being opened.
      }
      this.paint();
    }
    this.#asking = false;
  }

  /** Draws the bars in the colours of the theme. */
  paint(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const scale = devicePixelRatio;
    this.#canvas.width = width * scale;
    this.#canvas.height = height * scale;
    const context = this.#canvas.getContext("2d");
    if (context === null) return;
    context.scale(scale, scale);
    const style = getComputedStyle(this.#box);
    const color = (name: string) => style.getPropertyValue(name);
    const { counts } = this.#bars;
    const bars = counts.length / 3;
    let most = 1;
    for (let i = 0; i < bars; i++) most = Math.max(most, counts[3 * i] ?? 0, counts[3 * i + 1] ?? 0);
    const middle = Math.floor(height / 2);
    context.fillStyle = color("--line");
    context.fillRect(0, middle, width, 1);
    const each = width / Math.max(1, bars);
    // Few frames are seen beside many.
    const pixels = (value: number) => (value === 0 ? 0 : Math.max(2, Math.sqrt(value / most) * (middle - 4)));
    for (let i = 0; i < bars; i++) {
      const left = i * each;
      const wide = Math.max(1, each - 1);
      const up = pixels(counts[3 * i] ?? 0);
      const down = pixels(counts[3 * i + 1] ?? 0);
      context.fillStyle = color("--c2s");
      context.fillRect(left, middle - up, wide, up);
      context.fillStyle = color("--s2c");
      context.fillRect(left, middle + 1, wide, down);
      if ((counts[3 * i + 2] ?? 0) > 0) {
        context.fillStyle = color("--fault");
        context.fillRect(left, 0, wide, 3);
      }
    }
    this.#show();
  }

  /** Selects a range; `null` stands for all times. */
  select(range: TimeRange | null): void {
    this.#range = range;
    this.#show();
    this.onRange(range);
  }

  /** Forgets the range, because another file is opened. */
  clear(): void {
    this.#range = null;
    this.#bars = { from: 0, to: 0, counts: new Float64Array() };
    this.paint();
  }

  #show(): void {
    const { from, to, counts } = this.#bars;
    const span = to - from || 1;
    const range = this.#range;
    this.#mark.hidden = range === null;
    if (range !== null) {
      const part = (time: number) => Math.max(0, Math.min(1, (time - from) / span)) * 100;
      this.#mark.style.left = `${part(range[0])}%`;
      this.#mark.style.width = `${Math.max(0.2, part(range[1]) - part(range[0]))}%`;
    }
    const all = counts.length === 0 ? "" : `${duration(to - from)}${this.#date(from)}`;
    const text = range === null ? all : `${seconds(range[0])} s to ${seconds(range[1])} s`;
    this.#text.textContent = text;
    this.#box.setAttribute("aria-valuetext", text);
  }

  /** The time of day of a time of the capture. */
  #date(time: number): string {
    if (this.start === null) return "";
    const [day = "", clock = ""] = new Date(this.start + 1000 * time).toISOString().split(/[T.]/);
    return ` from ${day} ${clock} UTC`;
  }

  #time(x: number): number {
    const { left, width } = this.#canvas.getBoundingClientRect();
    const { from, to } = this.#bars;
    return from + Math.max(0, Math.min(1, (x - left) / width)) * (to - from);
  }

  #listen(): void {
    let begin: number | undefined;
    this.#canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      begin = event.clientX;
      this.#canvas.setPointerCapture(event.pointerId);
    });
    const dragged = (event: PointerEvent): TimeRange | null => {
      if (begin === undefined || Math.abs(event.clientX - begin) < DRAG) return null;
      const [one, two] = [this.#time(begin), this.#time(event.clientX)];
      return one < two ? [one, two] : [two, one];
    };
    this.#canvas.addEventListener("pointermove", (event) => {
      const range = dragged(event);
      if (range === null) return;
      this.#range = range;
      this.#show();
    });
    this.#canvas.addEventListener("pointerup", (event) => {
      // A click without a movement selects all times.
      this.select(dragged(event));
      begin = undefined;
    });
    this.#box.addEventListener("keydown", (event) => this.#key(event));
  }

  /** The arrow keys move a range; with Shift they move its end. */
  #key(event: KeyboardEvent): void {
    const { from, to } = this.#bars;
    const step = (to - from) / 20;
    const by = event.key === "ArrowRight" ? step : event.key === "ArrowLeft" ? -step : 0;
    if (by === 0 || step === 0) return;
    event.preventDefault();
    event.stopPropagation();
    const [one, two] = this.#range ?? [from - (by > 0 ? by : 0), from + step - (by > 0 ? by : 0)];
    const end = Math.min(to, Math.max(one + step / 10, two + by));
    if (event.shiftKey) return this.select([one, end]);
    const moved = Math.max(from, Math.min(to - (two - one), one + by));
    this.select([moved, moved + (two - one)]);
  }
}
