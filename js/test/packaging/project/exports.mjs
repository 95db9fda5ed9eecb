// Runs in a folder where the packed package is installed.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import * as imported from "wscodec";

const require = createRequire(import.meta.url);
const required = require("wscodec");
const names = Object.keys(imported).sort();
assert.ok(names.length > 0, "the package exports something");
assert.deepEqual(Object.keys(required).sort(), names, "import and require give the same names");
assert.ok(require.resolve("wscodec").endsWith(".cjs"), "require gives CommonJS");

for (const entry of ["slim", "zlib"]) {
  const path = `wscodec/${entry}`;
  assert.deepEqual(Object.keys(await import(path)).sort(), names, `${path} has the same names`);
  assert.deepEqual(Object.keys(require(path)).sort(), names);
}

for (const name of ["wscodec", "slim", "zlib", "inspect"]) {
  const file = readFileSync(require.resolve(`wscodec/${name}.wasm`));
  const exports = WebAssembly.Module.exports(new WebAssembly.Module(file));
  assert.ok(exports.some(({ name }) => name === "memory"), "the file is the module");
}

const page = readFileSync(require.resolve("wscodec/inspect.html"), "utf8");
assert.ok(page.startsWith("<!doctype html>") && page.includes("<!-- live -->"), "the file is the inspector page");
