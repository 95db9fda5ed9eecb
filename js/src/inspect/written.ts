/** The files that the command writes: `--har`, `--jsonl` and `--extract`. */

import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import type { InspectRun } from "./entry.ts";
import { reasonOf } from "./files.ts";
import { Unwritable } from "./output.ts";

/** Files, each of which is made empty before the first bytes are appended. */
export class WrittenFiles {
  #begun = new Set<string>();

  /**
   * Writes the bytes that a run has for files.
   *
   * @throws Unwritable
   */
  take(run: InspectRun): void {
    for (const file of run.written()) {
      const { name, bytes, whole } = file;
      file.free();
      try {
        if (whole) mkdirSync(dirname(name), { recursive: true });
        if (whole || !this.#begun.has(name)) writeFileSync(name, bytes);
        else appendFileSync(name, bytes);
      } catch (error) {
        throw new Unwritable(`can't write ${JSON.stringify(name)}: ${reasonOf(error)}`);
      }
      if (!whole) this.#begun.add(name);
    }
  }
}
