/** Hosts that lack something: text codecs, WebAssembly, address space. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";

import { MessageDecoder, MessageEncoder } from "wscodec";

const dist = new URL("../../pkg/dist/", import.meta.url);
const isNode = (globalThis as { Deno?: unknown; Bun?: unknown }).Deno === undefined &&
  (globalThis as { Bun?: unknown }).Bun === undefined;

/** A build as CommonJS in a context with globals of its own, as jest runs code. */
function inContext(file: string, globals: Record<string, unknown>): typeof import("wscodec") {
  const context = createContext(globals);
  const source = readFileSync(new URL(file, dist), "utf8");
  const wrapped = runInContext(`(function (module, exports, require) {${source}\n})`, context) as (
    module: object,
    exports: object,
    require: unknown,
  ) => void;
  const module = { exports: {} };
  wrapped(module, module.exports, createRequire(import.meta.url));
  return module.exports as typeof import("wscodec");
}

/** Text goes both ways, with characters of all lengths, and with Rust's strings. */
function works(w: typeof import("wscodec"), role: "client" | "server" = "server"): void {
  const text = "Grüße 🦀 \ud800 ascii";
  const encoder = new w.MessageEncoder({ role }).text("plain").text(text).close(1000, "tschüß");
  const decoder = new w.MessageDecoder({ role: role === "server" ? "client" : "server" });
  assert.deepEqual(JSON.parse(JSON.stringify([...decoder.push(encoder.take())])), [
    { type: "text", data: "plain" },
    { type: "text", data: "Grüße 🦀 \ufffd ascii" },
    { type: "close", code: 1000, reason: "tschüß" },
  ]);
  const faulty = new w.MessageDecoder({ role: "client" }).push(Uint8Array.of(0xc1, 0));
  assert.throws(() => faulty.next(), { code: "RESERVED_BITS" });
  assert.throws(() => new w.MessageEncoder({ role }).close(999), /close code/);
  assert.equal(w.acceptKey("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

const skip = isNode ? false : "node:vm and flags of Node";

test("without TextDecoder and TextEncoder, Node's Buffer does", { skip }, () => {
  for (const file of ["index.cjs", "slim.cjs", "zlib.cjs"]) {
    // These are the globals of jest-environment-jsdom.
    works(inContext(file, { Buffer, process, performance, crypto }));
  }
  works(inContext("index.cjs", { Buffer, process, performance }), "client");
  const ring = inContext("ring.cjs", { Buffer }) as unknown as typeof import("wscodec/ring");
  const memory = ring.createRing(64);
  new ring.RingWriter(memory).tryWrite(Buffer.from("Grüße"));
  const reader = new ring.RingReader(memory);
  assert.ok(reader.tryNext());
  assert.equal(reader.text(), "Grüße");
});

test("without Buffer, the runtime's TextDecoder and TextEncoder do", { skip }, () => {
  works(inContext("index.cjs", { TextDecoder, TextEncoder, crypto }), "client");
});

test("a host without either is told what is missing", { skip }, () => {
  assert.throws(() => inContext("index.cjs", {}), /needs TextDecoder and TextEncoder/);
});

/** Counts what decoders decode in all, and fails after 2 GiB of one, as WebKit's does. */
class WebKitDecoder {
  static most = 0;
  #total = 0;

  decode(bytes?: Uint8Array): string {
    this.#total += bytes?.byteLength ?? 0;
    WebKitDecoder.most = Math.max(WebKitDecoder.most, this.#total);
    if (this.#total >= 2 ** 31) throw new TypeError("RangeError: Bad value");
    return bytes === undefined ? "" : "decoded";
  }
}

test("a decoder of WebKit, which fails after 2 GiB, is renewed before", { skip, timeout: 120_000 }, () => {
  const w = inContext("index.cjs", { TextDecoder: WebKitDecoder, TextEncoder, crypto });
  // The text is not ASCII, and is sent again and again: 2.6 GiB in all.
  const wire = new MessageEncoder({ role: "server" }).text("ü".repeat(15 * 2 ** 20)).take();
  const decoder = new w.MessageDecoder({ role: "client" });
  for (let i = 0; i < 90; i++) {
    decoder.push(wire);
    assert.ok(decoder.next());
    assert.equal(decoder.text(), "decoded");
    assert.equal(decoder.next(), false);
  }
  assert.ok(WebKitDecoder.most > 2 ** 30, "one was used for long");
  assert.ok(WebKitDecoder.most < 2 ** 31);
});

const IMPORT = `import(process.argv[1]).then(
  () => console.log("imported"),
  (error) => console.log(error.name + ": " + error.message + (error.cause ? " / " + error.cause.name : "")),
);`;

function imports(flags: string[], limit?: number): string {
  const file = new URL("index.mjs", dist).href;
  const args = [...flags, "--no-warnings", "-e", IMPORT, file];
  const { stdout } =
    limit === undefined
      ? spawnSync(process.execPath, args, { encoding: "utf8" })
      : spawnSync("sh", ["-c", `ulimit -v ${limit} && exec "$0" "$@"`, process.execPath, ...args], {
          encoding: "utf8",
        });
  return stdout;
}

test("a runtime without WebAssembly is named", { skip }, () => {
  assert.match(imports(["--jitless"]), /^Error: wscodec needs WebAssembly.*--jitless/);
});

test("memory that can't be reserved is explained", { skip }, () => {
  const expected = /^Error: wscodec can't reserve the memory .*ulimit -v.* \/ RangeError/;
  assert.match(imports(["--wasm-max-mem-pages=8"]), expected);
  if (process.platform === "linux") assert.match(imports([], 4_000_000), expected);
});

test("this host has what is needed", () => {
  const decoder = new MessageDecoder({ role: "client" });
  assert.ok(decoder.push(new MessageEncoder({ role: "server" }).text("ü").take()).next());
  assert.equal(decoder.text(), "ü");
  assert.ok(fileURLToPath(dist).endsWith("dist/"));
});
