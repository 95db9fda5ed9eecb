// Makes the modules beside the library: an adapter for each runtime's sockets, and streams.
// They take the library from the file beside them, so that there is one wasm module in a program.

import { dirname, join, resolve, sep } from "node:path";

import * as esbuild from "esbuild";

import { dist, put, refuse, src } from "./files.mjs";

/** The sources of each adapter. It takes everything else through the public interface. */
const OWN = ["adapters", "connection", "options", "streams"].map((name) => join(src, name));

/** The source of each, and the library's file that each form of it uses. */
const forms = [
  { name: "node", from: "node", library: "index" },
  { name: "deno", from: "deno", library: "index", formats: ["mjs"] },
  { name: "bun", from: "bun", library: "index" },
  { name: "streams", from: "streams", library: "index" },
  { name: "streams-workerd", from: "streams", library: "workerd", formats: ["mjs"] },
  { name: "workers", from: "workers", library: "workerd", formats: ["mjs"] },
];

function throughTheLibrary(file) {
  return {
    name: "through the library",
    setup(build) {
      build.onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, importer, resolveDir }) => {
        const wanted = resolve(resolveDir, path);
        if (importer === "" || OWN.some((own) => wanted.startsWith(own + sep))) {
          return undefined;
        }
        return { path: `./${file}`, external: true, sideEffects: true };
      });
    },
  };
}

for (const { name, from, library, formats = ["mjs", "cjs"] } of forms) {
  for (const ending of formats) {
    const to = `${name}.${ending}`;
    const result = await esbuild.build({
      absWorkingDir: src,
      bundle: true,
      charset: "utf8",
      entryPoints: [`adapters/${from}.ts`],
      external: ["node:*", "cloudflare:*"],
      format: ending === "mjs" ? "esm" : "cjs",
      legalComments: "none",
      logLevel: "warning",
      metafile: true,
      outfile: join(dist, to),
      platform: "neutral",
      plugins: [throughTheLibrary(`${library}.${ending}`)],
      target: "es2022",
      write: false,
    });
    const strange = Object.keys(result.metafile.inputs).filter(
      (input) => !OWN.includes(join(src, dirname(input))),
    );
    if (strange.length > 0) refuse(`${to} would carry ${strange.join(", ")} a second time`);
    put(join(dist, to), result.outputFiles[0].contents);
  }
}
