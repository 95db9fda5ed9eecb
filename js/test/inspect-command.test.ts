/** The inspect command's face: options, output, exit status, memory. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  capture,
  capturePath,
  frame,
  inspectBytes,
  inspectChunks,
  linesOf,
  run,
  start,
} from "./inspect-harness.ts";

const plain = ["c2s", "s2c"].map((dir) => capturePath("ws-plain", dir as "c2s" | "s2c"));

test("help and version", async () => {
  const { version } = JSON.parse(
    readFileSync(new URL("../../pkg/package.json", import.meta.url), "utf8"),
  );
  assert.deepEqual(await run(["--version"]), { status: 0, stdout: `wscodec ${version}\n`, stderr: "" });
  const { status, stdout, stderr } = await run(["inspect", "--help"]);
  assert.deepEqual([status, stderr], [0, ""]);
  for (const option of [
    "--messages", "--json", "--limit", "--preview", "--color", "--no-color", "--no-handshake",
    "--dir", "--deflate", "--no-inflate", "--rsv", "--max-frame", "--max-message", "--help", "--version",
  ]) {
    assert.match(stdout, new RegExp(`^  (-\\w, )?${option}\\b`, "m"));
  }
  for (const line of stdout.split("\n")) assert.ok(line.length <= 80, line);
});

test("wrong usage is told in a sentence", async () => {
  const cases: [string[], RegExp][] = [
    [[], /say what to do/],
    [["look"], /no command "look"/],
    [["inspect"], /needs a file/],
    [["inspect", "a", "b", "c"], /two files at most/],
    [["inspect", "-", "-"], /standard input/],
    [["inspect", "--colour", "a"], /there is no option --colour/],
    [["inspect", "-x", "a"], /there is no option -x/],
    [["inspect", "--limit", "many", "a"], /--limit takes a whole number/],
    [["inspect", "--limit=-1", "a"], /--limit takes a whole number/],
    [["inspect", "--limit", "-1", "a"], /--limit takes a whole number/],
    [["inspect", "--preview", "--json", "a"], /--preview takes a whole number/],
    [["inspect", "--max-frame", "-", "a"], /--max-frame takes a whole number/],
    [["inspect", "--dir", "-1", "a"], /--dir is c2s/],
    [["inspect", "a", "--limit"], /--limit needs a value/],
    [["serve"], /cargo install/],
    [["connect", "ws://a"], /cargo install/],
    [["inspect", "--rsv", "8", "a"], /--rsv.* 7/],
    [["inspect", "--dir", "up", "a"], /--dir/],
    [["inspect", "--json=yes", "a"], /--json takes no value/],
    [["inspect", "no such file"], /no such file/],
    [["inspect", "."], /folder/],
  ];
  for (const [args, sentence] of cases) {
    const { status, stdout, stderr } = await run(args);
    assert.deepEqual([status, stdout], [2, ""], args.join(" "));
    assert.match(stderr, sentence);
    assert.match(stderr, /^wscodec: [^\n]+\n$/);
  }
});

test("a file that begins with frames is met with advice", async () => {
  const frames = frame(0x81, "hello");
  const { fine, hints } = await inspectBytes([frames]);
  assert.equal(fine, false);
  assert.match(hints.join(), /--no-handshake/);
  assert.deepEqual((await inspectBytes([frames], ["--no-handshake"])).hints, []);
});

test("colours only where they are wanted", async () => {
  const colored = /\x1b\[/;
  assert.doesNotMatch((await run(["inspect", ...plain])).stdout, colored);
  assert.doesNotMatch((await run(["inspect", "--no-color", ...plain])).stdout, colored);
  assert.match((await run(["inspect", "--color", ...plain])).stdout, colored);
  assert.doesNotMatch((await run(["inspect", "--color", "--json", ...plain])).stdout, colored);
});

test("nothing that a terminal acts upon gets through", async () => {
  const evil = "\x1b[31mred\x07\r\n\t\b\x7f\u009b2J\u202etxt\u2066\u2028\ufeff\u{e0041}\0";
  const latin = Buffer.from(evil.replace(/[\r\n]|[^\0-\xff]/g, ""), "latin1");
  const request = Buffer.concat([
    Buffer.from("GET /"), latin, Buffer.from(" HTTP/1.1\r\nHost: "), latin,
    Buffer.from("\r\nX-"), latin, Buffer.from(": "), latin,
    Buffer.from("\r\nSec-WebSocket-Extensions: "), latin, Buffer.from("\r\n\r\n"),
  ]);
  const c2s = Buffer.concat([
    request,
    frame(0x81, evil, true),
    frame(0x89, Buffer.from(evil).subarray(0, 120), true),
    frame(0x82, evil, true),
    frame(0x88, Buffer.concat([Buffer.from([3, 232]), Buffer.from(evil)]), true),
  ]);
  for (const options of [[], ["--messages"], ["--json"], ["--json", "--messages"]]) {
    const { text } = await inspectBytes([c2s], options);
    const harmless = /^(?:[ -~\n]|[^\p{C}\p{Zl}\p{Zp}])*$/u;
    assert.match(text, harmless);
    if (options.includes("--json")) {
      assert.equal(linesOf(text).find((line) => "text" in line)?.text, evil);
      assert.equal(linesOf(text).at(-2)?.reason, evil);
    }
  }
});

test("a preview ends with a whole character", async () => {
  const bytes = frame(0x81, "aä€𝄞");
  const previews = [];
  for (let n = 0; n <= 10; n++) {
    const options = ["--json", "--no-handshake", "--preview", `${n}`];
    previews.push(linesOf((await inspectBytes([bytes], options)).text)[0]?.text);
  }
  const all = ["", "a", "a", "aä", "aä", "aä", "aä€", "aä€", "aä€", "aä€", "aä€𝄞"];
  assert.deepEqual(previews, all);
  const pieces = ["--json", "--no-handshake", "--preview", "5"];
  assert.equal(linesOf((await inspectBytes([bytes], pieces, 1)).text)[0]?.text, "aä");
});

test("--limit leaves out lines, and counts them", async () => {
  const { c2s, s2c } = capture("ws-plain");
  for (const mode of [[], ["--messages"]]) {
    const all = linesOf((await inspectBytes([c2s, s2c], ["--json", ...mode])).text);
    const limited = ["--json", ...mode, "--limit", "3"];
    const few = linesOf((await inspectBytes([c2s, s2c], limited)).text);
    const begin = (dir: string) => all.filter((line) => line.dir === dir).slice(0, 3);
    assert.deepEqual(few, [all[0], ...begin("c2s"), ...begin("s2c"), all.at(-1)]);
    const { text } = await inspectBytes([c2s, s2c], [...mode, "--limit", "3"]);
    const lines = all.filter(({ dir }) => dir === "c2s").length;
    assert.match(text, new RegExp(`^c2s \\.\\.\\. ${lines - 3} more lines not shown$`, "m"));
  }
});

test("--rsv lets reserved bits pass, --deflate RSV1", async () => {
  const bytes = Buffer.concat([frame(0xc1, "\xff"), frame(0x91, "ab")]);
  const with_ = async (...options: string[]) => {
    const { text } = await inspectBytes([bytes], ["--json", "--no-handshake", ...options]);
    return linesOf(text).slice(0, -1).map(({ rsv, offset, code }) => code ?? [rsv, offset]);
  };
  const second = frame(0xc1, "\xff").length;
  assert.deepEqual(await with_(), ["RESERVED_BITS"]);
  // "\xff" is no compressed message.
  const damaged = [[4, 0], "INVALID_COMPRESSED_DATA"];
  assert.deepEqual(await with_("--deflate"), [...damaged, "RESERVED_BITS"]);
  assert.deepEqual(await with_("--rsv", "5"), ["NOT_INFLATED", [4, 0], [1, second]]);
  assert.deepEqual(await with_("--rsv", "1", "--deflate"), [...damaged, [1, second]]);
  const plainly = ["--rsv", "1", "--deflate", "--no-inflate"];
  assert.deepEqual(await with_(...plainly), ["NOT_INFLATED", [4, 0], [1, second]]);
});

test("--dir", async () => {
  const masked = frame(0x81, "x", true);
  const one = async (...options: string[]) => {
    const { text } = await inspectBytes([masked], ["--json", "--no-handshake", ...options]);
    return linesOf(text).map(({ type, dir, code }) => [type, dir, code]);
  };
  const frameThenTotals = [["frame", "c2s", undefined], ["totals", undefined, undefined]];
  assert.deepEqual(await one(), frameThenTotals);
  assert.deepEqual(await one("--dir", "c2s"), frameThenTotals);
  assert.deepEqual((await one("--dir", "s2c"))[0], ["error", "s2c", "MASKED_FRAME"]);
});

test("whoever reads the output may stop reading", async () => {
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

test("memory stays flat however much comes", async () => {
  const small = Buffer.concat(Array<Buffer>(400).fill(frame(0x82, Buffer.alloc(150))));
  const MiB = 2 ** 20;
  // A message of many fragments, and a frame of 5 GiB of which much comes.
  const huge = Buffer.from("827f0000000140000000", "hex");
  const zeros = Buffer.alloc(64 * 1024);
  const parts: [Buffer, number][] = [
    [small, 100 * MiB],
    [frame(0x02, zeros), 1],
    [Buffer.concat(Array<Buffer>(10).fill(frame(0x00, zeros.subarray(0, 6000)))), 100 * MiB],
    [frame(0x80, ""), 1],
    [huge, 1],
    [zeros, 100 * MiB],
  ];
  for (const mode of [[], ["--messages"]]) {
    let [part, sent, all, least, most] = [0, 0, 0, Infinity, 0];
    let rest: Buffer = Buffer.alloc(0);
    const fetch = () => {
      if (rest.length === 0) {
        while (part < parts.length && sent >= (parts[part] as [Buffer, number])[1]) {
          part++;
          sent = 0;
        }
        if (part === parts.length) return undefined;
        [rest] = parts[part] as [Buffer, number];
        sent += rest.length;
        const { rss } = process.memoryUsage();
        // What the beginning takes, code and garbage, is no growth.
        if (all > 30 * MiB) {
          least = Math.min(least, rss);
          most = Math.max(most, rss);
        }
      }
      const chunk = rest.subarray(0, 64 * 1024);
      rest = rest.subarray(64 * 1024);
      all += chunk.length;
      return chunk;
    };
    const options = ["--json", "--no-handshake", "--limit", "1000", ...mode];
    const { text, fine } = await inspectChunks([[fetch, undefined]], options);
    const [error, totals] = linesOf(text).slice(-2);
    assert.equal(fine, false);
    assert.equal(error?.code, "UNEXPECTED_EOF");
    assert.deepEqual([error?.offset, error?.length], [all, 5 * 2 ** 30]);
    assert.ok(all > 300 * MiB);
    assert.equal(totals?.s2c.messages.binary, totals?.s2c.frames.binary);
    assert.ok(most - least < 48 * MiB, `it grew by ${(most - least) / MiB} MiB`);
  }
});

test("standard input is streamed", async () => {
  const child = start(["inspect", "--json", "--no-handshake", "--limit", "1", "-"]);
  let stdout = "";
  child.stdout.on("data", (bytes) => (stdout += bytes));
  const block = frame(0x82, Buffer.alloc(2 ** 20));
  const count = 300;
  let peak = 0;
  for (let i = 0; i < count; i++) {
    if (!child.stdin.write(block)) await once(child.stdin, "drain");
    if (i % 20 === 0) peak = Math.max(peak, resident(child.pid as number));
  }
  child.stdin.end();
  const [status] = await once(child, "close");
  assert.equal(status, 0);
  assert.equal(linesOf(stdout).at(-1)?.s2c.frames.binary, count);
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

test("a file of another kind is named", async () => {
  const cases: [string | number[], RegExp][] = [
    [[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0], /\(pcap\)/],
    [[0xa1, 0xb2, 0x3c, 0x4d, 0, 2, 0, 4], /\(pcap\)/],
    [[0x0a, 0x0d, 0x0d, 0x0a, 0x80, 0, 0, 0], /\(pcapng\)/],
    [[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3], /TLS/],
    [[0x17, 3, 3, 0, 0x20, 1, 2, 3], /TLS/],
    ['{\n  "log": {"version": "1.2"}}', /HAR/],
    [[0x1f, 0x8b, 8, 0], /gzip -dc/],
    [[0x28, 0xb5, 0x2f, 0xfd, 4], /zstd -dc/],
    [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], /xz -dc/],
    ["BZh91AY", /bzip2/],
    ["PK\x03\x04", /zip/],
  ];
  for (const [bytes, hint] of cases) {
    const file = Buffer.from(bytes as string);
    for (const options of [[], ["--no-handshake"]]) {
      const { fine, hints } = await inspectBytes([file], options);
      assert.equal(fine, false);
      assert.equal(hints.length, 1);
      assert.match(hints[0] as string, hint);
      assert.doesNotMatch(hints[0] as string, /--no-handshake/);
    }
  }
});

test("a capture that begins within a message shows what is there", async () => {
  for (const [dir, masked] of [["c2s", true], ["s2c", false]] as const) {
    const frames = [
      frame(0x00, "middle", masked),
      frame(0x89, "", masked),
      frame(0x80, "end", masked),
      frame(0x81, "whole", masked),
      frame(0xc1, Buffer.from([0]), masked),
    ];
    const offsets = frames.map((_, i) => Buffer.concat(frames.slice(0, i)).length);
    const bytes = Buffer.concat(frames);
    for (const step of [1, bytes.length]) {
      const options = ["--no-handshake", "--deflate", "--dir", dir, "--json"];
      const { fine, text } = await inspectBytes([bytes], options, step);
      assert.ok(fine, text);
      const lines = linesOf(text);
      const found = lines.filter(({ type }) => type === "frame");
      assert.deepEqual(found.map(({ offset }) => offset), offsets);
      assert.deepEqual(found.map(({ opcode }) => opcode), [0, 9, 0, 1, 1]);
      assert.equal(found[0]?.hex, Buffer.from("middle").toString("hex"));
      const notes = lines.filter(({ type }) => type === "note");
      // Nothing can be inflated: the window has bytes that the capture has not.
      assert.deepEqual(notes.map(({ code }) => code), ["BEGINS_WITHIN", "NOT_INFLATED"]);
      assert.equal(lines.at(-1)?.[dir].bytes, bytes.length);
      const messages = linesOf(
        (await inspectBytes([bytes], [...options, "--messages"], step)).text,
      ).filter(({ type }) => type === "message");
      assert.deepEqual(
        messages.map(({ offset, length, frames }) => [offset, length, frames]),
        [[0, 9, 2], [offsets[3], 5, 1], [offsets[4], 1, 1]],
      );
    }
    // A fault lies where it lies in the file.
    const cut = Buffer.concat([frames[0] as Buffer, frame(0x83, "", masked)]);
    const { text } = await inspectBytes([cut], ["--no-handshake", "--dir", dir, "--json"]);
    const error = linesOf(text).find(({ type }) => type === "error");
    assert.deepEqual([error?.offset, error?.frame], [offsets[1], offsets[1]]);
  }
});
