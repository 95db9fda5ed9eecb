/** Decompresses and compiles the module that the page carries. */

import { load } from "../../inspect/module.ts";

/** Takes the module as gzip in base64. */
export async function loadModule(base64: string): Promise<void> {
  const text = atob(base64);
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  load(await WebAssembly.compile(await new Response(plain).arrayBuffer()));
}
