/** Codes of errors as types, and errors of other builds of the package. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import {
  type ErrorCode,
  errorTable,
  HandshakeError,
  LimitError,
  MessageDecoder,
  MisuseError,
  PeerError,
  type PeerErrorCode,
  WscodecError,
} from "wscodec";
import * as zlib from "wscodec/zlib";

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");

/** The literals of a union. */
function union(source: string, name: string): string[] {
  const found = new RegExp(`export type ${name} =([^;]*);`).exec(source)?.[1];
  assert.ok(found, `there is a type ${name}`);
  return [...found.matchAll(/"(\w+)"/g)].map(([, code]) => code as string);
}

test("the types of codes are those of the module's table", () => {
  const committed = read("js/src/error/codes.ts");
  const published = read("pkg/dist/types/error/codes.d.ts");
  for (const group of ["PeerError", "HandshakeError", "LimitError", "MisuseError"]) {
    const codes = errorTable().filter((row) => row.group === group).map(({ code }) => code as string);
    assert.ok(codes.length > 5);
    const typed = union(committed, `${group}Code`);
    assert.deepEqual(typed.slice(0, codes.length), codes, group);
    assert.deepEqual(union(published, `${group}Code`), typed, "published");
    if (group !== "MisuseError") assert.equal(typed.length, codes.length);
  }
});

test("each code that the sources name has a type, and the other way round", () => {
  const sources = readdirSync(new URL("js/src/", root), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith("codes.ts"))
    .map((name) => readFileSync(new URL(`js/src/${name}`, root), "utf8"))
    .join("\n");
  const table = new Set(errorTable().map(({ code }) => code as string));
  for (const code of union(read("js/src/error/codes.ts"), "MisuseErrorCode")) {
    // Each error that only JavaScript reports is reported somewhere.
    if (!table.has(code)) assert.ok(sources.includes(`"${code}"`), code);
  }
});

// Programs that the compiler has to accept, and programs that it has to reject.
export function exhaustive(error: PeerError): string {
  const code: PeerErrorCode = error.code;
  // @ts-expect-error: there is no such code
  if (code === "UNMASKED_FRAMES") return "";
  const any: ErrorCode = code;
  return any;
}

test("an error of another build is an instance of the same class", () => {
  const require = createRequire(import.meta.url);
  const cjs = require(fileURLToPath(new URL("pkg/dist/index.cjs", root))) as typeof import("wscodec");
  for (const build of [{ MessageDecoder }, zlib, cjs]) {
    let caught: unknown;
    try {
      new build.MessageDecoder({ role: "client" }).push(Uint8Array.of(0xc1, 0)).next();
    } catch (error) {
      caught = error;
    }
    for (const classes of [{ PeerError, WscodecError, LimitError, MisuseError }, zlib, cjs]) {
      assert.ok(caught instanceof classes.PeerError);
      assert.ok(caught instanceof classes.WscodecError);
      assert.ok(caught instanceof Error);
      assert.ok(!(caught instanceof classes.LimitError));
      assert.ok(!(caught instanceof classes.MisuseError));
    }
  }
});

test("instanceof is as usual for derived classes and other values", () => {
  class Own extends PeerError {}
  const row = errorTable()[0];
  assert.ok(row);
  assert.ok(new Own(row) instanceof Own && new Own(row) instanceof PeerError);
  assert.ok(!(new PeerError(row) instanceof Own));
  for (const value of [undefined, null, 5, "PeerError", {}, new Error("a"), { name: "PeerError" }]) {
    for (const Class of [WscodecError, PeerError, HandshakeError]) {
      assert.ok(!((value as unknown) instanceof Class));
    }
  }
});
