// The JavaScript tests that need no sockets, files or processes, as one module that runs where
// there is no Node: a page, a worker. It takes the package as it is installed in a folder.

import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const tests = dirname(here);
const vectors = join(tests, "..", "..", "tests", "vectors");

/** The files of these tests. */
const FILES = [
  "vectors",
  "session",
  "session-vectors",
  "pieces",
  "prepared",
  "streams",
  "encoder",
  "handshake",
  "handshake-reader",
  "deflate-negotiate",
  "lent",
  "options",
];

/** Tests in them that are left out, with the reason. */
const LEFT_OUT = { ", ws reads$|^what ws sends": "npm ws is for Node" };

/** The files of tests that run where npm's `buffer` is in the place of Node's. */
const BESIDE = { "^text at the borders": "npm's buffer loses a lone surrogate at the end of others" };

/** In the place of `node:test`: what is registered runs in turn when it is asked to. */
const RUNNER = `
const registered = [], after = [];
export function test(name, options, run = options) {
  registered.push([name, run]);
}
export function afterEach(run) {
  after.push(run);
}
export async function runAll(leftOut) {
  const failed = [], skipped = [];
  let passed = 0;
  for (const [name, run] of registered) {
    const why = Object.entries(leftOut).find(([pattern]) => new RegExp(pattern).test(name));
    let skip = why?.[1];
    const context = { skip: (reason) => (skip = reason) };
    try {
      if (skip === undefined) await run(context);
      if (skip === undefined) passed++;
      else skipped.push(name + ": " + skip);
    } catch (error) {
      failed.push(name + ": " + (error.stack ?? error));
    }
    for (const run of after) run();
  }
  return { passed, failed, skipped };
}`;

const FILE_SYSTEM = `
import { Buffer } from "node:buffer";
export function readFileSync(url, encoding) {
  const text = FILES[String(url).split("/").at(-1)];
  if (text === undefined) throw new Error("no such file here: " + url);
  return encoding === undefined ? Buffer.from(text) : text;
}`;

const BUFFER = `
export * from "npm:buffer";
export function isUtf8(bytes) {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}`;

/** Globals that the tests use and that pages do not have. */
const GLOBALS = `
import { Buffer } from "node:buffer";
globalThis.process ??= { env: {}, emitWarning() {} };
globalThis.global ??= globalThis;
const setImmediate = (run) => setTimeout(run, 0);
export { Buffer, setImmediate };`;

/** The tests, and `run`, which runs them. */
function entry(leftOut) {
  const files = FILES.map((name) => `import "./${name}.test.ts";`).join("\n");
  return `${files}
import { runAll } from "node:test";
const run = () => runAll(${JSON.stringify(leftOut)});
`;
}

/**
 * Options for esbuild, to make a module that ends with `start`, which calls `run`. With `node`,
 * the runtime has Node's assert and Buffer itself.
 */
export function portable({ folder, peers, start, node = false }) {
  const contents = entry(node ? LEFT_OUT : { ...LEFT_OUT, ...BESIDE }) + start;
  const virtual = { "node:test": RUNNER, "node:fs": FILE_SYSTEM, ws: "export default {};" };
  if (!node) {
    virtual["node:buffer"] = BUFFER;
    virtual["node:assert/strict"] = 'import assert from "npm:assert"; export default assert.strict;';
    virtual["node:events"] = "export function once() {}";
  }
  virtual.globals = GLOBALS;
  const files = readdirSync(vectors).map((name) => [name, readFileSync(join(vectors, name), "utf8")]);
  const plugin = {
    name: "without Node",
    setup(build) {
      const options = { kind: "import-statement", pluginData: "within" };
      const within = (path, resolveDir) => build.resolve(path, { ...options, resolveDir });
      // A path that is resolved here is resolved a second time.
      const on = (filter, take) =>
        build.onResolve({ filter }, (found) => (found.pluginData === "within" ? undefined : take(found)));
      on(/^(node:(test|fs|buffer|events|assert\/strict)|ws|globals)$/, ({ path }) =>
        path in virtual ? { path, namespace: "virtual" } : undefined,
      );
      build.onLoad({ filter: /.*/, namespace: "virtual" }, ({ path }) => ({
        contents: virtual[path],
        resolveDir: peers,
      }));
      on(/^npm:buffer$/, () => within("buffer/", peers));
      if (!node) {
        on(/^npm:assert$/, () => within("assert/", peers));
        // These are modules that assert asks for, so that it gets the same ones.
        on(/^buffer$/, () => within("buffer/", peers));
      }
      on(/^wscodec(\/[a-z]+)?$/, ({ path }) => within(path, folder));
    },
  };
  return {
    bundle: true,
    format: "esm",
    stdin: { contents, resolveDir: tests, sourcefile: "portable.mjs" },
    define: {
      FILES: JSON.stringify(Object.fromEntries(files)),
      "import.meta.url": JSON.stringify(pathToFileURL(join(tests, "portable.test.ts")).href),
    },
    inject: ["globals"],
    plugins: [plugin],
    nodePaths: [peers],
    target: "es2022",
  };
}
