/** A conversation, from its two byte streams to a printer. */

import type { Arguments, Direction } from "./arguments.ts";
import { nothingYet, type Printer, type Totals } from "./events.ts";
import { type Handshake, directionOf as deflateOf, readHandshake } from "./handshake.ts";
import { directionOf, type Head, readHead } from "./heads.ts";
import type { Inflating } from "./inflation.ts";
import { KIND, kindOf } from "./kinds.ts";
import type { Output } from "./output.ts";
import type { Progress } from "./progress.ts";
import type { Source } from "./source.ts";
import { Walk } from "./walk.ts";

/** What an inspection writes to, and says how far it is. */
export interface Surroundings {
  readonly out: Output;
  readonly printer: Printer;
  readonly progress: Progress;
  /** Tells the user something that is not part of the output. */
  hint(sentence: string): void;
}

/** Each direction with where it comes from. */
type Sides<T> = { [dir in Direction]?: T };

const other = { c2s: "s2c", s2c: "c2s" } as const;

/** Reads it all; true if there was no fault. */
export async function inspect(
  sources: readonly Source[],
  asked: Arguments,
  around: Surroundings,
): Promise<boolean> {
  const heads = asked.handshake ? await Promise.all(sources.map(readHead)) : [];
  const first = asked.handshake ? byHeads(heads, asked) : await byMask(sources, asked);
  const sides = assigned(sources, first);
  const totals: Sides<Totals> = {};
  for (const dir of ["c2s", "s2c"] as const) if (sides[dir]) totals[dir] = nothingYet();

  const { printer, out, progress } = around;
  let handshake: Handshake | undefined;
  const headOf = assigned(heads, first);
  if (asked.handshake) {
    handshake = readHandshake(headOf);
    printer.handshake(handshake);
    for (const { dir, ...fault } of handshake.faults) {
      printer.fault(dir, fault);
      (totals[dir] as Totals).faults++;
    }
    heads.forEach((head, i) => {
      if (head.complete || directionOf(head) !== undefined) return;
      const { name } = sources[i] as Source;
      const kind = kindOf(head.bytes);
      around.hint(
        kind === undefined
          ? `${name} does not begin with an HTTP head; if it begins with a frame, say --no-handshake`
          : `${name} ${kind}`,
      );
    });
  } else {
    for (const source of sources) {
      const kind = kindOf(await source.peek(KIND, () => false));
      if (kind !== undefined) around.hint(`${source.name} ${kind}`);
    }
  }
  for (const dir of ["c2s", "s2c"] as const) {
    const source = sides[dir];
    const sums = totals[dir];
    if (source === undefined || sums === undefined) continue;
    const head = headOf[dir];
    if (head !== undefined) {
      progress.advance(head.offset + head.bytes.length);
      source.skip(head.bytes.length);
      sums.bytes = head.offset + head.bytes.length;
      if (head.complete) sums.head = sums.bytes;
    }
    let readable = head?.complete !== false;
    if (readable && handshake?.upgraded !== false) {
      const rsv = asked.rsv | (handshake?.rsv ?? 0);
      const how = inflating(dir, asked, handshake);
      // Behind a handshake, a message begins with its first frame.
      const within = !asked.handshake && (await beginsWithin(source));
      const walk = new Walk(dir, rsv, how, asked, printer, sums, within);
      readable = await frames(source, walk, around);
    }
    // A fault ends the reading; what follows a close or a rejection is counted.
    sums.unread = await unread(source, sums.bytes, readable, progress);
  }
  printer.totals(totals);
  await out.drain();
  return !Object.values(totals).some(({ faults }) => faults > 0);
}

/** Reads a direction's frames; false if there is a fault in them. */
async function frames(
  source: Source,
  walk: Walk,
  { out, progress }: Surroundings,
): Promise<boolean> {
  try {
    for (;;) {
      const next = source.read();
      const chunk = next !== undefined && "then" in next ? await next : next;
      if (chunk === undefined) return walk.end();
      const more = walk.push(chunk);
      progress.advance(chunk.length);
      // What comes while one watches is shown as it comes.
      if (out.full || source.size === undefined) await out.drain();
      if (!more) return walk.end();
    }
  } finally {
    walk.free();
  }
}

/** Whether the first frame continues a message (RFC 6455 §5.4): without reserved bits, opcode 0. */
async function beginsWithin(source: Source): Promise<boolean> {
  const [first] = await source.peek(1, () => true);
  return first !== undefined && (first & 0x7f) === 0;
}

/** How a direction's compressed messages are to be inflated, or why not. */
function inflating(dir: Direction, asked: Arguments, handshake?: Handshake): Inflating {
  if (!asked.inflate) return "as --no-inflate asks for";
  if (handshake?.deflate) return deflateOf(handshake.deflate, dir);
  // The largest window, taken over, reads what was made for less.
  if (asked.deflate) return {};
  if (handshake?.request && !handshake.response) {
    return "the server's answer is not there to say what was agreed on";
  }
  return "nothing says that it is permessage-deflate; --deflate does";
}

/** How many bytes there are behind those that were looked into. */
async function unread(
  source: Source,
  known: number,
  goOn: boolean,
  progress: Progress,
): Promise<number | undefined> {
  if (source.size !== undefined) return Math.max(0, source.size - known);
  while (!source.ended) {
    if (!goOn) return undefined;
    const chunk = await source.read();
    progress.advance(chunk?.length ?? 0);
  }
  return source.fetched - known;
}

/** The first source's direction, out of how the sources begin. */
function byHeads(heads: readonly Head[], { dir }: Arguments): Direction {
  const [first, second] = heads.map(directionOf);
  if (first !== undefined && first !== second) return first;
  if (second !== undefined && first !== second) return other[second];
  return first !== undefined && heads.length === 1 ? first : (dir ?? "c2s");
}

/** The first source's direction: clients mask (RFC 6455 §5.3), servers do not. */
async function byMask(sources: readonly Source[], { dir }: Arguments): Promise<Direction> {
  if (dir !== undefined || sources.length > 1) return dir ?? "c2s";
  const start = await (sources[0] as Source).peek(2, () => false);
  return start.length > 1 && ((start[1] as number) & 0x80) === 0 ? "s2c" : "c2s";
}

function assigned<T>(values: readonly T[], first: Direction): Sides<T> {
  const sides: Sides<T> = {};
  values.forEach((value, i) => (sides[i === 0 ? first : other[first]] = value));
  return sides;
}
