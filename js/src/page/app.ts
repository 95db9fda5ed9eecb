/** The parts of the page, and how they work together. */

import { button, byId, element, save } from "./dom/dom.ts";
import { count, counted, seconds, size } from "./dom/format.ts";
import { DetailPane, MOST } from "./detail/detail.ts";
import { EXAMPLES, FilterLine } from "./filter/filter.ts";
import { type Key, keysView, listenForKeys } from "./keyboard/keyboard.ts";
import { ConnectionList } from "./list/connections.ts";
import { FrameList } from "./list/frames.ts";
import { SidePane } from "./panels/side.ts";
import {
  type Connection, expressionOf, type ExportForm, type Input, type Row, rowsOf, type Selection, type State,
  type TimeRange,
} from "./protocol.ts";
import { RowCache } from "./store/cache.ts";
import type { Client } from "./store/client.ts";
import { onTheme, toggleTheme } from "./theme/theme.ts";
import { Timeline } from "./timeline/timeline.ts";

/** Milliseconds between two refreshes of what is costly, while files are read. */
const PACE = 400;

/** The page. */
export class App {
  #client: Client;
  #rows: RowCache<Row>;
  #state: State | undefined;
  #keys: Uint8Array[] = [];
  #inputs: Input[] = [];
  #selection: Selection = { messages: false, filter: "", connection: "" };
  #connectionName = "";
  #isStream = false;
  /** How often files were opened. */
  #opened = 0;
  #why: string | undefined;
  /** Ends when the last change of the selection is done. */
  #changes: Promise<void> = Promise.resolve();
  /** Ends when the row that was selected last is shown. */
  #showing: Promise<void> = Promise.resolve();
  #refreshed = 0;
  #timer = 0;
  readonly frames: FrameList;
  readonly connections: ConnectionList;
  readonly timeline: Timeline;
  readonly detail: DetailPane;
  readonly filter: FilterLine;
  readonly side: SidePane;
  /**
   * For measurements, in milliseconds: when the module was ready and when the files were opened, and from
   * then on to the first row and to the end.
   */
  readonly times = { ready: 0, open: 0, first: 0, last: 0 };

