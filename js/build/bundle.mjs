// Makes the package's modules: each entry as .mjs and .cjs with its wasm module inside,
// and once more for runtimes that take wasm only as a module of its own; the wasm modules
// as files; the library on shared memory; the ring; the inspector; and the command, which uses
// inspect.mjs.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import * as esbuild from "esbuild";

import { dist, entries, js, put, refuse, src, wanted } from "./files.mjs";

/** Old enough for every runtime that the package promises. */
const TARGET = "es2022";

const shared = {
  absWorkingDir: src,
  bundle: true,
  charset: "utf8",
  define: { SHARED: "false" },
  // Instead of the globals TextDecoder and TextEncoder, which some runtimes hide.
  inject: [join(src, "bytes/text.ts")],
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
  target: TARGET,
  write: false,
};

/**
 * Resolves the wasm module of an entry, or leaves it `outside` of the bundle.
 *
 * All entries have the same sources, and the sources import `generated/wscodec.js`. This plugin leads
 * the import to the folder of the entry's own module. An entry without compression has a module that
 * lacks the exports which `deflate/module.ts` imports, so that file is replaced by `deflate/absent.ts`.
 * Conditions at run time were the alternative, but a bundler cannot remove the code behind them.
 *
 * Invariant: no other source imports an export that exists only with compression.
 */
function moduleOf({ generated, deflate, wasm }, outside = false) {
  return {
    name: "wasm module",
    setup(build) {
      if (outside) {
        const file = { path: `./${wasm}`, external: true };
        build.onResolve({ filter: /\/generated\/wscodec\.wasm$/ }, () => file);
      }
      build.onResolve({ filter: /\/generated\/wscodec\.(js|wasm)$/ }, ({ path }) => ({
        path: join(js, generated, path.endsWith(".js") ? "wscodec.js" : "wscodec.wasm"),
      }));
      if (deflate) return;
      const present = join(src, "deflate", "module.ts");
      build.onResolve({ filter: /\/module\.ts$/ }, ({ path, resolveDir }) =>
        resolve(resolveDir, path) === present
          ? { path: join(src, "deflate", "absent.ts") }
          : undefined,
      );
    },
  };
}

/**
 * Removes from wasm-bindgen's code the check that an argument is an object of its class.
 *
 * The problem: the code calls `_assertClass(arena, Arena)` in each method that takes an object, and
 * `instanceof` walks the prototypes. The check took 3 ns of the 70 ns for a chunk with one small
 * message. The methods could take the address of the object as a number instead, but then TypeScript
 * could not check the type either.
 *
 * The check is not needed: only this package calls the generated code, and TypeScript has checked the
 * same. An object that was freed has the address 0, for which the module's own code throws.
 *
 * Invariant: the definition of `_assertClass` is the only place that is left. If a new version of
 * wasm-bindgen writes the calls in another way, the count differs and the build fails.
 */
function unchecked(contents) {
  const changed = contents.replace(/^ +_assertClass\(\w+, \w+\);\n/gm, "");
  // The function itself is left, and nothing calls it.
  if (changed.split("_assertClass(").length !== 2) refuse("wasm-bindgen's code checks classes in another way");
  return changed;
}

/**
 * Wraps each export of the wasm module in a function that catches errors: see `src/wasm/trap.ts`.
 *
 * The problem: after a trap nothing has unwound the Rust stack, so each object of the module that was
 * in use stays borrowed, and later calls fail with messages of wasm-bindgen that say nothing. Every
 * call, also those in wasm-bindgen's own code (`free`, finalisers), has to end with `MODULE_TRAPPED`.
 *
 * So the assignment of the exports is replaced, which is the only place through which all calls go.
 * There is one wrapper for each export, with its number of parameters. A single wrapper would be called
 * with functions of many kinds, and an engine could inline none of them. Without the wrappers a chunk
 * with one small message took less than 1 ns of 70 ns less, in Node 20. The build instantiates the
 * module with imports that do nothing, because only an instance tells the numbers of parameters.
 *
 * Invariant: `wasm` in the generated code is the guarded object, or after a trap the object in which
 * each function throws. No code has the exports themselves.
 */
