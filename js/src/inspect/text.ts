/** Lines for people. */

import type { Direction } from "./arguments.ts";
import { type Close, type Frame, type Message, type Note, opcodes, type Printer, type Totals } from "./events.ts";
import type { Fault } from "./faults.ts";
import { type Excerpt, shown } from "./excerpt.ts";
import type { Handshake } from "./handshake.ts";
import { headerOf, type Head } from "./heads.ts";
import type { Output } from "./output.ts";

/** Wraps text in an escape sequence, or leaves it. */
type Paint = (text: string) => string;

const sequence = (on: number, off: number): Paint => (text) => `\x1b[${on}m${text}\x1b[${off}m`;
const plain: Paint = (text) => text;

const names = opcodes.map((name) => name.padEnd(12));

/** Prints columns, in colour if so told. */
export class TextPrinter implements Printer {
  #out: Output;
  #bold: Paint;
  #dim: Paint;
  #red: Paint;
  #dirs: Record<Direction, string>;
  #names: readonly string[];
  #headed = false;

  constructor(out: Output, color: boolean) {
    this.#out = out;
    this.#bold = color ? sequence(1, 22) : plain;
    this.#dim = color ? sequence(2, 22) : plain;
    this.#red = color ? sequence(31, 39) : plain;
    const c2s = color ? sequence(36, 39) : plain;
    const s2c = color ? sequence(33, 39) : plain;
    this.#dirs = { c2s: c2s("c2s"), s2c: s2c("s2c") };
    const control = color ? sequence(35, 39) : plain;
    this.#names = names.map((name, opcode) => (opcode >= 8 ? control(name) : name));
  }

  handshake(handshake: Handshake): void {
    const { request, response, status } = handshake;
    this.#title("handshake");
    if (request) {
      this.#head("c2s", request, ["Host", "Origin", "User-Agent"]);
      this.#headers(request, ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"]);
    }
    if (response) {
      this.#head("s2c", response, ["Server", "Location"]);
      this.#headers(response, ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"]);
    }
    if (response && status === 101) this.#out.line(`  agreed: ${this.#bold(agreed(handshake))}`);
  }

  frame(dir: Direction, frame: Frame): void {
    this.#columns();
    const { opcode, rsv, excerpt } = frame;
    let preview: string;
    if (opcode === 8) preview = closing(frame.closeCode, excerpt.text());
    else preview = this.#preview(excerpt, opcode > 8);
    this.#out.line(
      `${this.#dirs[dir]} ${String(frame.offset).padStart(11)}  ${this.#names[opcode]} ` +
        `${frame.fin ? "FIN" : "   "} ${rsv === 0 ? "    " : reserved(rsv)} ` +
        `${frame.masked ? "MASK" : "    "} ${String(frame.length).padStart(11)}  ` +
        `${frame.inflated === undefined ? "" : this.#dim(`to ${frame.inflated} `)}${preview}`,
    );
  }

  message(dir: Direction, message: Message): void {
    this.#columns();
    const { rsv, frames, inflated, excerpt } = message;
    const notes =
      (inflated !== undefined ? `to ${inflated} ` : rsv & 4 ? "compressed " : rsv ? `${reserved(rsv)} ` : "") +
      (frames > 1 ? `${frames} frames ` : "");
    this.#out.line(
      `${this.#dirs[dir]} ${String(message.offset).padStart(11)}  ` +
        `${this.#bold(message.kind.padEnd(12))}               ` +
        `${String(message.length).padStart(11)}  ${notes && this.#dim(notes)}` +
        this.#preview(excerpt, false),
    );
  }

  omitted(dir: Direction, count: number): void {
    this.#out.line(`${this.#dirs[dir]} ${this.#dim(`... ${some(count, "more line")} not shown`)}`);
  }

  fault(dir: Direction, { offset, code, closeCode, message, frame }: Fault): void {
    let where = "";
    if (frame?.length !== undefined) {
      const name = opcodes[frame.opcode as number];
      where = `, in the ${name} frame at ${frame.offset} with ${frame.length} bytes of payload`;
    } else if (frame !== undefined && frame.offset !== offset) {
      where = `, in the frame at ${frame.offset}`;
    }
    const close = closeCode === undefined ? "" : `, close code ${closeCode}`;
    const what = `error ${code}: ${message}${where}${close}`;
    this.#out.line(`${this.#dirs[dir]} ${String(offset).padStart(11)}  ${this.#red(what)}`);
  }

  note(dir: Direction, { offset, message }: Note): void {
    this.#out.line(`${this.#dirs[dir]} ${String(offset).padStart(11)}  ${this.#dim(message)}`);
  }

  totals(totals: { readonly [dir in Direction]?: Totals }): void {
    this.#title("totals");
    for (const dir of ["c2s", "s2c"] as const) {
      const sums = totals[dir];
      if (sums) this.#out.line(`  ${this.#dirs[dir]}  ${told(sums).join("\n       ")}`);
    }
  }

  #title(title: string): void {
    this.#out.line(this.#bold(title));
  }

  /** The names of the columns, before the first line. */
  #columns(): void {
    if (this.#headed) return;
    this.#headed = true;
    this.#out.line(this.#dim("dir      offset  opcode       FIN RSV  MASK      length  payload"));
  }

  #head(dir: Direction, head: Head, names: readonly string[]): void {
    const length = this.#dim(`(${head.bytes.length} bytes)`);
    this.#out.line(`  ${this.#dirs[dir]}  ${shown(head.line)}  ${length}`);
    this.#headers(head, names);
  }

  #headers(head: Head, names: readonly string[]): void {
    for (const name of names) {
      const value = headerOf(head, name.toLowerCase());
      if (value !== undefined) this.#out.line(`       ${this.#dim(`${name}:`)} ${shown(value)}`);
    }
  }

  #preview(excerpt: Excerpt, maybeText: boolean): string {
    const rest = excerpt.cut ? this.#dim("...") : "";
    if (excerpt.empty) return rest;
    const text = excerpt.isText || (maybeText && excerpt.isPrintable());
    return (text ? `"${shown(excerpt.text())}"` : this.#dim(excerpt.hex())) + rest;
  }
}

