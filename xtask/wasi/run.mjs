// Runs a WASI 0.2 command on Node: run.mjs COMPONENT ARGUMENT...
// The component is translated once, and again when it has changed.

import { createHash } from "node:crypto";
import { readFile, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { transpile, writeFiles } from "@bytecodealliance/jco-transpile";
import { _setArgs } from "@bytecodealliance/preview2-shim/cli";

const [component, ...args] = process.argv.slice(2);
const bytes = await readFile(component);
const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
const here = fileURLToPath(new URL(".", import.meta.url));
const name = basename(component, ".wasm");
// The files are called by that name.
const folder = join(here, "translated", `${name}-${hash}`);
const module = join(folder, `${name}.js`);

async function exists(path) {
  return readFile(path).then(() => true, () => false);
}

if (!(await exists(module))) {
  const half = `${folder}-${process.pid}`;
  const { files } = await transpile(component, { name, outDir: half });
  await writeFiles(files);
  // Another process may have been quicker.
  await rename(half, folder).catch(() => rm(half, { recursive: true }));
}

_setArgs([component, ...args]);
const { run } = await import(pathToFileURL(module).href);
try {
  run.run();
} catch (error) {
  // A command that fails has said why; anything else is a fault.
  if (error !== undefined) console.error(error);
  process.exit(1);
}
