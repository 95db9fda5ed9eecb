/** From arguments to an exit status. */

import { readFileSync } from "node:fs";

import { type Arguments, readArguments } from "./arguments.ts";
import { help } from "./help.ts";
import { inspect } from "./inspect.ts";
import { JsonPrinter } from "./json.ts";
import { Output } from "./output.ts";
import { Progress } from "./progress.ts";
import { Source } from "./source.ts";
import { TextPrinter } from "./text.ts";

const FAULT = 1;
const TROUBLE = 2;

/** Runs the command; the exit status. */
export async function command(args: readonly string[]): Promise<number> {
  const out = new Output(process.stdout);
  try {
    const asked = readArguments(args);
    if (typeof asked === "object") return await inspection(asked, out);
    out.line(asked === "help" ? help.trimEnd() : version());
    await out.drain();
    return 0;
  } catch (error) {
    // Such as `wscodec ... | head`: whoever read it has enough.
    const { name, message } = error as Error;
    if (name === "Gone") return 0;
    if (name === "Usage") {
      say(`${message} (wscodec --help tells more)`);
    } else if (name === "Unreadable" || name === "Unwritable") {
      // What was found before is shown, if it can be.
      await out.drain().catch(() => {});
      say(message);
    } else {
      throw error;
    }
    return TROUBLE;
  }
}

async function inspection(asked: Arguments, out: Output): Promise<number> {
  const sources = asked.files.map((file) => Source.open(file));
  const sizes = sources.map(({ size }) => size ?? Number.NaN);
  const size = sizes.reduce((sum, size) => sum + size, 0);
  const progress = new Progress(process.stderr, Number.isNaN(size) ? undefined : size);
  // Lines must not run into the bar.
  if (process.stdout.isTTY) out.onWrite = () => progress.clear();
  const printer = asked.json ? new JsonPrinter(out) : new TextPrinter(out, colored(asked));
  try {
    const fine = await inspect(sources, asked, { out, printer, progress, hint: say });
    return fine ? 0 : FAULT;
  } finally {
    progress.clear();
  }
}

/** Colours are for terminals, unless the user wants otherwise (no-color.org). */
function colored({ color }: Arguments): boolean {
  const { NO_COLOR, TERM } = process.env;
  return color ?? (process.stdout.isTTY === true && !NO_COLOR && TERM !== "dumb");
}

function say(sentence: string): void {
  process.stderr.write(`wscodec: ${sentence}\n`);
}

function version(): string {
  const file = new URL("../package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { version: string };
  return `wscodec ${version}`;
}