/** RSV1 as `1--`, all of them as `123`. */
function reserved(rsv: number): string {
  return `${rsv & 4 ? "1" : "-"}${rsv & 2 ? "2" : "-"}${rsv & 1 ? "3" : "-"} `;
}

function closing(code: number | undefined, reason: string): string {
  if (code === undefined) return "no code";
  return reason === "" ? String(code) : `${code} "${shown(reason)}"`;
}

/** What the two sides agreed on, in words. */
function agreed({ protocol, extensions, deflate }: Handshake): string {
  const parts = [protocol === undefined ? "no subprotocol" : `subprotocol ${shown(protocol)}`];
  if (deflate) {
    const { serverMaxWindowBits: server, clientMaxWindowBits: client } = deflate;
    const fresh = [
      deflate.serverNoContextTakeover ? ", no context takeover" : "",
      deflate.clientNoContextTakeover ? ", no context takeover" : "",
    ];
    parts.push(
      `permessage-deflate (server: window of ${server} bits${fresh[0]}; ` +
        `client: window of ${client} bits${fresh[1]})`,
    );
  } else {
    parts.push(extensions === undefined ? "no extension" : `extensions ${shown(extensions)}`);
  }
  return parts.join("; ");
}

/** The sums of a direction, in words. */
function told(totals: Totals): string[] {
  const kinds = opcodes
    .map((name, opcode) => [totals.frames[opcode] as number, name] as const)
    .filter(([count]) => count > 0);
  const frames = kinds.reduce((sum, [count]) => sum + count, 0);
  const list = kinds.map(([count, name]) => `${count} ${name}`).join(", ");
  const { head, text, binary, compressed, inflated, data, control, close, unread } = totals;
  const lines = [
    some(totals.bytes, "byte") + (head > 0 ? `, ${head} of them the HTTP head` : ""),
    some(frames, "frame") + (list && `: ${list}`),
    `${some(text + binary, "message")}: ${text} text, ${binary} binary` +
      (compressed > 0 ? `; ${compressed} compressed` : ""),
    `${some(data, "byte")} of payload in data frames, ${control} in control frames` +
      (inflated > 0 ? `; compressed messages hold ${some(inflated, "byte")}` : ""),
    close ? closed(close) : "no close frame",
  ];
  if (unread !== 0) {
    lines.push(`${unread === undefined ? "the rest" : some(unread, "byte")} not read`);
  }
  return lines;
}

function some(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function closed({ offset, code, reason }: Close): string {
  return `closed at ${offset}: ${closing(code, reason)}`;
}
