/**
 * Where a list with very many rows is scrolled to.
 *
 * Browsers limit the height of an element, to 17 million pixels or more. A longer list gets an element of
 * {@link MAX_HEIGHT}. Short steps of the scroll bar then move the list by as many pixels, so that the wheel
 * and the keys work as ever. Longer steps are the user's who drags the bar, and move the list in proportion.
 * When the scrolling pauses, the bar is put where it belongs.
 */

/** Pixels of the element that is scrolled, at most. */
export const MAX_HEIGHT = 8_000_000;

/** Maps the position of a scroll bar to that of a list. */
export class ScrollScale {
  /** Pixels of the list, of the element, and of the part that one sees. */
  #list = 0;
  #element = 0;
  #view = 0;
  /** The pixel of the list at the upper edge, and the position of the bar that belongs to it. */
  #top = 0;
  #bar = 0;

  /** The pixel of the list at the upper edge. */
  get top(): number {
    return this.#top;
  }

  /** Pixels of the element that is scrolled. */
  get height(): number {
    return this.#element;
  }

  /** The shift from the positions of the list to those of the element. */
  get shift(): number {
    return this.#bar - this.#top;
  }

  get #most(): number {
    return Math.max(0, this.#list - this.#view);
  }

  get #mostBar(): number {
    return Math.max(0, this.#element - this.#view);
  }

  /** Takes the height of the list and of the view. */
  resize(list: number, view: number): void {
    this.#list = list;
    this.#view = view;
    this.#element = Math.min(list, MAX_HEIGHT);
    this.#top = Math.min(this.#top, this.#most);
    this.#bar = this.#list > MAX_HEIGHT ? Math.min(this.#bar, this.#mostBar) : this.#top;
  }

  /** The bar was moved. */
  scrolled(bar: number): void {
    const step = bar - this.#bar;
    if (this.#list <= MAX_HEIGHT) this.#top = bar;
    else if (bar <= 0 || bar >= this.#mostBar || Math.abs(step) > 2 * this.#view) {
      this.#top = (bar / this.#mostBar) * this.#most;
    } else {
      this.#top = Math.max(0, Math.min(this.#most, this.#top + step));
    }
    this.#bar = bar;
  }

  /** Goes to a pixel of the list. Returns where the bar has to be. */
  go(top: number): number {
    this.#top = Math.max(0, Math.min(this.#most, top));
    return this.settle();
  }

  /** Returns where the bar belongs. */
  settle(): number {
    const scaled = this.#list > MAX_HEIGHT && this.#most > 0;
    this.#bar = scaled ? Math.round((this.#top / this.#most) * this.#mostBar) : this.#top;
    return this.#bar;
  }
}
