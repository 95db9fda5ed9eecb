/** The sources' imports: no layer imports a higher one. `tests/layers` finds circles between files. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const src = fileURLToPath(new URL("../src/", import.meta.url));

/**
 * The layers from the lowest to the highest, as folders; those in one line do not import each
 * other. They mirror the Rust crate's, but for one arrow: there `deflate` is a seam of `message`,
 * and here a decoder is told how to inflate when it is made, so `message` uses `deflate`.
 */
const LAYERS: readonly (readonly string[])[] = [
  ["bytes", "shared"],
  ["wasm", "ring"],
  ["error"],
  ["memory", "limits", "options"],
  ["head"],
  ["deflate"],
  ["frame"],
  ["message"],
  ["handshake"],
  ["session"],
  ["index.ts"],
  ["connection"],
  ["streams"],
  ["adapters", "entry", "inspect"],
  ["page"],
];

/** An import or an export of another file, of values or types. */
const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"/g;

/** Without comments: examples in them import as well. */
function code(text: string): string {
  return text.replace(/\/\*[^]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}

/** Files, and what each of them imports; what is generated is below all layers. */
function readImports(): Map<string, string[]> {
  const imports = new Map<string, string[]>();
  for (const name of readdirSync(src, { recursive: true, encoding: "utf8" })) {
    const file = name.replaceAll("\\", "/");
    if (!file.endsWith(".ts")) continue;
    const found: string[] = [];
    for (const [, path = ""] of code(readFileSync(join(src, file), "utf8")).matchAll(IMPORT)) {
      const to = relative(src, resolve(src, dirname(file), path)).replaceAll("\\", "/");
      if (!to.startsWith("../generated/")) found.push(to);
    }
    imports.set(file, found);
  }
  return imports;
}

function layerOf(file: string): number {
  const [folder = ""] = file.split("/");
  return LAYERS.findIndex((layer) => layer.includes(folder));
}

/** Imports of a file that go upwards, or to another folder of the same layer. */
function backwards(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const wrong: string[] = [];
  for (const [file, found] of imports) {
    for (const to of found) {
      const isSame = file.split("/")[0] === to.split("/")[0];
      if (!isSame && layerOf(to) >= layerOf(file)) wrong.push(`${file} imports ${to}`);
    }
  }
  return wrong;
}

const imports = readImports();

test("each source has a layer", () => {
  assert.ok(imports.size > 60, `${imports.size} files`);
  const arrows = [...imports.values()].flat();
  assert.ok(arrows.length > 200, `${arrows.length} imports were found`);
  for (const to of arrows) assert.ok(imports.has(to) || to.endsWith(".wasm"), `${to} is there`);
  for (const file of imports.keys()) assert.ok(layerOf(file) >= 0, `${file} is in no layer`);
});

test("no layer imports a higher one", () => {
  assert.deepEqual(backwards(imports), []);
});

test("no decision rests on instanceof, which fails for objects of another realm or build", () => {
  const deciding = [...imports.keys()].filter((file) =>
    /\binstanceof\b/.test(code(readFileSync(join(src, file), "utf8"))),
  );
  assert.deepEqual(deciding, []);
});

test("imports of higher layers are found", () => {
  const round = new Map([["head/a.ts", ["error/b.ts"]], ["error/b.ts", ["error/c.ts"]]]);
  assert.deepEqual(backwards(round), []);
  round.set("error/c.ts", ["head/a.ts"]);
  assert.deepEqual(backwards(round), ["error/c.ts imports head/a.ts"]);
});
