/** A progress bar on a terminal, for long inputs. */

/** An input from this length on is long at once; a shorter one is long after a second. */
const LONG = 64 * 2 ** 20;
const PATIENCE = 1000;
/** Between two drawings, in milliseconds. */
const PACE = 100;
const WIDTH = 30;

/** Shows how far the reading has come. */
export class Progress {
  #stream: NodeJS.WriteStream | undefined;
  /** How many bytes there are; undefined if that is not known. */
  #total: number | undefined;
  #done = 0;
  #begun = Date.now();
  #drawn = 0;
  #visible = false;

  /** Draws on `stream` if that is a terminal. */
  constructor(stream: NodeJS.WriteStream, total: number | undefined) {
    if (stream.isTTY && process.env.TERM !== "dumb") this.#stream = stream;
    this.#total = total;
  }

  /** Notes that so many bytes more were read. */
  advance(bytes: number): void {
    this.#done += bytes;
    if (this.#stream === undefined) return;
    const now = Date.now();
    const long = (this.#total ?? 0) >= LONG || now - this.#begun >= PATIENCE;
    if (!long || now - this.#drawn < PACE) return;
    this.#drawn = now;
    this.#stream.write(`\r\x1b[K${this.#bar((now - this.#begun) / 1000)}`);
    this.#visible = true;
  }

  /** Takes the bar away. */
  clear(): void {
    if (!this.#visible) return;
    this.#visible = false;
    this.#stream?.write("\r\x1b[K");
  }

  #bar(seconds: number): string {
    const rate = seconds > 0.5 ? `  ${size(this.#done / seconds)}/s` : "";
    if (this.#total === undefined) return `${size(this.#done)}${rate}`;
    const part = Math.min(1, this.#total === 0 ? 1 : this.#done / this.#total);
    const filled = Math.round(part * WIDTH);
    const bar = "#".repeat(filled) + "-".repeat(WIDTH - filled);
    const percent = `${Math.floor(part * 100)}`.padStart(3);
    return `[${bar}] ${percent}%  ${size(this.#done)} of ${size(this.#total)}${rate}`;
  }
}

/** Bytes in a unit that suits them. */
function size(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  let value = bytes;
  for (; value >= 1024 && i < units.length - 1; i++) value /= 1024;
  return `${i === 0 ? value.toFixed(0) : value.toFixed(1)} ${units[i]}`;
}
