/** Files that are dropped, chosen or pasted. */

import { decodedHex, isKeyLog } from "./content.ts";

/** Bytes that are looked at for the kind of a file, and bytes of a key log at most. */
const FRONT = 4096;
const MAX_KEYS = 64 * 2 ** 20;

/** Files to inspect, with TLS keys beside them. */
export interface Dropped {
  readonly files: readonly File[];
  readonly keys: readonly Uint8Array[];
}

/** Tells key logs and captures apart. */
export async function sorted(all: readonly File[]): Promise<Dropped> {
  const files: File[] = [];
  const keys: Uint8Array[] = [];
  for (const file of all) {
    const isShort = file.size <= MAX_KEYS;
    const front = isShort ? new Uint8Array(await file.slice(0, FRONT).arrayBuffer()) : new Uint8Array();
    if (isKeyLog(front)) keys.push(new Uint8Array(await file.arrayBuffer()));
    else files.push(file);
  }
  return { files, keys };
}

/** Listens for files that are dropped on the page, pasted, or chosen by an input. */
export function listenForFiles(input: HTMLInputElement, take: (files: readonly File[]) => void): void {
  const root = document.documentElement;
  const carries = (event: DragEvent) => event.dataTransfer?.types.includes("Files") === true;
  let depth = 0;
  const mark = (by: number) => {
    depth = by === 0 ? 0 : Math.max(0, depth + by);
    root.classList.toggle("dropping", depth > 0);
  };
  root.addEventListener("dragenter", (event) => {
    if (carries(event)) mark(1);
  });
  root.addEventListener("dragleave", (event) => {
    if (carries(event)) mark(-1);
  });
  root.addEventListener("dragover", (event) => {
    if (carries(event)) event.preventDefault();
  });
  root.addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    mark(0);
    take([...(event.dataTransfer?.files ?? [])]);
  });
  input.addEventListener("change", () => {
    take([...(input.files ?? [])]);
    // The same file can be chosen again.
    input.value = "";
  });
  root.addEventListener("paste", (event) => {
    const target = event.target as HTMLElement;
    if (target.tagName === "INPUT") return;
    const files = [...(event.clipboardData?.files ?? [])];
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (files.length > 0) take(files);
    else if (text.trim() !== "") take([new File([decodedHex(text) ?? text], "pasted")]);
  });
}
