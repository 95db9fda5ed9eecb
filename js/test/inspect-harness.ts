/** Captures, and the command `wscodec inspect` as a process. */

import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Direction, InspectEvent } from "wscodec/inspect";

const raw = new URL("../../tests/captures/", import.meta.url);
const pcap = new URL("../../tests/pcap/", import.meta.url);

/** A recorded conversation: the bytes of both directions, and what another decoder says of it. */
export interface Recording {
  readonly name: string;
  readonly c2s: Uint8Array;
  readonly s2c: Uint8Array;
  /** Its layout is in `tests/captures/README.md`. */
  readonly expected: any;
}

/** All recorded conversations. */
export function recordings(): Recording[] {
  const entries = readdirSync(raw, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => recording(name));
}

/** The recorded conversation of this name. */
export function recording(name: string): Recording {
  const file = (file: string) => readFileSync(new URL(`${name}/${file}`, raw));
  return {
    name,
    c2s: file("c2s.bin"),
    s2c: file("s2c.bin"),
    expected: JSON.parse(file("expected.json").toString()),
  };
}

/** The path of a file of a recording. */
export function recordingPath(name: string, dir: Direction): string {
  return fileURLToPath(new URL(`${name}/${dir}.bin`, raw));
}

/** A packet capture, with its TLS keys and the frames that another program finds in it. */
export interface Capture {
  readonly name: string;
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly keys: Uint8Array | undefined;
  readonly expected: readonly any[];
}

/** All packet captures. */
export function captures(): Capture[] {
  const names = readdirSync(pcap).filter((name) => /\.pcap(ng)?$/.test(name));
  return names.map((name) => {
    const file = (name: string) => readFileSync(new URL(name, pcap));
    const keys = name.replace(/pcap(ng)?$/, "keys");
    return {
      name,
      path: fileURLToPath(new URL(name, pcap)),
      bytes: file(name),
      keys: readdirSync(pcap).includes(keys) ? file(keys) : undefined,
      expected: linesOf(file(`${name}.expected.jsonl`).toString()),
    };
  });
}

/** The lines of a text as values. */
export function linesOf(text: string): any[] {
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** The bytes of an event's payload. */
export function payloadOf(event: InspectEvent): Buffer {
  const { text, bytes } = event as { text?: string; bytes?: Uint8Array };
  return Buffer.from(text ?? bytes ?? []);
}

/** A frame as it is on the wire; the mask key is fixed. */
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
    key.writeUInt32LE(0x3d21fa37);
    for (let i = 0; i < length; i++) bytes[i] = (bytes[i] as number) ^ (key[i % 4] as number);
  }
  return Buffer.concat([head, bytes]);
}

/** The result of a process. */
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
