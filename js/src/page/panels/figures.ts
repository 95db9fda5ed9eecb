/** The findings and the figures of the capture. */

import { button, element } from "../dom/dom.ts";
import { count, duration, size } from "../dom/format.ts";

/** A line of `wscodec inspect --lint --json`. */
interface Finding {
  readonly type: "finding";
  readonly stream: number;
  readonly substream?: number;
  readonly dir: "c2s" | "s2c" | null;
  readonly code: string;
  readonly severity: "error" | "advice";
  readonly count: number;
  readonly message: string;
  readonly section: string;
  readonly found: string;
  readonly expected: string;
  readonly packet: number;
}

interface Distribution {
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

interface Side {
  readonly messages: number;
  readonly bytes: number;
  readonly compressed: number;
  readonly compressedBytes: number;
  readonly inflatedBytes: number;
  readonly size: Distribution;
}

/** The line of `wscodec inspect --stats --json`. */
interface Figures {
  readonly type: "stats";
  readonly conversations: number;
  readonly seconds: number;
  readonly c2s: Side;
  readonly s2c: Side;
  readonly pong: Distribution;
  readonly answer: Distribution;
  readonly gap: Distribution;
}

/** Findings that are listed. */
const MOST = 500;

/** The findings of some lines, and their number. `narrow` shows the rows of one. */
export function findingsView(lines: string, narrow: (filter: string) => void): [HTMLElement, number] {
  const all = lines.trimEnd().split("\n").map((line) => JSON.parse(line) as Finding | Figures);
  const findings = all.filter((it): it is Finding => it.type === "finding");
  const box = element("div", { class: "findings" });
  if (findings.length === 0) box.append(element("p", { class: "hint" }, "No rule is broken, and there is no advice."));
  for (const it of findings.slice(0, MOST)) {
    const id = it.substream === undefined ? `${it.stream}` : `${it.stream}.${it.substream}`;
    const side = it.dir === null ? "both sides" : { c2s: "client", s2c: "server" }[it.dir];
    const filter = [
      `stream == ${it.stream}`,
      ...(it.substream === undefined ? [] : [`substream == ${it.substream}`]),
      ...(it.packet > 0 ? [`packet == ${it.packet}`] : []),
    ].join(" and ");
    const made = button("", () => narrow(filter), { class: `finding ${it.severity}`, title: `Show packet ${it.packet}` });
    made.append(
      element("span", { class: "code" }, it.code),
      element("span", { class: "message" }, it.message),
      element("span", { class: "place" },
        `${it.severity} · #${id} ${side} · ${it.section}${it.count > 1 ? ` · ${count(it.count)} times` : ""}`),
    );
    if (it.expected !== "") made.append(element("span", { class: "place" }, `found ${it.found}; expected ${it.expected}`));
    box.append(made);
  }
  if (findings.length > MOST) box.append(element("p", { class: "hint" }, `${count(findings.length - MOST)} more findings`));
  return [box, findings.length];
}

const STEPS = ["min", "mean", "p50", "p95", "p99", "max"] as const;
const NAMES = { count: "count", min: "least", mean: "mean", p50: "50 %", p95: "95 %", p99: "99 %", max: "greatest" };

/** A column for each distribution. */
function table(caption: string, all: readonly (readonly [string, Distribution])[], shown: (value: number) => string): HTMLElement {
  const columns = all.filter(([, it]) => it.count > 0);
  if (columns.length === 0) return element("p", { class: "hint" }, `${caption}: none`);
  const heads = ["", ...columns.map(([name]) => name)].map((name) => element("th", { scope: "col" }, name));
  const lines = (["count", ...STEPS] as const).map((step) => element(
    "tr", {}, element("th", { scope: "row" }, NAMES[step]),
    ...columns.map(([, it]) => element("td", {}, step === "count" ? count(it.count) : shown(it[step]))),
  ));
  return element(
    "table", {}, element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...lines),
  );
}

/** The figures of some lines. */
export function figuresView(lines: string): HTMLElement {
  const line = lines.trimEnd().split("\n").at(-1) ?? "{}";
  const it = JSON.parse(line) as Figures;
  const box = element("div", { class: "figures" });
  const seconds = Math.max(it.seconds, 1e-6);
  for (const [name, side] of [["Client", it.c2s], ["Server", it.s2c]] as const) {
    const ratio = side.compressed === 0 ? "" :
      `, ${count(side.compressed)} of them compressed to ${((100 * side.compressedBytes) / Math.max(1, side.inflatedBytes)).toFixed(1)} %`;
    box.append(element(
      "p", {}, element("strong", {}, name),
      ` ${count(side.messages)} messages (${(side.messages / seconds).toFixed(1)} a second), ${size(side.bytes)}${ratio}`,
    ));
  }
  box.append(
    table("Message sizes", [["client", it.c2s.size], ["server", it.s2c.size]], size),
    table("Times to pongs and answers, and between messages", [["pong", it.pong], ["answer", it.answer], ["gap", it.gap]], duration),
  );
  return box;
}
