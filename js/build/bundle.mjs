// Makes the package's modules: index.mjs and index.cjs with the wasm module inside,
// the wasm module as a file, and the command, which uses index.mjs.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import * as esbuild from "esbuild";

import { dist, js, put, refuse } from "./files.mjs";

/** Old enough for every runtime that the package promises. */
const TARGET = "es2022";

const shared = {
  absWorkingDir: js,
  bundle: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
  target: TARGET,
  write: false,
};

/** The library, for one module system; it names no runtime's own modules. */
async function library(format, name) {
  const result = await esbuild.build({
    ...shared,
    entryPoints: ["entry/inline.ts"],
    outfile: join(dist, name),
    format,
    platform: "neutral",
    loader: { ".wasm": "binary" },
  });
  put(join(dist, name), result.outputFiles[0].contents);
  return Object.keys(result.metafile.inputs);
}

/** The public face, from the command's view: the built file beside it. */
const throughThePackage = {
  name: "through the package",
  setup(build) {
    build.onResolve({ filter: /^wscodec$/ }, () => ({ path: "./index.mjs", external: true }));
    build.onResolve({ filter: /\/index\.ts$/ }, ({ path, resolveDir }) =>
      resolve(resolveDir, path) === join(js, "index.ts")
        ? { path: "./index.mjs", external: true }
        : undefined,
    );
  },
};

/** The command; it must not carry the library's sources a second time. */
async function command(library) {
  const source = readFileSync(join(js, "cli.ts"), "utf8");
  const result = await esbuild.build({
    ...shared,
    entryPoints: ["cli.ts"],
    outfile: join(dist, "cli.mjs"),
    format: "esm",
    platform: "node",
    banner: source.startsWith("#!") ? {} : { js: "#!/usr/bin/env node" },
    plugins: [throughThePackage],
  });
  const twice = Object.keys(result.metafile.inputs).filter((file) => library.includes(file));
  if (twice.length > 0) {
    refuse(
      `the command would carry js/${twice.join(", js/")} a second time, apart from the ` +
        "library's: import from ./index.ts instead",
    );
  }
  put(join(dist, "cli.mjs"), result.outputFiles[0].contents, 0o755);
}

/** The same library with the use of stale views caught, for the condition `development`. */
function development() {
  const note = "// index, with the use of lent views after their time caught.\n";
  put(
    join(dist, "development.mjs"),
    `${note}import { setDebug } from "./index.mjs";\n\nsetDebug(true);\n\nexport * from "./index.mjs";\n`,
  );
  put(
    join(dist, "development.cjs"),
    `${note}const index = require("./index.cjs");\n\nindex.setDebug(true);\n\nmodule.exports = index;\n`,
  );
}

const inputs = await library("esm", "index.mjs");
await library("cjs", "index.cjs");
await command(inputs);
development();
put(join(dist, "wscodec.wasm"), readFileSync(join(js, "generated", "wscodec.wasm")));
