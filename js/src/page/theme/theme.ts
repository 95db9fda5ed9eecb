/** Light and dark: by the system, or by the choice of the user. */

const NAME = "wscodec-theme";

type Theme = "light" | "dark";

/** The theme that is shown. */
export function theme(): Theme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Shows the theme that was chosen before. A page that was opened as a file may have no storage. */
export function restoreTheme(): void {
  try {
    const chosen = localStorage.getItem(NAME);
    if (chosen !== null) document.documentElement.dataset.theme = chosen;
  } catch {
    // The theme of the system is shown.
  }
}

/** Shows the other theme. */
export function toggleTheme(): void {
  const next: Theme = theme() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem(NAME, next);
  } catch {
    // The choice is for this visit.
  }
}

/** Calls a function when the theme has changed. */
export function onTheme(call: () => void): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", call);
  new MutationObserver(call).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}
