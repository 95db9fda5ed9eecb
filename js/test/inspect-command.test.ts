/** The command `wscodec inspect` of the package: files, output, exit status, memory. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { captures, frame, linesOf, recordingPath, run, start } from "./inspect-harness.ts";

const plain = [recordingPath("ws-plain", "c2s"), recordingPath("ws-plain", "s2c")];

test("help and version", async () => {
  const file = new URL("../../pkg/package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(file, "utf8"));
  assert.deepEqual(await run(["--version"]), { status: 0, stdout: `wscodec ${version}\n`, stderr: "" });
  const { status, stdout, stderr } = await run(["inspect", "--help"]);
  assert.deepEqual([status, stderr], [0, ""]);
  assert.match(stdout, /^Usage: wscodec inspect /m);
  assert.match((await run(["--help"])).stdout, /cargo install wscodec-cli/);
});

test("wrong usage is told in a sentence", async () => {
  const cases: [string[], RegExp][] = [
    [[], /say what to do/],
    [["look"], /no command "look"/],
    [["inspect"], /file/],
    [["inspect", "--colour", "a"], /--colour/],
    [["inspect", "--limit", "many", "a"], /--limit/],
    [["serve"], /cargo install/],
    [["connect", "ws://a"], /cargo install/],
    [["inspect", "no such file"], /no such file/],
    [["inspect", "."], /folder/],
    [["inspect", "--keys", "no such keys", "a"], /no such keys/],
  ];
  for (const [args, sentence] of cases) {
    const { status, stdout, stderr } = await run(args);
    assert.equal(status, 2, args.join(" "));
    assert.equal(stdout.replace(/^.*\b0 .*\n/gm, ""), "", args.join(" "));
    assert.match(stderr, sentence);
    assert.match(stderr, /^wscodec: [^\n]+\n$/);
  }
});

test("the exit status tells whether there were violations", async () => {
  assert.equal((await run(["inspect", ...plain])).status, 0);
  const wrong = await run(["inspect", "--no-handshake", "--json", "-"], frame(0x83, "x"));
  assert.equal(wrong.status, 1);
  assert.ok(linesOf(wrong.stdout).some(({ code }) => code === "RESERVED_OPCODE"));
});

test("a capture with keys, and one in gzip on standard input", async () => {
  const tls = captures().find(({ keys }) => keys !== undefined);
  assert.ok(tls);
  const keys = tls.path.replace(/pcap$/, "keys");
  const { stdout } = await run(["inspect", "--json", "--keys", keys, tls.path]);
  const frames = linesOf(stdout).filter(({ type }) => type === "frame");
  assert.equal(frames.length, tls.expected.length);
  const zipped = await run(["inspect", "--json", "--keys", keys, "-"], gzipSync(tls.bytes));
  assert.equal(zipped.stdout, stdout);
});

test("colours only where they are wanted", async () => {
  const colored = /\x1b\[/;
  assert.doesNotMatch((await run(["inspect", ...plain])).stdout, colored);
  assert.match((await run(["inspect", "--color", ...plain])).stdout, colored);
});

// A process of Bun before 1.4 hangs in `process.stdout.write` when the reader of the pipe is gone.
const hangs = /^1\.[23]\./.test(process.versions.bun ?? "") && "Bun before 1.4 reports no EPIPE";

test("the reader of the output may stop reading", { skip: hangs }, async () => {
  const child = start(["inspect", "--json", "--no-handshake", "-"]);
  let stderr = "";
  child.stderr.on("data", (bytes) => (stderr += bytes));
  child.stdin.on("error", () => {});
  const block = Buffer.concat(Array<Buffer>(5000).fill(frame(0x81, "hello")));
  const feed = () => {
    while (child.stdin.writable && child.stdin.write(block));
  };
  child.stdin.on("drain", feed);
  feed();
  await once(child.stdout, "data");
  child.stdout.destroy();
  const [status] = await once(child, "exit");
  child.stdin.destroy();
  assert.deepEqual([status, stderr], [0, ""]);
});

test("standard input is streamed, and memory stays flat", async () => {
  const child = start(["inspect", "--json", "--no-handshake", "--messages", "--type", "text", "-"]);
  let stdout = "";
  child.stdout.on("data", (bytes) => (stdout += bytes));
  const block = frame(0x82, Buffer.alloc(2 ** 20));
  const count = 300;
  let peak = 0;
  for (let i = 0; i < count; i++) {
    if (!child.stdin.write(block)) await once(child.stdin, "drain");
    if (i % 20 === 0) peak = Math.max(peak, resident(child.pid as number));
  }
  child.stdin.end(frame(0x81, "the last one"));
  const [status] = await once(child, "close");
  assert.equal(status, 0);
  const messages = linesOf(stdout).filter(({ type }) => type === "message");
  assert.deepEqual(messages.map(({ text, offset }) => [text, offset]), [
    ["the last one", count * block.length],
  ]);
  assert.ok(peak < 200 * 2 ** 20, `it held ${peak} bytes`);
});

/** The memory that a process uses, where the system tells it in a file; else 0. */
function resident(pid: number): number {
  try {
    const [, kib] = /^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}

test("files are written", async () => {
  const folder = mkdtempSync(join(tmpdir(), "wscodec-files-"));
  try {
    const [har, jsonl, extract] = ["a.har", "a.jsonl", "payloads"].map((name) => join(folder, name)) as [string, string, string];
    const words = ["--har", har, "--jsonl", jsonl, "--extract", extract];
    assert.equal((await run(["inspect", ...words, ...plain])).status, 0);
    const messages = linesOf(readFileSync(jsonl, "utf8")).filter(({ type }) => type === "message");
    assert.ok(messages.length > 3);
    const { entries } = JSON.parse(readFileSync(har, "utf8")).log;
    assert.ok(entries[0]._webSocketMessages.length >= messages.length);
    assert.equal(readdirSync(extract).length, messages.length);
    const wrong = await run(["inspect", "--jsonl", join(folder, "none", "a"), ...plain]);
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /can't write .*there is no such file/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
