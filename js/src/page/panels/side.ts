/** The pane with the connections, the findings and the figures. */

import { byId } from "../dom/dom.ts";
import { count } from "../dom/format.ts";
import { figuresView, findingsView } from "./figures.ts";

const NAMES = ["connections", "findings", "figures"] as const;

type SideName = (typeof NAMES)[number];

/** The pane, one part of which is shown at a time. */
export class SidePane {
  #ask: () => Promise<string>;
  #narrow: (filter: string) => void;
  #shown: SideName = "connections";

  /** `ask` gives the lines of findings and figures; `narrow` shows the rows of a finding. */
  constructor(ask: () => Promise<string>, narrow: (filter: string) => void) {
    this.#ask = ask;
    this.#narrow = narrow;
    for (const name of NAMES) byId(`tab-${name}`).addEventListener("click", () => this.show(name));
  }

  /** Shows a part, and puts the focus on it. */
  show(shown: SideName): void {
    this.#shown = shown;
    for (const name of NAMES) {
      byId(name).hidden = name !== shown;
      byId(`tab-${name}`).setAttribute("aria-selected", `${name === shown}`);
    }
    if (shown === "connections") byId(shown).focus();
    this.refresh();
  }

  /** Asks for the findings and figures again, if they are shown. */
  refresh(): void {
    if (this.#shown === "connections") return;
    void this.#ask().then((lines) => {
      const [findings, length] = findingsView(lines, this.#narrow);
      byId("tab-findings").textContent = `Findings ${count(length)}`;
      byId("findings").replaceChildren(findings);
      byId("figures").replaceChildren(figuresView(lines));
    }, () => {
      // Another file is being opened.
    });
  }

  clear(): void {
    byId("tab-findings").textContent = "Findings";
    byId("findings").replaceChildren();
    byId("figures").replaceChildren();
  }
}
