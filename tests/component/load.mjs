// Translates the component by jco.

import { createHash } from "node:crypto";
import { readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { transpile, writeFiles } from "@bytecodealliance/jco-transpile";

/** Translates the component, unless that was done before, and imports it. */
export async function load(component) {
  const hash = createHash("sha256").update(await readFile(component)).digest("hex").slice(0, 16);
  const here = fileURLToPath(new URL(".", import.meta.url));
  const to = join(here, "translated", `codec-${hash}`);
  const module = pathToFileURL(join(to, "codec.js")).href;
  try {
    await readFile(join(to, "codec.js"));
  } catch {
    const half = `${to}-${process.pid}`;
    const { files } = await transpile(component, { name: "codec", outDir: half });
    await writeFiles(files);
    // Another process may have been quicker.
    await rename(half, to).catch(() => rm(half, { recursive: true }));
  }
  return import(module);
}