function guarded(contents, wasm) {
  const module = new WebAssembly.Module(readFileSync(wasm));
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    (imports[from] ??= {})[name] = () => {};
  }
  const { exports } = new WebAssembly.Instance(module, imports);
  const members = Object.entries(exports).map(([name, value]) => {
    if (typeof value !== "function") return `${name}: e.${name}`;
    const args = Array.from({ length: value.length }, (_, i) => `a${i}`).join(", ");
    return `${name}: (${args}) => { try { return e.${name}(${args}); } catch (x) { throw wbgTrap(x); } }`;
  });
  const from = "wasm = instance.exports;";
  if (contents.split(from).length !== 2) refuse(`wasm-bindgen's code is without: ${from}`);
  return `import { trapped } from ${JSON.stringify(join(src, "wasm", "trap.ts"))};
${contents.replace(from, "wasm = wbgGuard(instance.exports);")}
function wbgTrap(x) {
  [x, wasm] = trapped(x, wasm);
  return x;
}
function wbgGuard(e) {
  return { ${members.join(",\n    ")} };
}
`;
}

/** Applies {@link unchecked} and {@link guarded} to the generated code, and before them `change`. */
function glue({ generated }, change = (contents) => contents) {
  return {
    name: "guarded module",
    setup(build) {
      build.onLoad({ filter: /\/generated\/(\w+\/)?wscodec\.js$/ }, ({ path }) => ({
        contents: guarded(unchecked(change(readFileSync(path, "utf8"))), join(js, generated, "wscodec.wasm")),
      }));
    },
  };
}

/**
 * Bundles an entry for one module system. The bundle imports no modules of a runtime. Some runtimes,
 * such as workers, may not compile bytes. For them the wasm module stays `outside`, and the runtime
 * imports it.
 */
async function library(entry, format, name, outside = false) {
  const result = await esbuild.build({
    ...shared,
    entryPoints: ["entry/inline.ts"],
    outfile: join(dist, name),
    format,
    platform: "neutral",
    loader: { ".wasm": "binary" },
    plugins: [moduleOf(entry, outside), glue(entry)],
  });
  put(join(dist, name), result.outputFiles[0].contents);
}

/**
 * Places of wasm-bindgen's code that assume memory that is not shared, and their replacements for the
 * entry `wscodec/shared`.
 *
 * The problem: when memory of one thread grows, its `ArrayBuffer` is detached and views on it have the
 * length 0, by which wasm-bindgen knows that a view is old. Shared memory keeps its old buffers, so a
 * view never tells. Browsers also refuse to decode text from shared memory and to encode text into it.
 *
 * So the first replacement compares buffers, and the others copy. wasm-bindgen can generate code for
 * shared memory itself, but only for modules that are compiled with atomics, which needs an unstable
 * compiler and a second build of the module.
 *
 * Invariant: each place occurs exactly once, and no other cached view exists. The build fails
 * otherwise, because a place that is missed reads memory of the wrong size.
 */
const FOR_SHARED = [
  ["cachedUint8ArrayMemory0.byteLength === 0", "cachedUint8ArrayMemory0.buffer !== wasm.memory.buffer"],
  ["return cachedTextDecoder.decode(bytes);", "return cachedTextDecoder.decode(bytes.slice());"],
  [
    "const ret = cachedTextEncoder.encodeInto(arg, view);",
    "const ret = { written: 0 }; { const own = cachedTextEncoder.encode(arg); view.set(own); ret.written = own.length; }",
  ],
];

/** Bundles the library on memory that threads share: see {@link FOR_SHARED}. */
async function onShared(format, name) {
  const [entry] = entries;
  const adapted = (contents) => {
    for (const [from, to] of FOR_SHARED) {
      if (contents.split(from).length !== 2) refuse(`wasm-bindgen's code is without: ${from}`);
      contents = contents.replace(from, to);
    }
    if (/cached(?!Uint8Array)\w+Array\w*Memory0/.test(contents)) {
      refuse("wasm-bindgen's code has views that shared memory needs looked at");
    }
    return contents;
  };
  const result = await esbuild.build({
    ...shared,
    define: { SHARED: "true" },
    entryPoints: ["entry/shared.ts"],
    outfile: join(dist, name),
    format,
    platform: "neutral",
    loader: { ".wasm": "binary" },
    plugins: [moduleOf(entry), glue(entry, adapted)],
  });
  put(join(dist, name), result.outputFiles[0].contents);
}

/** Bundles the ring, which uses no other source of the library than `bytes`. */
async function ring(format, name) {
  const result = await esbuild.build({
    ...shared,
    entryPoints: ["ring/index.ts"],
    outfile: join(dist, name),
    format,
    platform: "neutral",
  });
  put(join(dist, name), result.outputFiles[0].contents);
  const strange = Object.keys(result.metafile.inputs).filter(
    (file) => !/^(ring|bytes)\//.test(file),
  );
  if (strange.length > 0) refuse(`the ring would carry js/src/${strange.join(", js/src/")}`);
}

