// The package in the runtime of Next's edge functions (`edge-light`), by @edge-runtime/vm.

import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";

/** The global by which a compiled module is handed over. */
const GLOBAL = "wasm_";

/** Has esbuild replace imports of `FILE.wasm?module` by the global of that file. */
export function wasmModules(build) {
  const namespace = "compiled wasm";
  build.onResolve({ filter: /\.wasm\?module$/ }, ({ path, resolveDir }) => {
    return { path: join(resolveDir, path.replace("?module", "")), namespace };
  });
  build.onLoad({ filter: /.*/, namespace }, ({ path }) => {
    const name = JSON.stringify(GLOBAL + basename(path));
    return { contents: `export default globalThis[${name}];`, watchFiles: [path] };
  });
}

/** Runs a script in the runtime, which may compile nothing; gives its global `result`. */
export async function inEdge(peers, script, folder) {
  const { EdgeVM } = await import(pathToFileURL(join(peers, "@edge-runtime/vm/dist/index.js")).href)
    .then((module) => module.default ?? module);
  const vm = new EdgeVM({ codeGeneration: { strings: false, wasm: false } });
  const dist = join(folder, "node_modules/wscodec/dist");
  vm.context[`${GLOBAL}wscodec.wasm`] = await WebAssembly.compile(readFileSync(join(dist, "wscodec.wasm")));
  vm.evaluate(readFileSync(script, "utf8"));
  return vm.evaluate("globalThis.result");
}
