// The ways in which the package is used, each with what it needs beside Node.

import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { inBrowser } from "./browser.mjs";
import { inEdge, wasmModules } from "./edge.mjs";
import { testPage } from "./page.mjs";
import { portable } from "./portable.mjs";
import { inWorkerd } from "./workerd.mjs";
import { inWrangler, unitTests } from "./workers.mjs";

/** A case can't run here; the message says why. */
export class Skipped extends Error {}

/** The cases that need only the tools of the build; they are a part of `cargo xtask test`. */
export const quick = ["node-esm", "node-cjs", "exports", "types", "deno"];

const node = process.execPath;

export const cases = {
  "node-esm": {
    async test({ folder, run, judged }) {
      await run(node, ["adapter.mjs", "node", "streams"], { cwd: folder });
      return judged(await run(node, ["esm.mjs"], { cwd: folder }));
    },
  },

  "node-cjs": {
    type: "commonjs",
    async test({ folder, run, judged }) {
      return judged(await run(node, ["cjs.cjs"], { cwd: folder }));
    },
  },

  exports: {
    async test({ folder, run }) {
      await run(node, ["exports.mjs"], { cwd: folder });
      await run(node, ["development.mjs"], { cwd: folder });
      await run(node, ["--conditions=development", "development.mjs", "caught"], { cwd: folder });
      const help = await run(join(folder, "node_modules/.bin/wscodec"), ["--help"]);
      if (!help.includes("inspect")) throw new Error("`wscodec --help` does not speak of `inspect`");
      return "names, files, `development`, the command";
    },
  },

  types: { typed: true, test: (place) => types(place, join(place.tools, "typescript/bin/tsc")) },

  "types-5": {
    typed: true,
    test: (place) => types(place, join(place.peers, "typescript/bin/tsc")),
  },

  // Without `skipLibCheck`, in all ways in which a module is found, down to the lowest version that
  // the README states, and on both sides of 5.7, which gave views a parameter for their memory.
  "types-old": {
    typed: true,
    async test(place) {
      const versions = ["typescript-5.2", "typescript-5.6", "typescript-5.7", "typescript"];
      for (const name of versions) await oldTypes(place, name);
      return versions.join(", ");
    },
  },

  deno: {
    async test({ folder, tools, run, judged }) {
      const deno = binary(tools, "@deno", "deno");
      const DENO_DIR = join(folder, ".deno");
      const env = { ...process.env, DENO_DIR, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" };
      const options = ["--allow-all", "--no-lock", "--no-remote", "--node-modules-dir=manual"];
      const note = judged(await run(deno, ["run", ...options, "esm.mjs"], { cwd: folder, env }));
      judged(await run(deno, ["run", ...options, "cjs.cjs"], { cwd: folder, env }));
      await run(deno, ["run", ...options, "adapter.mjs", "deno", "streams"], { cwd: folder, env });
      return note;
    },
  },

  bun: {
    async test({ folder, peers, run, judged }) {
      const bun = binary(peers, "@oven", "bin/bun");
      const note = judged(await run(bun, ["esm.mjs"], { cwd: folder }));
      judged(await run(bun, ["cjs.cjs"], { cwd: folder }));
      await run(bun, ["adapter.mjs", "bun", "node", "streams"], { cwd: folder });
      return note;
    },
  },

  jest: {
    type: "commonjs",
    async test({ folder, peers, run }) {
      const config = {
        rootDir: folder,
        testEnvironment: join(peers, "jest-environment-jsdom"),
        testMatch: ["<rootDir>/jsdom.cjs"],
        transform: {},
      };
      const jest = join(peers, "jest/bin/jest.js");
      const words = ["--config", JSON.stringify(config), "--json", "--ci"];
      const { numPassedTests } = JSON.parse(await run(node, [jest, ...words], { cwd: folder }));
      return `${numPassedTests} tests in jest-environment-jsdom`;
    },
  },

  workerd: {
    async test({ folder, tools, peers, judged }) {
      const workerd = binary(peers, "@cloudflare", "bin/workerd");
      await bundle(tools, folder, "worker.mjs", "worker.bundled.mjs", {
        conditions: ["workerd", "worker", "browser"],
        // As with wrangler, wasm stays a module of its own.
        external: ["cloudflare:*"],
        loader: { ".wasm": "copy" },
        outdir: folder,
      });
      return judged(await inWorkerd(workerd, folder));
    },
  },

  // As Next does it: the bundler compiles `*.wasm?module` and hands the module over as a global. The
  // runtime itself compiles nothing.
  "edge-light": {
    async test({ folder, tools, peers, judged }) {
      await bundle(tools, folder, "edge.mjs", "edge.js", {
        conditions: ["edge-light", "browser"],
        format: "iife",
        plugins: [{ name: "wasm?module", setup: wasmModules }],
      });
      return judged(await inEdge(peers, join(folder, "out", "edge.js"), folder));
    },
  },

  "workers-unit": { test: unitTests },

  "workers-wrangler": { test: inWrangler },

  esbuild: {
    async test(place) {
      const { folder, tools } = place;
      await bundle(tools, folder, "one.mjs", "bundle.js", { platform: "browser", splitting: true });
      const run = [["--input-type=module", "-e", 'import "./out/bundle.js"'], { cwd: folder }];
      place.judged(await place.run(node, ...run));
      return inPage(place, "out", page("bundle.js"));
    },
  },

  vite: {
    async test(place) {
      const { folder, peers } = place;
      const { build } = await import(pathToFileURL(join(peers, "vite/dist/node/index.js")).href);
      writeFileSync(join(folder, "index.html"), page("/one.mjs"));
      await build({ root: folder, logLevel: "warn", configFile: false });
      return inPage(place, "dist");
    },
  },

  webpack: {
    async test(place) {
      const { folder, peers } = place;
      const webpack = (await import(pathToFileURL(join(peers, "webpack/lib/index.js")).href)).default;
      const options = {
        context: folder,
        entry: "./one.mjs",
        mode: "production",
        output: { path: join(folder, "out"), filename: "bundle.js", publicPath: "./" },
        performance: false,
        target: "web",
      };
      await new Promise((resolve, reject) => {
        webpack(options, (error, stats) => {
          if (error) reject(error);
          else if (stats.hasErrors() || stats.hasWarnings()) reject(new Error(stats.toString()));
          else resolve();
        });
      });
      return inPage(place, "out", page("bundle.js"));
    },
  },

  browser: {
    async test(place) {
      return inPage(place, ".", page("/esm.mjs", importMap()));
    },
  },

  page: {
    async test(place) {
      const result = await testPage(place);
      if (result === undefined) throw new Skipped(NO_BROWSER);
      return result;
    },
  },

  "threads-browser": {
    async test(place) {
      return inPage(place, ".", page("/threads.mjs", importMap()));
    },
  },

  "tests-browser": {
    async test({ folder, tools, peers }) {
      const options = portable({ folder, peers, start: PAGE });
      await built(tools, join(folder, "out", "tests.js"), options, { platform: "browser" });
      const result = await inBrowser(join(folder, "out"), page("tests.js"));
      if (result === undefined) throw new Skipped(NO_BROWSER);
      return counted(result);
    },
  },

  "tests-workerd": {
    async test({ folder, tools, peers }) {
      const workerd = binary(peers, "@cloudflare", "bin/workerd");
      const options = portable({ folder, peers, start: WORKER, node: true });
      await built(tools, join(folder, "worker.bundled.mjs"), options, {
        conditions: ["workerd", "worker", "browser"],
        external: ["cloudflare:*", "node:*"],
        loader: { ".wasm": "copy" },
        assetNames: "[name]",
      });
      return counted(await inWorkerd(workerd, folder, ["nodejs_compat"]));
    },
  },

  publint: {
    async test({ tarball, peers, run }) {
      const cli = join(peers, "publint/src/cli.js");
      const output = await run(node, [cli, "run", tarball, "--strict"]);
      if (!/All good/i.test(output)) throw new Error(output);
      return "clean";
    },
  },

  attw: {
    async test({ tarball, peers, run }) {
      const cli = join(peers, "@arethetypeswrong/cli/dist/index.js");
      // node10 knows no exports map; the modules as files have no types.
      const options = ["--profile", "node16", "--format", "ascii", "--no-emoji"];
      const files = ["wscodec.wasm", "slim.wasm", "zlib.wasm", "inspect.wasm", "inspect.html"];
      // Of what only these have there is no CommonJS.
      const modules = ["deno", "workers"];
      const rest = ["--exclude-entrypoints", ...files, ...modules];
      await run(node, [cli, tarball, ...options, ...rest]);
      const alone = ["--profile", "esm-only", "--entrypoints", ...modules];
      await run(node, [cli, tarball, "--format", "ascii", "--no-emoji", ...alone]);
      return "clean";
    },
  },
};

/** A platform's program, as npm has put it beside the package that names all platforms. */
function binary(modules, scope, path) {
  const folder = join(modules, scope);
  const found = existsSync(folder) ? readdirSync(folder) : [];
  const programs = found.flatMap((name) =>
    [path, `${path}.exe`].map((path) => join(folder, name, path)),
  );
  const program = programs.find((program) => existsSync(program));
  if (program === undefined) throw new Skipped(`npm has no ${path} of ${scope} for this platform`);
  return program;
}

/** Strict, as ES module and CommonJS for Node, and as for a bundler; what comes out is run. */
async function types({ folder, run, judged }, tsc) {
  const modes = {
    node16: { module: "Node16", moduleResolution: "Node16" },
    nodenext: { module: "NodeNext", moduleResolution: "NodeNext" },
    bundler: { module: "ESNext", moduleResolution: "Bundler" },
  };
  for (const [name, mode] of Object.entries(modes)) {
    const config = {
      compilerOptions: {
        target: "ES2022",
        // For `console` and `WebAssembly`, which no part of the language declares.
        lib: ["ES2023", "DOM"],
        types: [],
        strict: true,
        exactOptionalPropertyTypes: true,
        outDir: `./${name}`,
        rootDir: ".",
        ...mode,
      },
      files: name === "bundler" ? ["smoke.mts", "types.mts"] : ["smoke.mts", "types.mts", "types.cts"],
    };
    writeFileSync(join(folder, "smoke.mts"), await source(folder));
    writeFileSync(join(folder, `tsconfig.${name}.json`), JSON.stringify(config));
    await run(node, [tsc, "--project", `tsconfig.${name}.json`], { cwd: folder });
    judged(await run(node, [`${name}/types.mjs`], { cwd: folder }));
    if (name !== "bundler") judged(await run(node, [`${name}/types.cjs`], { cwd: folder }));
  }
  return Object.keys(modes).join(", ");
}

/** All subpaths, by all ways in which TypeScript 5 finds a module; nothing is run. */
async function oldTypes({ folder, tools, peers, run }, version) {
  const modes = {
    node10: { module: "CommonJS", moduleResolution: "Node10" },
    node16: { module: "Node16", moduleResolution: "Node16" },
    bundler: { module: "ESNext", moduleResolution: "Bundler" },
  };
  const text = await source(folder, "old.ts");
  writeFileSync(join(folder, "old.mts"), text);
  // These two exist only as ES modules.
  const required = text.replace(/^import .*(deno|workers)";$/gm, "").replace("deno, node, workers", "node");
  writeFileSync(join(folder, "old.cts"), required);
  for (const [name, mode] of Object.entries(modes)) {
    const config = {
      compilerOptions: {
        target: "ES2022",
        lib: ["ES2022", "DOM"],
        types: ["node"],
        typeRoots: [join(tools, "@types")],
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        noEmit: true,
        ...mode,
      },
      // Node 10 knows neither ending; with Node16 each ending has its own declarations.
      files: name === "node16" ? ["old.mts", "old.cts"] : ["old.ts"],
    };
    writeFileSync(join(folder, `tsconfig.${name}.json`), JSON.stringify(config));
    const tsc = join(peers, version, "bin/tsc");
    await run(node, [tsc, "--project", `tsconfig.${name}.json`], { cwd: folder });
  }
}

async function source(folder, name = "smoke.ts") {
  const { readFile } = await import("node:fs/promises");
  return readFile(join(folder, name), "utf8");
}

async function bundle(tools, folder, from, to, options) {
  const esbuild = await import(pathToFileURL(join(tools, "esbuild/lib/main.js")).href);
  const result = await esbuild.build({
    absWorkingDir: folder,
    bundle: true,
    entryPoints: [{ in: from, out: to.replace(/\.m?js$/, "") }],
    format: "esm",
    logLevel: "silent",
    outdir: "out",
    outExtension: to.endsWith(".mjs") ? { ".js": ".mjs" } : {},
    ...options,
  });
  if (result.warnings.length > 0) throw new Error(JSON.stringify(result.warnings));
}

const NO_BROWSER = "there is no Chromium here (CHROMIUM names one)";

const PAGE = `run().then((result) => fetch("/result", { method: "POST", body: JSON.stringify(result) }));`;
const WORKER = `export default { fetch: async () => Response.json(await run()) };`;

async function built(tools, outfile, options, more) {
  const esbuild = await import(pathToFileURL(join(tools, "esbuild/lib/main.js")).href);
  await esbuild.build({ ...options, ...more, logLevel: "silent", outfile });
}

/** The findings of publint and attw. */
function counted(result) {
  const { passed, failed, skipped } = JSON.parse(result);
  if (failed.length > 0 || passed === 0) throw new Error(`${failed.join("\n\n")}\n${passed} passed`);
  const reasons = new Set(skipped.map((text) => text.split(": ").at(-1)));
  const left = skipped.length > 0 ? `, ${skipped.length} left out: ${[...reasons].join("; ")}` : "";
  return `${passed} passed${left}`;
}

/** A page in a browser; `html` is its text if the folder has none. */
async function inPage({ folder, judged }, root, html) {
  const result = await inBrowser(join(folder, root), html);
  if (result === undefined) throw new Skipped(NO_BROWSER);
  return judged(result);
}

/** Where a page finds the package's files. */
function importMap() {
  const imports = Object.fromEntries(
    ["index", "slim", "zlib", "shared", "ring", "inspect"].map((file) => [
      file === "index" ? "wscodec" : `wscodec/${file}`,
      `/node_modules/wscodec/dist/${file}.mjs`,
    ]),
  );
  return `<script type="importmap">${JSON.stringify({ imports })}</script>`;
}

function page(script, head = "") {
  const tag = `<script type="module" src="${script}"></script>`;
  return `<!doctype html><meta charset="utf-8"><title>wscodec</title>${head}${tag}`;
}
