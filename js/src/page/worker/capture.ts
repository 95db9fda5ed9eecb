/** The files that are shown: they are read, kept in the module, and given back in rows. */

import { PageInspector, PayloadReader } from "../../inspect/module.ts";
import type {
  Detail, Input, Selection, State, TimeRange, Whole,
} from "../protocol.ts";
import { bytesOf, textOf } from "./output.ts";
import { readAll, type Reader } from "./reading.ts";
import { Source } from "./source.ts";
import { HANDSHAKE, startOf } from "./start.ts";

/** Bytes of each payload that are kept; longer ones are read again when they are shown. */
const PAYLOAD = 64 * 1024;
/** Bytes of all payloads, and of all rows with them: the module has at most 4 GiB. */
const PAYLOADS = 1024 * 2 ** 20;
const MEMORY = 2048 * 2 ** 20;

/** Rows that are looked at for a list before other calls have their turn. */
const SCAN = 50_000;
/** Milliseconds between two reports. */
const PACE = 50;

export const EVERYTHING: Selection = { messages: false, filter: "", connection: "" };

/** The filters of a selection. */
export function filtersOf({ filter, connection }: Selection): string[] {
  return [filter, connection].filter((text) => text !== "");
}

/** One set of files. */
export class Capture {
  readonly #report: (state: State) => void;
  readonly #number: number;
  readonly sources: readonly Source[];
  readonly keys: readonly Uint8Array[];
  #page: PageInspector | undefined;
  #range: TimeRange | null = null;
  #start = HANDSHAKE;
  #list = 0;
  #position = 0;
  #reading = true;
  #scanning = false;
  #reported = 0;
  #complaints: string[] = [];
  #closed = false;

  constructor(
    inputs: readonly Input[],
    keys: readonly Uint8Array[],
    number: number,
    report: (state: State) => void,
  ) {
    this.sources = inputs.map((input) => new Source(input));
    this.keys = keys;
    this.#number = number;
    this.#report = report;
  }

  /** How raw files begin, as a number of the module. */
  get start(): number {
    return this.#start;
  }

  get #names(): string[] {
    return this.sources.map(({ name }) => name);
  }

  /** Makes the list, which is empty. */
  async begin(): Promise<void> {
    this.#start = await startOf(this.sources);
    if (this.#closed) return;
    this.#page = new PageInspector(this.#names, this.#start, PAYLOAD, PAYLOADS, MEMORY);
    for (const lines of this.keys) this.#page.keys(lines);
  }

  /** Reads all files. The rows of what was read are there at any time. */
  async read(): Promise<void> {
    const page = this.#page;
    if (page === undefined) return;
    try {
      await readAll(page, this.sources, (bytes) => this.#step(page, bytes), (file, why) => {
        if (!this.#closed) page.fail(file, why);
      });
    } catch (error) {
      if ((error as Error).name === "Stopped") return;
      throw error;
    }
    page.finish();
    this.#reading = false;
    this.#complaints.push(...page.complaints());
    await this.#scan();
    this.#tell(true);
  }

  /** A piece was read. Returns whether reading goes on. */
  #step(page: PageInspector, bytes: number): boolean {
    if (this.#closed) return false;
    this.#position += bytes;
    this.#complaints.push(...page.complaints());
    // A scan that is under way reaches the new rows itself.
    if (!this.#scanning) page.extend(SCAN);
    this.#tell(this.#position === bytes || this.sources.some(({ size }) => size === null));
    return true;
  }

  /** Looks at the rows that were not looked at, in turns with other calls. */
  async #scan(): Promise<void> {
    if (this.#scanning) return;
    this.#scanning = true;
    for (let first = true; this.#page !== undefined; first = false) {
      const all = this.#page.extend(SCAN);
      this.#tell(first || all);
      if (all) break;
      await turn();
    }
    this.#scanning = false;
  }

  #tell(always: boolean): void {
    const now = performance.now();
    const page = this.#page;
    if (page === undefined || !(always || now - this.#reported >= PACE)) return;
    this.#reported = now;
    const sizes = this.sources.map(({ size }) => size);
    this.#report({
      state: true,
      list: this.#list,
      input: this.#number,
      reading: this.#reading,
      position: this.#position,
      size: sizes.reduce((sum, size) => (sum === null || size === null ? null : sum + size), 0),
      rows: page.rows(),
      scanned: page.scanned(),
      length: page.length(),
      connections: page.connections(),
      dropped: page.dropped(),
      shortened: page.shortened(),
      start: page.start() ?? null,
      complaints: this.#complaints,
    });
  }

  /** The page of the module, which is there as soon as reading has begun. */
  get #open(): PageInspector {
    if (this.#page === undefined) throw new Error("no file is open");
    return this.#page;
  }

  /** Shows other rows. Throws a sentence if a filter is wrong. */
  select(selection: Selection): void {
    this.#open.select(selection.messages, filtersOf(selection));
    this.range(this.#range);
  }

  range(range: TimeRange | null): void {
    this.#range = range;
    this.#open.range(range?.[0] ?? Number.NaN, range?.[1] ?? Number.NaN);
    this.#list++;
    void this.#scan();
  }

  rows(from: number, to: number): string {
    this.#open.slice(from, to);
    return textOf(this.#open);
  }

  connections(from: number, to: number): string {
    this.#open.connectionSlice(from, to);
    return textOf(this.#open);
  }

  position(row: number): number {
    return this.#open.position(row);
  }

  connectionOf(row: number): number {
    return this.#open.connectionOf(row) ?? -1;
  }

  detail(row: number, most: number): Detail {
    const page = this.#open;
    page.json(row, most);
    const json = textOf(page);
    page.header(row);
    const header = bytesOf(page);
    page.payload(row, false);
    const payload = bytesOf(page);
    page.payload(row, true);
    const compressed = bytesOf(page);
    return { json, header, payload, compressed, layout: page.layout(row) ?? null };
  }

  /** Reads the files again, up to a row, for the whole of its payload. */
  async whole(row: number): Promise<Whole> {
    const reader = new PayloadReader(this.#names, this.#start, row);
    try {
      for (const lines of this.keys) reader.keys(lines);
      await this.again(reader);
      reader.finish();
      const payload = reader.payload(false);
      if (payload === undefined) throw new Error("the payload was not found again");
      const compressed = reader.payload(true) ?? new Uint8Array();
      return { payload, compressed, layout: reader.layout() ?? null, json: reader.json() };
    } finally {
      reader.free();
    }
  }

  /** Hands the bytes so far to another reader. */
  async again(reader: Reader): Promise<void> {
    const sources = this.sources.map(({ name, bytes }) => new Source({ name, blob: bytes }));
    await readAll(reader, sources, () => !this.#closed, (_, why) => {
      throw new Error(why);
    });
  }

  histogram(count: number, range: TimeRange | null): Float64Array {
    return this.#open.histogram(count, range?.[0] ?? Number.NaN, range?.[1] ?? Number.NaN);
  }

  /** The findings and the figures, as JSON lines. */
  figures(): string {
    this.#open.findings();
    this.#open.figures();
    return textOf(this.#open);
  }

  /** Drops all that is kept. */
  close(): void {
    this.#closed = true;
    for (const source of this.sources) source.end();
    this.#page?.free();
    this.#page = undefined;
  }
}

const channel = new MessageChannel();
const waiting: (() => void)[] = [];
channel.port1.onmessage = () => waiting.shift()?.();

/** Lets the calls that have arrived have their turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(null);
  });
}
