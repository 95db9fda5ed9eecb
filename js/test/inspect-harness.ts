/** Runs the inspect command: within this process on given bytes, or as a process. */

import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";

import { type Arguments, type Direction, readArguments } from "../src/inspect/arguments.ts";
import type { Printer } from "../src/inspect/events.ts";
import { inspect } from "../src/inspect/inspect.ts";
import { JsonPrinter } from "../src/inspect/json.ts";
import { Output } from "../src/inspect/output.ts";
import { Progress } from "../src/inspect/progress.ts";
import { CHUNK, type Fetch, Source } from "../src/inspect/source.ts";
import { TextPrinter } from "../src/inspect/text.ts";

/** A parsed line of `--json`. */
export type Line = { type: string; dir?: Direction; [key: string]: any };

/** What an inspection gave. */
export interface Result {
  readonly fine: boolean;
  readonly text: string;
  readonly hints: readonly string[];
}

/** The bytes of the two directions. */
export type Conversation = { readonly [dir in Direction]: Uint8Array };

/** Inspects bytes, handed on in chunks of `step`. */
export function inspectBytes(
  files: readonly Uint8Array[],
  options: readonly string[] = [],
  step = CHUNK,
): Promise<Result> {
  return inspectChunks(files.map((bytes) => [chunksOf(bytes, step), bytes.length]), options);
}

/** Inspects what comes out of these. */
export async function inspectChunks(
  files: readonly (readonly [Fetch, number | undefined])[],
  options: readonly string[],
): Promise<Result> {
  const names = files.map((_, i) => `file ${i}`);
  const asked = readArguments(["inspect", ...options, ...names]) as Arguments;
  let text = "";
  const out = new Output(
    new Writable({
      decodeStrings: false,
      write(block: string, _, taken) {
        text += block;
        taken();
      },
    }),
  );
  const printer: Printer = asked.json
    ? new JsonPrinter(out)
    : new TextPrinter(out, asked.color === true);
  const hints: string[] = [];
  const sources = files.map(([fetch, size], i) => new Source(names[i] as string, fetch, size));
  const progress = new Progress(process.stderr, undefined);
  const around = { out, printer, progress, hint: (hint: string) => void hints.push(hint) };
  return { fine: await inspect(sources, asked, around), text, hints };
}

/** The lines of `--json`; each must be an object. */
export function linesOf(text: string): Line[] {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  return text.slice(0, -1).split("\n").map((line) => JSON.parse(line) as Line);
}

/** A recorded conversation, with what another decoder says of it. */
export interface Capture extends Conversation {
  readonly name: string;
  /** Its layout is in `tests/captures/README.md`. */
  readonly expected: any;
}

const folder = new URL("../../tests/captures/", import.meta.url);

/** All recorded conversations. */
export function captures(): Capture[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => capture(name));
}

/** The recorded conversation of this name. */
export function capture(name: string): Capture {
  const file = (file: string) => readFileSync(new URL(`${name}/${file}`, folder));
  return {
    name,
    c2s: file("c2s.bin"),
    s2c: file("s2c.bin"),
    expected: JSON.parse(file("expected.json").toString()),
  };
}

/** The path of one of its files. */
export function capturePath(name: string, dir: Direction): string {
  return fileURLToPath(new URL(`${name}/${dir}.bin`, folder));
}

/** A frame as it is on the wire; the mask key is made of the length. */
export function frame(first: number, payload: Uint8Array | string, masked = false): Buffer {
  const bytes = Buffer.from(payload as string);
  const { length } = bytes;
  const head = Buffer.alloc(2 + (length < 126 ? 0 : length < 65536 ? 2 : 8) + (masked ? 4 : 0));
  head[0] = first;
  head[1] = (masked ? 0x80 : 0) | (length < 126 ? length : length < 65536 ? 126 : 127);
  if (length >= 65536) head.writeBigUInt64BE(BigInt(length), 2);
  else if (length >= 126) head.writeUInt16BE(length, 2);
  if (masked) {
    const key = head.subarray(head.length - 4);
    key.writeUInt32LE((length * 2654435761) >>> 0);
    for (let i = 0; i < length; i++) bytes[i] = (bytes[i] as number) ^ (key[i % 4] as number);
  }
  return Buffer.concat([head, bytes]);
}

/** What a process did. */
export interface Exit {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const cli = fileURLToPath(new URL("../../pkg/dist/cli.mjs", import.meta.url));
const runtime = "Deno" in globalThis ? ["run", "--allow-all", "--no-lock", "--no-config"] : [];

/** The command as a process of the runtime that runs the tests. */
export function start(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return spawn(process.execPath, [...runtime, cli, ...args], {
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
}

/** Runs the command to its end. */
export async function run(
  args: readonly string[],
  input: Uint8Array = new Uint8Array(0),
  env: NodeJS.ProcessEnv = {},
): Promise<Exit> {
  const child = start(args, env);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin.on("error", () => {}); // It may have enough before all was written.
  child.stdin.end(input);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject).on("close", resolve);
  });
  return { status, stdout, stderr };
}

/** Chunks in one piece of memory that is used again and again, as that of a file is. */
function chunksOf(bytes: Uint8Array, step: number): Fetch {
  const block = new Uint8Array(Math.min(step, CHUNK));
  let at = 0;
  return () => {
    const chunk = bytes.subarray(at, at + block.length);
    at += chunk.length;
    block.set(chunk);
    return chunk.length === 0 ? undefined : block.subarray(0, chunk.length);
  };
}
