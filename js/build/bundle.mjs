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

/** Takes the wasm module of an entry, or leaves it `outside`, and what it has of the extension. */
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
 * The code that wasm-bindgen generated, without the check that an argument is an object of its
 * class. Only this package calls that code, and TypeScript checks the same. The check took 3 ns of
 * the 70 ns for a chunk with one small message.
 */
function unchecked(contents) {
  const changed = contents.replace(/^ +_assertClass\(\w+, \w+\);\n/gm, "");
  // The function itself is left, and nothing calls it.
  if (changed.split("_assertClass(").length !== 2) refuse("wasm-bindgen's code checks classes in another way");
  return changed;
}

/**
 * The code that wasm-bindgen generated, with each export of the module within a `try`: see
 * `src/wasm/trap.ts`. One function for each export, because one for all would be called with
 * functions of many kinds, and an engine can inline none of them.
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

/** Has generated code go through {@link guarded}, and through what else is to be changed of it. */
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
 * An entry, for one module system; it names no runtime's own modules. Where bytes may not
 * be compiled, as in workers, the wasm module is imported from `outside`.
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
 * What wasm-bindgen makes for memory that is not shared: a view on the memory tells by
 * its length that this has grown, and text is decoded from it and encoded into it.
 */
const FOR_SHARED = [
  ["cachedUint8ArrayMemory0.byteLength === 0", "cachedUint8ArrayMemory0.buffer !== wasm.memory.buffer"],
  ["return cachedTextDecoder.decode(bytes);", "return cachedTextDecoder.decode(bytes.slice());"],
  [
    "const ret = cachedTextEncoder.encodeInto(arg, view);",
    "const ret = { written: 0 }; { const own = cachedTextEncoder.encode(arg); view.set(own); ret.written = own.length; }",
  ],
];

/** The library on memory that threads share. */
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

/** The ring, which uses nothing of the library. */
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

/** Ends the build if sources beside those of the inspector are in this. */
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
