/** The line for the filter, with its errors at their places. */

import { element } from "../dom/dom.ts";

/** Milliseconds without typing after which a filter is applied. */
const PAUSE = 200;

/** Filters that are offered. */
export const EXAMPLES = [
  ["dir == c2s and type == text", "texts of the client"],
  ['payload contains "error"', "payloads with a word"],
  ["type in (close, ping, pong)", "control frames"],
  ["size > 64K", "long frames"],
  ["violation", "frames that break a rule"],
  ["compressed and inflated > 1M", "long compressed messages"],
  ['host == "example.com" and time < 10', "the first seconds of a host"],
] as const;

/** The input for the filter. */
export class FilterLine {
  readonly input: HTMLInputElement;
  #error: HTMLElement;
  #timer = 0;
  #applied = "";
  #apply: (text: string) => Promise<void>;

  /** `apply` throws a sentence if the filter is wrong. */
  constructor(input: HTMLInputElement, error: HTMLElement, apply: (text: string) => Promise<void>) {
    this.input = input;
    this.#error = error;
    this.#apply = apply;
    const list = element("datalist", { id: "examples" });
    for (const [value, label] of EXAMPLES) list.append(element("option", { value, label }));
    input.setAttribute("list", "examples");
    input.after(list);
    input.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.apply(), PAUSE) as unknown as number;
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") void this.apply();
      if (event.key === "Escape" && input.value !== "") {
        event.stopPropagation();
        this.set("");
      }
    });
  }

  /** The filter that is applied. */
  get applied(): string {
    return this.#applied;
  }

  /** Puts a filter into the line and applies it. */
  set(text: string): void {
    this.input.value = text;
    void this.apply();
  }

  /** Applies the filter in the line. A wrong one leaves the list as it is. */
  async apply(): Promise<void> {
    clearTimeout(this.#timer);
    const text = this.input.value.trim();
    if (text === this.#applied) return this.#show("");
    try {
      await this.#apply(text);
      this.#applied = text;
      this.#show("");
    } catch (error) {
      this.#show((error as Error).message);
    }
  }

  #show(sentence: string): void {
    this.input.setAttribute("aria-invalid", `${sentence !== ""}`);
    const place = /^at character (\d+): /.exec(sentence);
    const spaces = this.input.value.length - this.input.value.trimStart().length;
    this.#error.replaceChildren();
    if (sentence === "") return;
    if (place !== null) {
      const at = spaces + Number(place[1]) - 1;
      const text = this.input.value;
      const from = Math.max(0, at - 24);
      this.#error.append(
        element("code", { "aria-hidden": "true" }, from > 0 ? "…" : "", text.slice(from, at),
          element("mark", {}, text.slice(at, at + 1) || " "), text.slice(at + 1, at + 24)),
        " ",
      );
    }
    this.#error.append(sentence);
  }
}
