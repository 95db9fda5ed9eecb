/** The parts of the inspector page that need no browser. `js/test/packaging/page.mjs` has the page itself. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { fieldsOf } from "../src/page/detail/header.ts";
import { lineOf } from "../src/page/detail/hex.ts";
import { treeOf } from "../src/page/detail/tree.ts";
import { decodedHex, isKeyLog } from "../src/page/files/content.ts";
import { MAX_HEIGHT, ScrollScale } from "../src/page/list/scroll.ts";
import { rowsOf } from "../src/page/protocol.ts";
import { RowCache } from "../src/page/store/cache.ts";

test("a short list scrolls by pixels", () => {
  const scale = new ScrollScale();
  scale.resize(24_000, 600);
  scale.scrolled(5000);
  assert.deepEqual([scale.top, scale.shift, scale.height], [5000, 0, 24_000]);
  assert.equal(scale.go(1e9), 23_400);
});

test("a list that is too high for an element reaches all of its rows", () => {
  const scale = new ScrollScale();
  const list = 24 * 1_000_000;
  scale.resize(list, 600);
  assert.equal(scale.height, MAX_HEIGHT);
  // The wheel moves by pixels, forwards and backwards.
  for (let bar = 100; bar <= 1000; bar += 100) scale.scrolled(bar);
  assert.equal(scale.top, 1000);
  const bar = scale.settle();
  assert.ok(Math.abs(bar - 1000 / 3) < 1);
  scale.scrolled(bar + 100);
  assert.equal(scale.top, 1100);
  // A bar that is dragged moves in proportion, and its ends are those of the list.
  scale.scrolled(MAX_HEIGHT / 2);
  assert.ok(Math.abs(scale.top - list / 2) < 1000);
  scale.scrolled(MAX_HEIGHT - 600);
  assert.equal(scale.top, list - 600);
  scale.scrolled(0);
  assert.equal(scale.top, 0);
  // Where the bar belongs, rows lie at the upper edge of what one sees.
  for (const row of [0, 1, 499_999, 999_975]) {
    const at = scale.go(row * 24);
    assert.ok(Math.abs(scale.top + scale.shift - at) < 1e-6);
    assert.equal(scale.top, row * 24);
  }
});

test("a layout becomes a tree", () => {
  const [root] = treeOf('{\n  "a": [\n    1,\n    {}\n  ],\n  "b{": "x {",\n  "c": {\n    "d": null\n  }\n}');
  assert.ok(root);
  assert.deepEqual(root.children.map(({ text, close }) => [text, close]), [
    ['"a": [', "],"], ['"b{": "x {",', ""], ['"c": {', "}"],
  ]);
  assert.deepEqual(root.children[0]?.children.map(({ text }) => text), ["1,", "{}"]);
  assert.equal(root.close, "}");
});

test("bytes are shown in lines", () => {
  const bytes = Uint8Array.from({ length: 20 }, (_, i) => 0x3e + i);
  const [offset, digits, characters] = lineOf(bytes, 0, [[1, 3]]);
  assert.deepEqual([offset, digits.trim(), characters], [
    "00000000", "3e ·· ·· 41 42 43 44 45  46 47 48 49 4a 4b 4c 4d", ">··ABCDEFGHIJKLM",
  ]);
  assert.deepEqual(lineOf(bytes, 1, []).map((text) => text.trim()), ["00000010", "4e 4f 50 51", "NOPQ"]);
});

test("the bits of a header", () => {
  const header = Uint8Array.of(0xc1, 0xfe, 0x01, 0x00, 1, 2, 3, 4);
  const frame = { fin: true, rsv: 4, opcode: 1, name: "text", masked: true, mask: "01020304", length: 256 };
  assert.deepEqual(fieldsOf(header, frame as never).map(([name, bits]) => `${name} ${bits}`), [
    "FIN 1", "RSV1 1", "RSV2 0", "RSV3 0", "opcode 0001", "MASK 1", "length 1111110",
    "extended length 0100", "mask key 01020304",
  ]);
});

test("key logs and hexadecimal are recognised", () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  const hex = "ab".repeat(32);
  assert.ok(isKeyLog(encode(`# a comment\nCLIENT_RANDOM ${hex} ${"01".repeat(48)}\n`)));
  assert.ok(isKeyLog(encode(`SERVER_TRAFFIC_SECRET_0 ${hex} ${hex}\r\nx`)));
  for (const text of ["", "GET / HTTP/1.1\n", `CLIENT_RANDOM ${hex}\n`, "{}"]) assert.ok(!isKeyLog(encode(text)), text);
  assert.deepEqual(decodedHex("81 05:48\n65,6c6c6f"), Uint8Array.of(0x81, 5, 0x48, 0x65, 0x6c, 0x6c, 0x6f));
  for (const text of ["81", "810", "hello there", ""]) assert.equal(decodedHex(text), undefined);
});

test("rows of the module are read", () => {
  const [frame, note] = rowsOf('[[0.5,[7,"frame",1.25,"0.3","c2s",1,"a",  "text",1,4,10,-1,0,"01020304"]],[null,[8,"note",null,"1","",0,"b"]]]');
  assert.deepEqual(frame, {
    gap: 0.5, number: 7, kind: "frame", time: 1.25, connection: "0.3", dir: "c2s", faulty: true, text: "a",
    type: "text", fin: true, rsv: 4, length: 10, inflated: -1, frames: 0, mask: "01020304",
  });
  assert.deepEqual([note?.time, note?.type], [null, undefined]);
});

test("rows are asked for once, and again when the list has grown or changed", async () => {
  const asked: string[] = [];
  const cache = new RowCache(async (from, to) => {
    asked.push(`${from}-${to}`);
    return Array.from({ length: to - from }, (_, i) => from + i);
  });
  cache.grow(100);
  cache.want(0, 70);
  cache.want(0, 100);
  await new Promise((done) => setTimeout(done));
  assert.deepEqual(asked.splice(0), ["0-64", "64-100"]);
  assert.deepEqual([cache.get(0), cache.get(99), cache.get(100)], [0, 99, undefined]);
  cache.grow(130);
  cache.want(60, 130);
  assert.equal(cache.get(99), 99);
  await new Promise((done) => setTimeout(done));
  assert.deepEqual(asked.splice(0), ["64-128", "128-130"]);
  cache.want(0, 10);
  cache.reset();
  assert.equal(cache.get(0), undefined);
  for (let page = 0; page < 100; page++) {
    cache.grow(64 * 100);
    cache.want(page * 64, page * 64 + 1);
  }
  await new Promise((done) => setTimeout(done));
  assert.equal(cache.get(0), undefined);
  assert.equal(cache.get(64 * 99), 64 * 99);
});
