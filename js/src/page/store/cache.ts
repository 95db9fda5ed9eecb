/** The rows that were asked for and may be shown again soon. */

/** Rows that are asked for at once. */
export const PAGE = 64;
/** Pages that are kept. */
const MOST = 64;

interface CachedPage<T> {
  rows: readonly T[];
  /** The request that is under way is for so many rows. */
  asked: number;
}

/** A list of which the worker has the rows. */
export class RowCache<T> {
  #ask: (from: number, to: number) => Promise<readonly T[]>;
  #pages = new Map<number, CachedPage<T>>();
  #length = 0;
  #version = 0;
  /** Called when rows have arrived. */
  onRows: () => void = () => {};

  constructor(ask: (from: number, to: number) => Promise<readonly T[]>) {
    this.#ask = ask;
  }

  get length(): number {
    return this.#length;
  }

  /** Says that the list has other rows. */
  reset(): void {
    this.#version++;
    this.#pages.clear();
    this.#length = 0;
  }

  /** Says how long the list is now. It only grows until it is {@link reset}. */
  grow(length: number): void {
    this.#length = length;
  }

  /** Says that rows may have changed; those that are known are shown until the new ones arrive. */
  refresh(): void {
    for (const page of this.#pages.values()) page.asked = 0;
  }

  /** The row at this place, if it is there. */
  get(index: number): T | undefined {
    return this.#pages.get(Math.floor(index / PAGE))?.rows[index % PAGE];
  }

  /** Asks for rows that are not there. */
  want(from: number, to: number): void {
    const last = Math.min(to, this.#length) - 1;
    for (let page = Math.floor(Math.max(0, from) / PAGE); page * PAGE <= last; page++) {
      const there = Math.min(PAGE, this.#length - page * PAGE);
      const known = this.#pages.get(page);
      if (known !== undefined && known.asked >= there) {
        // The page that was used last is behind the others.
        this.#pages.delete(page);
        this.#pages.set(page, known);
      } else {
        void this.#fetch(page, there);
      }
    }
  }

  async #fetch(page: number, there: number): Promise<void> {
    const version = this.#version;
    const entry = this.#pages.get(page) ?? { rows: [], asked: 0 };
    entry.asked = there;
    this.#pages.set(page, entry);
    const first = this.#pages.keys().next();
    if (this.#pages.size > MOST && !first.done) this.#pages.delete(first.value);
    let rows: readonly T[];
    try {
      rows = await this.#ask(page * PAGE, page * PAGE + there);
    } catch {
      entry.asked = 0; // Another file is being opened.
      return;
    }
    if (version !== this.#version || rows.length < entry.rows.length) return;
    entry.rows = rows;
    this.onRows();
  }

  /** The row at this place, as soon as it is there. */
  async load(index: number): Promise<T | undefined> {
    const known = this.get(index);
    if (known !== undefined) return known;
    const version = this.#version;
    const [row] = await this.#ask(index, index + 1);
    return version === this.#version ? row : undefined;
  }
}
