/**
 * The program `wscodec` of the npm package: it has the command `inspect`. The command itself is Rust
 * (`wscodec_inspect::command`), the same as in the native program; this file reads the files and
 * writes the output.
 */

import { readFileSync } from "node:fs";

import { InspectRun, takeBytes } from "./entry.ts";
import { reasonOf, sizeOf, Source } from "./files.ts";
import { Output } from "./output.ts";
import { Progress } from "./progress.ts";
import { WrittenFiles } from "./written.ts";

/** The command line makes no sense, or a file can't be read. */
const TROUBLE = 2;

/** Output that is written at once. */
const OUTPUT = 64 * 1024;

/** The command line makes no sense; the message is for the user. */
class Usage extends Error {
  override name = "Usage";
}

const HELP = `The program wscodec of the npm package, which shows WebSocket traffic.

Usage: wscodec inspect [OPTION...] FILE...   (wscodec inspect --help lists the options)
       wscodec --version

The native program of the same name has the commands inspect, serve and connect:
cargo install wscodec-cli
`;

/** Runs the program; returns the exit status. */
export async function command(words: readonly string[]): Promise<number> {
  const out = new Output(process.stdout);
  try {
    const [word, ...rest] = words;
    switch (word) {
      case "inspect":
        return await inspect(rest, out);
      case "-h":
      case "--help":
      case "help":
        await out.write(HELP);
        return 0;
      case "-V":
      case "--version":
        await out.write(version());
        return 0;
      case undefined:
        throw new Usage("say what to do: wscodec inspect FILE");
      case "serve":
      case "connect":
      case "tap":
      case "replay":
        throw new Usage(
          `${word} is a command of the native program of this name: cargo install wscodec-cli`,
        );
      default:
        throw new Usage(`there is no command ${JSON.stringify(word)}, only "inspect"`);
    }
  } catch (error) {
    // Such as `wscodec ... | head`: the reader has enough.
    const { name, message } = error as Error;
    if (name === "Gone") return 0;
    if (name !== "Usage" && name !== "Unwritable") throw error;
    say(name === "Usage" ? `${message} (wscodec --help tells more)` : message);
    return TROUBLE;
  }
}

async function inspect(words: readonly string[], out: Output): Promise<number> {
  const run = asked(words);
  if (run === undefined) {
    await out.write(InspectRun.help());
    return 0;
  }
  for (const name of run.keyFiles()) {
    run.keys(keysOf(name));
  }
  const names = run.files();
  const sources = names.map((name) => new Source(name));
  const progress = new Progress(process.stderr, sizeOf(names));
  const written = new WrittenFiles();
  // Lines must not run into the bar.
  if (process.stdout.isTTY) out.onWrite = () => progress.clear();
  try {
    for (let file = run.wants(); file !== undefined; file = run.wants()) {
      await step(run, file, sources[file] as Source, progress);
      written.take(run);
      complain(run, progress);
      // Input that arrives while one watches is shown as it arrives.
      if (run.length() >= OUTPUT || names[file] === "-") await out.write(takeBytes(run));
    }
    const status = run.finish();
    written.take(run);
    await out.write(takeBytes(run));
    complain(run, progress);
    progress.clear();
    if (status === 0 && run.isEmpty()) say("no WebSocket connection was found");
    return status;
  } finally {
    progress.clear();
    run.free();
  }
}

/** Reads a chunk of a file, and hands it to the run. */
async function step(run: InspectRun, file: number, source: Source, progress: Progress): Promise<void> {
  let chunk: Uint8Array | undefined;
  try {
    chunk = await source.read();
  } catch (error) {
    return run.fail(file, (error as Error).message);
  }
  if (chunk === undefined) return run.end(file);
  run.push(file, chunk);
  progress.advance(chunk.length);
}

/** A file with TLS keys. It is read whole, because a line must not be cut. */
function keysOf(name: string): Uint8Array {
  try {
    return readFileSync(name);
  } catch (error) {
    throw new Usage(`can't read ${JSON.stringify(name)}: ${reasonOf(error)}`);
  }
}

/** The run that the words ask for; `undefined` if they ask for the help. */
function asked(words: readonly string[]): InspectRun | undefined {
  const { isTTY, columns } = process.stdout;
  const { NO_COLOR, TERM } = process.env;
  const color = isTTY === true && !NO_COLOR && TERM !== "dumb";
  try {
    return InspectRun.read([...words], isTTY ? (columns ?? 0) : 0, color);
  } catch (sentence) {
    if (typeof sentence === "string") throw new Usage(sentence);
    throw sentence;
  }
}

function complain(run: InspectRun, progress: Progress): void {
  for (const sentence of run.complaints()) {
    progress.clear();
    say(sentence);
  }
}

function say(sentence: string): void {
  process.stderr.write(`wscodec: ${sentence}\n`);
}

function version(): string {
  const file = new URL("../package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { version: string };
  return `wscodec ${version}\n`;
}
