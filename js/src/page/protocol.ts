/**
 * The messages between the page and its worker. The page sends a {@link Call} and gets an {@link Answer}
 * with the same number. The worker also sends a {@link State} without being asked.
 */

/** A file to read, or the beginning of a stream that grows. */
export interface Input {
  readonly name: string;
  /** Absent for a stream, whose bytes follow by `append`. */
  readonly blob?: Blob;
}

/** A range of time in seconds since the start of the capture. */
export type TimeRange = readonly [from: number, to: number];

/** The rows that are to be shown. */
export interface Selection {
  /** Messages instead of frames. */
  readonly messages: boolean;
  /** The filter of the user, in the language of the command; empty for all rows. */
  readonly filter: string;
  /** The connection that the rows are narrowed to, as an expression; empty for all. */
  readonly connection: string;
}

/** A form of a file to export. */
export type ExportForm = "jsonl" | "har";

/** The calls of the worker: name, arguments, result. */
export interface Calls {
  /** Decompresses and compiles the module: gzip in base64. */
  load(module: string): void;
  open(inputs: readonly Input[], keys: readonly Uint8Array[]): void;
  append(bytes: Uint8Array): void;
  ended(): void;
  select(selection: Selection): void;
  range(range: TimeRange | null): void;
  rows(from: number, to: number): string;
  connections(from: number, to: number): string;
  position(row: number): number;
  connectionOf(row: number): number;
  detail(row: number, most: number): Detail;
  whole(row: number): Whole;
  histogram(count: number, range: TimeRange | null): Float64Array;
  figures(): string;
  export(form: ExportForm, selection: Selection, range: TimeRange | null, redact: boolean): Blob;
}

/** What a call resolves to. */
export type Result<K extends keyof Calls> = ReturnType<Calls[K]>;

export interface Call<K extends keyof Calls = keyof Calls> {
  readonly id: number;
  readonly name: K;
  readonly args: Parameters<Calls[K]>;
}

export interface Answer {
  readonly id: number;
  readonly result?: unknown;
  /** A sentence for the user. */
  readonly error?: string;
}

/** Where the worker is. */
export interface State {
  readonly state: true;
  /** Counts the lists: rows of an earlier list are of no use. */
  readonly list: number;
  /** Counts the inputs. */
  readonly input: number;
  readonly reading: boolean;
  /** Bytes read, and all bytes; `null` for a stream. */
  readonly position: number;
  readonly size: number | null;
  /** Rows that are kept, that were looked at for the list, and that are in it. */
  readonly rows: number;
  readonly scanned: number;
  readonly length: number;
  readonly connections: number;
  readonly dropped: number;
  readonly shortened: number;
  /** Milliseconds since 1970; `null` if the source does not say. */
  readonly start: number | null;
  /** Sentences about files that can't be read. */
  readonly complaints: readonly string[];
}

/** A payload, and its layout if it is JSON or MessagePack. */
export interface Payload {
  readonly payload: Uint8Array;
  /** The bytes before they were inflated; empty if they were not compressed. */
  readonly compressed: Uint8Array;
  readonly layout: string | null;
}

/** A payload that was too long to be kept, and was read again. */
export interface Whole extends Payload {
  /** The lines of `wscodec inspect --json`. */
  readonly json: string;
}

/** All that is known about a row. */
export interface Detail extends Whole {
  /** The bytes of a frame's header. */
  readonly header: Uint8Array;
}

/** A row of the list; the members from `type` on are those of frames and messages. */
export interface Row {
  /** Seconds since the frame before. */
  readonly gap: number | null;
  readonly number: number;
  readonly kind: "handshake" | "frame" | "message" | "violation" | "note" | "end";
  readonly time: number | null;
  readonly connection: string;
  readonly dir: "c2s" | "s2c" | "";
  readonly faulty: boolean;
  readonly text: string;
  readonly type?: string;
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly length?: number;
  /** -1 if it was not inflated. */
  readonly inflated?: number;
  readonly frames?: number;
  readonly mask?: string;
}

/** A row as the module writes it: the gap, and the members in their order. */
type Written = [
  number | null,
  [
    number, Row["kind"], number | null, string, Row["dir"], 0 | 1, string,
    string?, (0 | 1)?, number?, number?, number?, number?, string?,
  ],
];

/** The rows in the JSON of the module. */
export function rowsOf(json: string): Row[] {
  return (JSON.parse(json) as Written[]).map(([gap, row]) => {
    const [number, kind, time, connection, dir, faulty, text, type, ...rest] = row;
    const event: Row = { gap, number, kind, time, connection, dir, faulty: faulty === 1, text };
    if (type === undefined) return event;
    const [fin, rsv = 0, length = 0, inflated = -1, frames = 0, mask = ""] = rest;
    return { ...event, type, fin: fin === 1, rsv, length, inflated, frames, mask };
  });
}

/** A connection of the list. */
export interface Connection {
  readonly index: number;
  /** `3`, or `3.5` for a stream of HTTP/2. */
  readonly id: string;
  readonly stream: number;
  readonly substream: number;
  readonly client: string | null;
  readonly server: string | null;
  readonly fromStart: boolean;
  readonly tls: boolean;
  readonly host: string | null;
  readonly path: string | null;
  readonly status: number | null;
  readonly accepted: boolean;
  readonly protocol: string | null;
  readonly extensions: string | null;
  readonly time: number | null;
  readonly duration: number | null;
  /** From the client, and from the server. */
  readonly messages: readonly [number, number];
  readonly bytes: readonly [number, number];
  readonly violations: number;
  /** Empty while it is open. */
  readonly ending: "" | "fin" | "reset" | "open" | "dropped";
  readonly by: "c2s" | "s2c" | null;
  readonly closedBy: "c2s" | "s2c" | null;
  readonly closeCode: number | null;
  readonly closeReason: string | null;
  readonly row: number | null;
}

/** The expression that only the rows of a connection pass. */
export function expressionOf({ stream, substream }: Pick<Connection, "stream" | "substream">): string {
  return substream === 0 ? `stream == ${stream}` : `stream == ${stream} and substream == ${substream}`;
}
