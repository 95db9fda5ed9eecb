/** The package with a module of its own, in whose memory nothing has been done. */

import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import type * as Library from "wscodec";

export type Package = typeof Library;

/**
 * Imports a copy of an entry of the built package. It is a copy of the file because specifiers that
 * differ by a query only share one instance in Bun.
 */
export async function fresh(entry: "index" | "zlib" = "index"): Promise<Package> {
  const built = new URL(`../../pkg/dist/${entry}.mjs`, import.meta.url);
  const folder = mkdtempSync(join(tmpdir(), "wscodec-fresh-"));
  try {
    const copy = join(folder, `${entry}.mjs`);
    copyFileSync(fileURLToPath(built), copy);
    return (await import(pathToFileURL(copy).href)) as Package;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
