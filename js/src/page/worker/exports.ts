/** Exports by the command: the files are read again, so the file is equal to that of `wscodec inspect`. */

import { InspectRun } from "../../inspect/module.ts";
import type { ExportForm, Selection, TimeRange } from "../protocol.ts";
import { type Capture, filtersOf } from "./capture.ts";
import { FRAMES_DEFLATE, HANDSHAKE } from "./start.ts";

/** The words of the command line. */
export function wordsOf(
  form: ExportForm,
  selection: Selection,
  range: TimeRange | null,
  redact: boolean,
): string[] {
  const filters = filtersOf(selection).map((text) => `(${text})`);
  if (range !== null) filters.push(`time >= ${range[0]} and time <= ${range[1]}`);
  const words = [`--${form}`, "export"];
  if (filters.length > 0) words.push("--filter", filters.join(" and "));
  if (selection.messages) words.push("--messages");
  if (redact) words.push("--redact");
  return words;
}

/** Writes the rows that are shown to a file. */
export async function exportOf(
  capture: Capture,
  form: ExportForm,
  selection: Selection,
  range: TimeRange | null,
  redact: boolean,
): Promise<Blob> {
  const { start } = capture;
  const words = wordsOf(form, selection, range, redact);
  if (start !== HANDSHAKE) words.push("--no-handshake");
  if (start === FRAMES_DEFLATE) words.push("--deflate");
  const run = InspectRun.read([...words, "--", ...capture.sources.map(({ name }) => name)], 0, false);
  if (run === undefined) throw new Error("the command printed its help");
  const parts: Blob[] = [];
  const take = () => {
    run.clear();
    for (const file of run.written()) {
      parts.push(new Blob([file.bytes as Uint8Array<ArrayBuffer>]));
      file.free();
    }
  };
  try {
    for (const lines of capture.keys) run.keys(lines);
    await capture.again({
      wants: () => run.wants(),
      push(file, bytes) {
        run.push(file, bytes);
        take();
      },
      end: (file) => run.end(file),
    });
    run.finish();
    take();
    return new Blob(parts, { type: form === "har" ? "application/json" : "application/jsonl" });
  } finally {
    run.free();
  }
}
