// Makes plain modules of test/*.test.ts in the folder given. They import the built
// package as `wscodec`, and find their own place in the checkout by import.meta.url. With `bun` as the
// second argument they are run by Bun's own test runner.

import { mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import * as esbuild from "esbuild";

import { dist, js } from "./files.mjs";

const [to, runner] = process.argv.slice(2);
rmSync(to, { recursive: true, force: true });
mkdirSync(to, { recursive: true });
// Where the runtimes look for ws and undici.
symlinkSync(join(js, "node_modules"), join(to, "node_modules"), "junction");

const builtPackage = {
  name: "built package",
  setup(build) {
    const path = pathToFileURL(join(dist, "index.mjs")).href;
    build.onResolve({ filter: /^wscodec$/ }, () => ({ path, external: true }));
    build.onResolve({ filter: /^wscodec\/[a-z]+$/ }, ({ path }) => ({
      path: pathToFileURL(join(dist, `${path.slice("wscodec/".length)}.mjs`)).href,
      external: true,
    }));
    if (runner === "bun") {
      build.onResolve({ filter: /^node:test$/ }, () => ({ path: join(js, "build/bun-test.mjs") }));
    }
    // By its file, as Bun puts something of its own in the place of a package called `ws`.
    build.onResolve({ filter: /^ws$/ }, () => ({
      path: pathToFileURL(join(js, "node_modules/ws/wrapper.mjs")).href,
      external: true,
    }));
    build.onResolve({ filter: /\/src\/(index|wasm\/.*|entry\/.*)\.ts$/ }, () => ({
      errors: [{ text: "tests import the built package: `wscodec`, not its sources" }],
    }));
  },
};

const names = readdirSync(join(js, "test")).filter((name) => name.endsWith(".test.ts"));
for (const name of names) {
  const source = join(js, "test", name);
  await esbuild.build({
    absWorkingDir: js,
    entryPoints: [source],
    outfile: join(to, name.replace(/\.ts$/, ".mjs")),
    bundle: true,
    charset: "utf8",
    define: { "import.meta.url": JSON.stringify(pathToFileURL(source).href) },
    format: "esm",
    logLevel: "warning",
    packages: "external",
    platform: "node",
    plugins: [builtPackage],
    sourcemap: "inline",
    target: "es2022",
  });
}
console.log(`${names.length} files`);