/**
 * The inspector, for one module system, or with its wasm module `outside`. It uses nothing of the
 * library: the inspector's wasm module has its own copy of the core.
 */
async function inspector(format, name, outside = false) {
  const wasm = {
    name: "wasm module outside",
    setup(build) {
      const file = { path: "./inspect.wasm", external: true };
      if (outside) build.onResolve({ filter: /\/generated\/inspect\/wscodec\.wasm$/ }, () => file);
    },
  };
  const result = await esbuild.build({
    ...shared,
    entryPoints: ["inspect/entry.ts"],
    outfile: join(dist, name),
    format,
    platform: "neutral",
    loader: { ".wasm": "binary" },
    plugins: [wasm],
  });
  put(join(dist, name), result.outputFiles[0].contents);
  refuseOthers(result, name);
}

/** The command, which takes the inspector from the file beside it. */
async function command() {
  const file = { path: "./inspect.mjs", external: true };
  const result = await esbuild.build({
    ...shared,
    entryPoints: ["inspect/cli.ts"],
    outfile: join(dist, "cli.mjs"),
    format: "esm",
    platform: "node",
    // The runtimes of a command have both.
    inject: [],
    plugins: [
      {
        name: "through the package",
        setup: (build) => build.onResolve({ filter: /\/entry\.ts$/ }, () => file),
      },
    ],
  });
  refuseOthers(result, "cli.mjs");
  put(join(dist, "cli.mjs"), result.outputFiles[0].contents, 0o755);
}

/** Ends the build if the bundle has sources of the library that the inspector does not need. */
function refuseOthers(result, name) {
  const strange = Object.keys(result.metafile.inputs).filter(
    (file) => !/^(inspect|bytes)\/|generated\/inspect\//.test(file),
  );
  if (strange.length > 0) refuse(`${name} would carry js/src/${strange.join(", js/src/")}`);
}

/** An entry with the use of stale views caught, for the condition `development`. */
function development(name, to) {
  const note = `// ${name}, with the use of lent views after their time caught.\n`;
  put(
    join(dist, `${to}.mjs`),
    `${note}import { setDebug } from "./${name}.mjs";\n\nsetDebug(true);\n\nexport * from "./${name}.mjs";\n`,
  );
  put(
    join(dist, `${to}.cjs`),
    `${note}const index = require("./${name}.cjs");\n\nindex.setDebug(true);\n\nmodule.exports = index;\n`,
  );
}

/**
 * Vercel's edge functions, of Next for example, must not compile bytes either. Their bundlers compile a
 * module that is imported with the query `module`. In `next dev` that module is of another realm, so it
 * is known by its tag.
 */
const FOR_EDGE = [
  ['"./wscodec.wasm"', '"./wscodec.wasm?module"'],
  [
    "module instanceof WebAssembly.Module",
    'Object.prototype.toString.call(module) === "[object WebAssembly.Module]"',
  ],
];

function forEdgeFunctions() {
  let text = readFileSync(join(dist, "workerd.mjs"), "utf8");
  for (const [from, to] of FOR_EDGE) {
    if (text.split(from).length !== 2) refuse(`workerd.mjs does not have once: ${from}`);
    text = text.replace(from, to);
  }
  put(join(dist, "edge-light.mjs"), text);
}

if (wanted("wscodec")) {
  await import("./codes.mjs");
  await onShared("esm", "shared.mjs");
  await onShared("cjs", "shared.cjs");
}
await ring("esm", "ring.mjs");
await ring("cjs", "ring.cjs");
for (const entry of entries) {
  const { name, generated, wasm } = entry;
  await library(entry, "esm", `${name}.mjs`);
  await library(entry, "cjs", `${name}.cjs`);
  await library(entry, "esm", name === "index" ? "workerd.mjs" : `${name}-workerd.mjs`, true);
  development(name, name === "index" ? "development" : `${name}-development`);
  if (name === "index") forEdgeFunctions();
  put(join(dist, wasm), readFileSync(join(js, generated, "wscodec.wasm")));
}
if (wanted("inspect")) {
  await inspector("esm", "inspect.mjs");
  await inspector("cjs", "inspect.cjs");
  await inspector("esm", "inspect-workerd.mjs", true);
  await command();
  put(join(dist, "inspect.wasm"), readFileSync(join(js, "generated/inspect/wscodec.wasm")));
}
