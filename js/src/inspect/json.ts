/** One JSON object a line. INSPECT.md documents what is in them. */

import type { Direction } from "./arguments.ts";
import { type Frame, type Message, type Note, opcodes, type Printer, type Totals } from "./events.ts";
import type { Fault } from "./faults.ts";
import { type Excerpt, quoted } from "./excerpt.ts";
import type { Handshake } from "./handshake.ts";
import { extensionsOf, headerOf, type Head, listOf } from "./heads.ts";
import type { Output } from "./output.ts";

const names = opcodes.map((name) => JSON.stringify(name));

/** Prints JSON lines. */
export class JsonPrinter implements Printer {
  #out: Output;

  constructor(out: Output) {
    this.#out = out;
  }

  handshake({ request, response, status, protocol, extensions, deflate }: Handshake): void {
    this.#line({
      type: "handshake",
      request: request ? { ...requestOf(request), ...headOf(request) } : null,
      response: response ? { ...responseOf(response, status), ...headOf(response) } : null,
      protocol: protocol ?? null,
      extensions: extensions ?? null,
      deflate: deflate ?? null,
    });
  }

  // The two that may come by the million are put together by hand.

  frame(dir: Direction, frame: Frame): void {
    const { opcode, excerpt } = frame;
    let line =
      `{"type":"frame","dir":"${dir}","offset":${frame.offset},"opcode":${opcode},` +
      `"name":${names[opcode]},"fin":${frame.fin},"rsv":${frame.rsv},` +
      `"masked":${frame.masked},"length":${frame.length}`;
    if (frame.inflated !== undefined) line += `,"inflated":${frame.inflated}`;
    if (opcode === 8) {
      line += `,"closeCode":${frame.closeCode ?? null},"reason":${quoted(excerpt.text())}}`;
    } else {
      line += `,${payloadOf(excerpt)}}`;
    }
    this.#out.line(line);
  }

  message(dir: Direction, message: Message): void {
    this.#out.line(
      `{"type":"message","dir":"${dir}","offset":${message.offset},"kind":"${message.kind}",` +
        `"length":${message.length},"frames":${message.frames},` +
        `"compressed":${(message.rsv & 4) !== 0},"inflated":${message.inflated ?? null},` +
        `${payloadOf(message.excerpt)}}`,
    );
  }

  /** That lines are left out shows in the totals. */
  omitted(): void {}

  fault(dir: Direction, { offset, code, closeCode, message, frame }: Fault): void {
    this.#line({
      type: "error",
      dir,
      offset,
      code,
      closeCode: closeCode ?? null,
      message,
      frame: frame?.offset ?? null,
      opcode: frame?.opcode ?? null,
      length: frame?.length ?? null,
    });
  }

  note(dir: Direction, { offset, code, message }: Note): void {
    this.#line({ type: "note", dir, offset, code, message });
  }

  totals({ c2s, s2c }: { readonly [dir in Direction]?: Totals }): void {
    this.#line({
      type: "totals",
      c2s: c2s ? sums(c2s) : null,
      s2c: s2c ? sums(s2c) : null,
      errors: (c2s?.faults ?? 0) + (s2c?.faults ?? 0),
    });
  }

  #line(value: unknown): void {
    this.#out.line(safely(value));
  }
}

function payloadOf(excerpt: Excerpt): string {
  return excerpt.isText ? `"text":${quoted(excerpt.text())}` : `"hex":"${excerpt.hex()}"`;
}

function requestOf(head: Head) {
  const [method, target] = head.start;
  return {
    line: head.line,
    method: method || null,
    target: target || null,
    host: headerOf(head, "host") ?? null,
    origin: headerOf(head, "origin") ?? null,
    key: headerOf(head, "sec-websocket-key") ?? null,
    protocols: listOf(head, "sec-websocket-protocol"),
  };
}

function responseOf(head: Head, status: number | undefined) {
  return {
    line: head.line,
    status: status ?? null,
    reason: head.start[2],
    accept: headerOf(head, "sec-websocket-accept") ?? null,
    protocol: headerOf(head, "sec-websocket-protocol") ?? null,
  };
}

function headOf(head: Head) {
  return {
    extensions: extensionsOf(head).map(({ name, params }) => ({
      name,
      params: params.map(({ name, value }) => ({ name, value: value ?? null })),
    })),
    headers: head.headers,
    length: head.bytes.length,
  };
}

function sums(totals: Totals) {
  const frames: Record<string, number> = { total: 0 };
  for (const opcode of [0, 1, 2, 8, 9, 10]) {
    const count = totals.frames[opcode] as number;
    frames[opcodes[opcode] as string] = count;
    frames.total = (frames.total as number) + count;
  }
  const { close } = totals;
  return {
    bytes: totals.bytes,
    head: totals.head,
    unread: totals.unread ?? null,
    frames,
    messages: { text: totals.text, binary: totals.binary, compressed: totals.compressed },
    payload: { data: totals.data, inflated: totals.inflated, control: totals.control },
    close: close
      ? { offset: close.offset, closeCode: close.code ?? null, reason: close.reason }
      : null,
    errors: totals.faults,
  };
}

/** `JSON.stringify`, with strings that are safe to print. */
function safely(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) return `[${value.map(safely).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value);
    return `{${members.map(([key, member]) => `${quoted(key)}:${safely(member)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}