  constructor(client: Client) {
    this.#client = client;
    client.onState = (state) => this.#take(state);
    client.onFailure = (why) => this.fail(`The inspector has stopped: ${why}`);
    this.#rows = new RowCache(async (from, to) => rowsOf(await client.call("rows", from, to)));
    const ask = async (from: number, to: number) =>
      JSON.parse(await client.call("connections", from, to)) as Connection[];
    this.frames = new FrameList(byId("frames"), this.#rows);
    this.connections = new ConnectionList(byId("connections"), new RowCache(ask));
    this.timeline = new Timeline(byId("timeline"), (count) => client.call("histogram", count, null));
    this.detail = new DetailPane(byId("detail"), (row) => client.call("whole", row));
    this.filter = new FilterLine(byId("filter"), byId("filter-error"), (text) => this.#select({ filter: text }));
    this.side = new SidePane(() => client.call("figures"), (text) => this.filter.set(text));
    this.#connect();
  }

  #connect(): void {
    this.frames.onSelect = (index) => (this.#showing = this.#show(index));
    this.frames.onOpen = () => void this.#showing.then(() => {
      byId("detail").querySelector<HTMLElement>('[role="tab"][aria-selected="true"]')?.focus();
    });
    this.detail.onClose = () => this.#closeDetail();
    this.connections.onSelect = (connection) => {
      this.#connectionName = connection === undefined ? "" : `#${connection.id}`;
      void this.#select({ connection: connection === undefined ? "" : expressionOf(connection) });
    };
    this.timeline.onRange = (range) => void this.#narrow(range);
    onTheme(() => this.timeline.paint());
    byId("theme").addEventListener("click", toggleTheme);
    for (const id of ["open", "choose"]) byId(id).addEventListener("click", () => byId("files").click());
    byId("home").addEventListener("click", () => byId("files").click());
    byId("show-frames").addEventListener("click", () => void this.#select({ messages: false }));
    byId("show-messages").addEventListener("click", () => void this.#select({ messages: true }));
    for (const form of ["jsonl", "har"] as const) {
      byId(`export-${form}`).addEventListener("click", () => void this.#export(form));
    }
    byId("export-payload").addEventListener("click", () => {
      byId<HTMLDetailsElement>("exports").open = false;
      if (this.detail.detail === undefined) return this.fail("Select a row, whose payload is to be exported.");
      this.detail.save().catch((error: Error) => this.fail(error.message));
    });
    document.addEventListener("pointerdown", ({ target }) => {
      const menu = byId<HTMLDetailsElement>("exports");
      if (!menu.contains(target as Node)) menu.open = false;
    });
    byId("help").addEventListener("click", () => this.#help());
    listenForKeys(this.#allKeys());
  }

  /** Opens files. Keys without files are for the files that are open. */
  async open(files: readonly File[], keys: readonly Uint8Array[]): Promise<void> {
    const inputs = files.map((file): Input => ({ name: file.name, blob: file }));
    if (inputs.length === 0 && keys.length === 0) return;
    if (inputs.length === 0 && this.#inputs.length === 0) {
      this.#keys = [...keys];
      return this.#say("The keys are kept for the next capture.");
    }
    // Keys are needed in front of the packets, so the files are read again.
    const again = inputs.length === 0;
    const kept = again || keys.length === 0 ? this.#keys : [];
    this.#isStream = false;
    await this.#begin(again ? this.#inputs : inputs, [...kept, ...keys]);
  }

  /** Opens a stream, whose bytes follow by {@link append}. */
  async openStream(name: string): Promise<void> {
    this.#isStream = true;
    await this.#begin([{ name }], this.#keys);
  }

  /** Takes the next bytes of the stream. */
  append(bytes: Uint8Array): void {
    void this.#client.call("append", bytes);
  }

  /** The stream has ended, as it should or for this reason. */
  ended(why?: string): void {
    this.#why = why;
    void this.#client.call("ended");
  }

  async #begin(inputs: Input[], keys: Uint8Array[]): Promise<void> {
    this.times.open = performance.now();
    this.times.first = 0;
    this.times.last = 0;
    // Nothing is asked of the files before they are open.
    this.#inputs = [];
    this.#opened++;
    this.#keys = keys;
    this.#state = undefined;
    this.#why = undefined;
    this.#rows.reset();
    this.frames.clear();
    this.frames.setLength(0);
    this.connections.clear();
    this.timeline.clear();
    this.side.clear();
    this.#closeDetail();
    this.#selection = { ...this.#selection, connection: "", filter: "" };
    this.filter.set("");
    byId("landing").hidden = true;
    byId("work").hidden = false;
    byId("exports").hidden = false;
    const name = inputs.map((input) => input.name).join(", ");
    byId("name").textContent = name;
    byId("name").title = name;
    document.title = `${name} – wscodec inspector`;
    try {
      await this.#client.call("open", inputs, keys);
      this.#inputs = inputs;
      await this.#client.call("select", this.#selection);
      byId("frames").focus();
    } catch (error) {
      this.fail((error as Error).message);
    }
  }

  /** Shows that something can't be done. */
  fail(sentence: string): void {
    byId("status").textContent = sentence;
    byId("status").className = "wrong";
  }

  #say(sentence: string): void {
    byId("status").textContent = sentence;
    byId("status").className = "";
  }

  /**
   * Changes which rows are shown. Throws a sentence if the filter is wrong. A change waits for the one before
   * it, so that it does not take that one back.
   */
  #select(change: Partial<Selection>): Promise<void> {
    const changed = this.#changes.then(() => this.#apply(change));
    this.#changes = changed.catch(() => {});
    return changed;
  }

  async #apply(change: Partial<Selection>): Promise<void> {
    const selection = { ...this.#selection, ...change };
    const row = this.#selectedRow();
    if (this.#inputs.length > 0) await this.#client.call("select", selection);
    this.#selection = selection;
    byId("show-frames").setAttribute("aria-checked", `${!selection.messages}`);
    byId("show-messages").setAttribute("aria-checked", `${selection.messages}`);
    await this.#changed(row);
  }

  async #narrow(range: TimeRange | null): Promise<void> {
    const row = this.#selectedRow();
    await this.#client.call("range", range);
    await this.#changed(row);
  }

  #selectedRow(): number | undefined {
    return this.#rows.get(this.frames.selected)?.number;
  }

  /** The list has other rows. The row that was selected stays selected if it is among them. */
  async #changed(row: number | undefined): Promise<void> {
    this.#chips();
    this.#refresh(true);
    if (row === undefined || this.#inputs.length === 0) return this.frames.clear();
    const at = await this.#client.call("position", row);
    const [found] = rowsOf(await this.#client.call("rows", at, at + 1));
    this.frames.follow(found?.number === row ? at : -1);
    if (found?.number !== row) this.#closeDetail();
  }

  /** The conditions beside the filter, each with a button that takes it away. */
  #chips(): void {
    const chip = (label: string, text: string, remove: () => void) => element(
      "span", { class: "chip" }, text, button("×", remove, { "aria-label": label }),
    );
    const { range } = this.timeline;
    byId("chips").replaceChildren(
      ...(this.#connectionName === "" || this.#selection.connection === "" ? [] : [
        chip("Show all connections", `connection ${this.#connectionName}`, () => this.connections.select(-1)),
      ]),
      ...(range === null ? [] : [
        chip("Show all times", `${seconds(range[0])} s to ${seconds(range[1])} s`, () => this.timeline.select(null)),
      ]),
    );
  }

