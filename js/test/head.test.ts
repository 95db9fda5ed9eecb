/** Heads as they stand, and what asking for their parts must not disturb. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

import { RawHead, reject, UpgradeRequest, UpgradeResponse } from "wscodec";

import { bytes, head, request as parse, REQUEST, RESPONSE, text } from "./handshake-heads.ts";

test("a head is found at its first empty line, however it comes", () => {
  const whole = bytes("POST http://a/ HTTP/1.0\r\nA: b\r\n a : c\r\nD: e\r\n\r\n\x81\x00\r\n\r\n");
  const length = whole.length - 6;
  for (let end = 0; end < length; end++) {
    assert.equal(RawHead.parse(whole.subarray(0, end)), undefined);
    const raw = RawHead.parse(whole, end) as RawHead;
    assert.equal(raw.headLength, length);
    assert.deepEqual(raw.start, ["POST", "http://a/", "HTTP/1.0"]);
    // The second line is malformed, so nothing behind the first one is told.
    assert.deepEqual(raw.headers, [["A", "b"]]);
  }
});

test("parts of a start line may be missing", () => {
  for (const [line, start] of [
    ["HTTP/1.1 404 Not Found", ["HTTP/1.1", "404", "Not Found"]],
    ["HTTP/1.1 101", ["HTTP/1.1", "101", ""]],
    ["x", ["x", "", ""]],
    ["", ["", "", ""]],
  ] as const) {
    assert.deepEqual(RawHead.parse(bytes(`${line}\r\nA: b\r\n\r\n`))?.start, start);
  }
});

test("lists are taken apart up to the first malformed member", () => {
  const raw = (lines: string) => RawHead.parse(bytes(`x\r\n${lines}\r\n\r\n`)) as RawHead;
  assert.deepEqual(raw("A: b, c\r\na: d,, e").list("a"), ["b", "c", "d", "e"]);
  assert.deepEqual(raw("A: b, c d, e").list("a"), ["b"]);
  assert.deepEqual(raw("A: b").list("b"), []);
  assert.deepEqual(raw("A: b\r\na:  c\t").values("A"), ["b", "c"]);
  const extensions = "Sec-WebSocket-Extensions";
  assert.deepEqual(raw(`${extensions}: a; b = "1,\\";\xe9"; c\r\n${extensions}: d`).extensions, [
    { name: "a", params: [{ name: "b", value: "1,\";\xe9" }, { name: "c", value: undefined }] },
    { name: "d", params: [] },
  ]);
  assert.deepEqual(raw(`${extensions}: a, b c, d`).extensions, [{ name: "a", params: [] }]);
});

test("values that are asked for while an answer is written change nothing in it", () => {
  const other = parse({ "": "X: other" });
  const asked = parse({ "": "Sec-WebSocket-Protocol: chat" });
  const headers = function* (): Generator<[string, string]> {
    yield ["X", other.header("x") as string];
    yield ["Y", asked.protocols.join()];
  };
  const accepted = text(parse().accept({ headers: headers() }));
  assert.match(accepted, /^HTTP\/1\.1 101 [^]*\r\nX: other\r\nY: chat\r\n\r\n$/);
  assert.match(text(reject(400, { headers: headers() })), /\r\nX: other\r\nY: chat\r\n\r\n$/);
  const answer = [...RESPONSE, "Sec-WebSocket-Protocol: chat"];
  const response = UpgradeResponse.parse(bytes(head(answer)), asked);
  assert.equal(response?.protocol, "chat");
  const first = UpgradeRequest.parse(bytes(head(REQUEST)));
  parse({ Host: "Host: b.example" });
  assert.equal(first?.host, "example.com:8080");
  assert.equal(first?.header("host"), "example.com:8080");
});

const host = globalThis as { Deno?: unknown; Bun?: unknown };
const skip = host.Deno === undefined && host.Bun === undefined ? false : "a flag of Node";

test("a head for which there is no memory fails alone", { skip }, () => {
  const library = new URL("../../pkg/dist/index.mjs", import.meta.url).href;
  const program = `
    import { UpgradeRequestReader, UpgradeRequest, acceptKey } from ${JSON.stringify(library)};
    const piece = new Uint8Array(1 << 20).fill(0x61);
    const reader = new UpgradeRequestReader({ maxHead: 2 ** 30 });
    const failed = (call) => {
      try {
        call();
        return "none";
      } catch (error) {
        return error.code ?? String(error);
      }
    };
    reader.push(new TextEncoder().encode("GET / HTTP/1.1\\r\\nA: "));
    let codes = "none";
    for (let i = 0; i < 200 && codes === "none"; i++) codes = failed(() => reader.push(piece));
    const whole = new Uint8Array(100 << 20);
    for (let i = 0; i < 2; i++) {
      codes += " " + failed(() => UpgradeRequest.parse(whole, { maxHead: 2 ** 30 }));
    }
    console.log(codes, acceptKey("dGhlIHNhbXBsZSBub25jZQ=="));
  `;
  const args = ["--wasm-max-mem-pages=1024", "--input-type=module", "--eval", program];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  const none = "OUT_OF_MEMORY OUT_OF_MEMORY OUT_OF_MEMORY";
  assert.equal(stdout.trim(), `${none} s3pPLMBiTxaQ9kYGzzhZRbK+xOo=`, stderr);
});
