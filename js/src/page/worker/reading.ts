/** Reads the inputs in the order in which an inspector of the module asks for them. */

import type { Source } from "./source.ts";

/** An inspector of the module that takes several files. */
export interface Reader {
  wants(): number | undefined;
  push(file: number, bytes: Uint8Array): void;
  end(file: number): void;
}

/** The end was asked for before the files were read. */
export class Stopped extends Error {
  override name = "Stopped";
}

/**
 * Hands the pieces of all files to a reader. `step` is called behind each piece, with its length.
 *
 * @throws Stopped if `step` returns false
 */
export async function readAll(
  reader: Reader,
  sources: readonly Source[],
  step: (bytes: number) => boolean,
  fail: (file: number, why: string) => void,
): Promise<void> {
  const pieces = sources.map((source) => source.pieces());
  for (let file = reader.wants(); file !== undefined; file = reader.wants()) {
    let length = 0;
    try {
      const next = await pieces[file]?.next();
      if (next === undefined || next.done === true) {
        reader.end(file);
      } else {
        length = next.value.length;
        reader.push(file, next.value);
      }
    } catch (error) {
      // The file was moved or changed while it was read.
      fail(file, (error as Error).message);
    }
    if (!step(length)) throw new Stopped();
  }
}
