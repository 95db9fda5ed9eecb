// Where the package's files are, and how they are written.

import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the TypeScript side: its packages, what is generated for it, and its tests. */
export const js = dirname(dirname(fileURLToPath(import.meta.url)));
/** The sources, in a folder for each layer. */
export const src = join(js, "src");
export const root = dirname(js);
export const dist = join(root, "pkg", "dist");

/** The name of the one module to build, without its extension; see `xtask/src/wasm.rs`. */
const only = process.env.WSCODEC_ONLY;

/** Whether the module with this name is to be built. */
export function wanted(name) {
  return only === undefined || only === name;
}

/**
 * The package's entries: what they are called, where their wasm module is and what file
 * it becomes, and whether it has permessage-deflate.
 */
export const entries = [
  { name: "index", generated: "generated", wasm: "wscodec.wasm", deflate: true },
  { name: "slim", generated: "generated/slim", wasm: "slim.wasm", deflate: false },
  { name: "zlib", generated: "generated/zlib", wasm: "zlib.wasm", deflate: true },
].filter(({ wasm }) => wanted(wasm.replace(".wasm", "")));

/** Writes a whole file at once: who reads it meanwhile sees the old or the new. */
export function put(path, contents, mode = 0o644) {
  const fresh = `${path}.new-${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(fresh, contents, { mode });
  renameSync(fresh, path);
}

/** Ends the build with a sentence instead of a stack trace. */
export function refuse(sentence) {
  console.error(sentence);
  process.exit(1);
}