  #take(state: State): void {
    const before = this.#state;
    if (state.input !== this.#opened) return;
    if (before === undefined || before.list !== state.list) this.#rows.reset();
    this.#state = state;
    const follows = this.#isStream && state.reading && this.frames.list.isAtEnd && this.frames.selected < 0;
    this.frames.setLength(state.length);
    if (before?.list !== state.list) this.frames.list.refresh();
    if (follows && state.length > 0) this.frames.list.reveal(state.length - 1);
    this.timeline.start = state.start;
    this.#measure(state);
    this.#progress(state);
    const done = !state.reading && state.scanned === state.rows;
    this.#refresh(done && (before?.reading !== false || before.scanned !== state.scanned));
  }

  #measure(state: State): void {
    const { times } = this;
    if (times.first === 0 && state.length > 0) {
      // The frame in which the first row is drawn.
      times.first = -1;
      requestAnimationFrame(() => {
        const seen = () => (this.#rows.get(0) === undefined
          ? requestAnimationFrame(seen)
          : requestAnimationFrame(() => (times.first = performance.now() - times.open)));
        seen();
      });
    }
    if (times.last === 0 && !state.reading) times.last = performance.now() - times.open;
  }

  #progress(state: State): void {
    const { reading, position, size: all, length, rows, scanned, dropped, shortened, complaints } = state;
    const bar = byId("progress");
    const searching = !reading && scanned < rows;
    bar.hidden = !(reading && all !== null) && !searching;
    const part = searching ? scanned / Math.max(1, rows) : all === null ? 0 : position / Math.max(1, all);
    bar.setAttribute("aria-valuenow", `${Math.round(100 * part)}`);
    (bar.firstElementChild as HTMLElement).style.width = `${100 * part}%`;
    const filtered = this.#selection.filter !== "" || this.#selection.connection !== "" || this.timeline.range !== null;
    const parts = [
      counted(length, filtered ? "row" : this.#selection.messages ? "message" : "frame").replace(/^([\d,]+) (frame|message)/, "$1 row"),
      reading && all !== null ? `${size(position)} of ${size(all)}` : size(position),
      ...(this.#isStream ? [reading ? "live" : (this.#why ?? "ended")] : []),
      ...(dropped > 0 ? [`${count(dropped)} rows were not kept, to limit the memory`] : []),
      ...(shortened > 0 ? [`${count(shortened)} payloads are kept in part`] : []),
      ...complaints,
    ];
    byId("status").textContent = parts.join(" · ");
    byId("status").className = complaints.length > 0 ? "wrong" : "";
    const empty = byId("empty");
    empty.hidden = length > 0 || reading || searching;
    empty.textContent = filtered ? "No row passes the filter." : "No WebSocket connection was found.";
  }

  /** Refreshes the time line, the connections and the side pane, at once or soon. */
  #refresh(now: boolean): void {
    clearTimeout(this.#timer);
    const wait = this.#refreshed + PACE - performance.now();
    if (!now && wait > 0) {
      this.#timer = setTimeout(() => this.#refresh(true), wait) as unknown as number;
      return;
    }
    this.#refreshed = performance.now();
    if (this.#state === undefined) return;
    this.connections.setLength(this.#state.connections);
    this.timeline.refresh();
    this.side.refresh();
  }

  async #show(index: number): Promise<void> {
    if (index < 0) return this.#closeDetail();
    const row = await this.#rows.load(index);
    if (row === undefined) return;
    try {
      const detail = await this.#client.call("detail", row.number, MOST);
      if (this.frames.selected !== index) return;
      byId("detail").hidden = false;
      byId("work").classList.add("split");
      this.detail.show(row.number, detail);
    } catch (error) {
      this.fail((error as Error).message);
    }
  }

  #closeDetail(): void {
    byId("detail").hidden = true;
    byId("work").classList.remove("split");
    this.detail.clear();
    if (this.frames.selected >= 0) this.frames.clear();
  }

  async #export(form: ExportForm): Promise<void> {
    const menu = byId<HTMLDetailsElement>("exports");
    menu.open = false;
    this.#say("Exporting…");
    try {
      const redact = byId<HTMLInputElement>("redact").checked;
      const blob = await this.exported(form, redact);
      save(blob, `${(this.#inputs[0]?.name ?? "capture").replace(/\.[^.]*$/, "")}.${form}`);
      this.#say(`${size(blob.size)} exported`);
    } catch (error) {
      this.fail(`The export failed: ${(error as Error).message}`);
    }
  }

  /** The rows that are shown, as a file. */
  exported(form: ExportForm, redact: boolean): Promise<Blob> {
    return this.#client.call("export", form, this.#selection, this.timeline.range, redact);
  }

  #allKeys(): Key[] {
    const { frames } = this;
    const page = () => frames.list.pageRows;
    const key = (keys: string[], shown: string, help: string, press: () => void): Key => ({ keys, shown, help, press });
    return [
      key(["ArrowDown", "j"], "↓ j", "next row", () => frames.move(1)),
      key(["ArrowUp", "k"], "↑ k", "row before", () => frames.move(-1)),
      key(["PageDown"], "PageDown", "a page down", () => frames.move(page())),
      key(["PageUp"], "PageUp", "a page up", () => frames.move(-page())),
      key(["Home"], "Home", "first row", () => frames.select(0)),
      key(["End"], "End", "last row", () => frames.select(frames.list.length - 1)),
      key(["Enter"], "Enter", "details of the row", () => frames.onOpen()),
      key(["/"], "/", "filter", () => {
        this.filter.input.focus();
        this.filter.input.select();
      }),
      key(["m"], "m", "frames or messages", () => void this.#select({ messages: !this.#selection.messages })),
      key(["c"], "c", "connections", () => this.side.show("connections")),
      key(["o"], "o", "open files", () => byId("files").click()),
      key(["Escape"], "Esc", "back: close the details, then take the filters away", () => this.#escape()),
      key(["?"], "?", "this help", () => this.#help()),
    ];
  }

  #escape(): void {
    const dialog = byId<HTMLDialogElement>("about");
    const menu = byId<HTMLDetailsElement>("exports");
    const target = document.activeElement;
    if (dialog.open) dialog.close();
    else if (menu.open) menu.open = false;
    else if (target !== null && target.id !== "frames" && target !== document.body) byId("frames").focus();
    else if (this.frames.selected >= 0) this.#closeDetail();
    else if (this.timeline.range !== null) this.timeline.select(null);
    else if (this.#selection.connection !== "") this.connections.select(-1);
    else if (this.#selection.filter !== "") this.filter.set("");
  }

  #help(): void {
    const dialog = byId<HTMLDialogElement>("about");
    const examples = EXAMPLES.map(([filter, meaning]) => element(
      "tr", {}, element("td", {}, element("code", {}, filter)), element("td", {}, meaning),
    ));
    dialog.replaceChildren(
      element("header", {}, element("h2", {}, "Keys"), button("×", () => dialog.close(), { class: "close", "aria-label": "Close the help" })),
      keysView(this.#allKeys()),
      element("h2", {}, "Filters"),
      element("table", {}, element("tbody", {}, ...examples)),
      element("p", {}, "The filters are those of wscodec inspect --filter. Drag over the time line to select a range of time."),
    );
    if (!dialog.open) dialog.showModal();
  }
}
