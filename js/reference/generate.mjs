// Writes the JavaScript reference in Markdown from the declarations of the built package:
//
//   node generate.mjs TYPES OUT
//
// TYPES is the folder of the declarations, and OUT is the folder to write. A link in a comment that
// leads nowhere is an error. typedoc needs TypeScript 5, and the sources use TypeScript 7, so this
// folder has a manifest of its own.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { Application } from "typedoc";

/**
 * The modules: the name of the page, and its declarations. `wscodec/shared`, `wscodec/slim` and
 * `wscodec/zlib` have the items of `wscodec`.
 */
const MODULES = {
  wscodec: "index.d.ts",
  node: "adapters/node.d.ts",
  deno: "adapters/deno.d.ts",
  bun: "adapters/bun.d.ts",
  workers: "adapters/workers.d.ts",
  streams: "adapters/streams.d.ts",
  inspect: "inspect/index.d.ts",
  ring: "ring/index.d.ts",
};

const [types, out] = process.argv.slice(2).map((path) => resolve(path));
const here = fileURLToPath(new URL(".", import.meta.url));

// Each module gets a file with the name of its page, because typedoc names pages after files.
const entries = join(out, ".entries");
rmSync(out, { recursive: true, force: true });
mkdirSync(entries, { recursive: true });
for (const [name, declarations] of Object.entries(MODULES)) {
  const path = relative(entries, join(types, declarations)).replaceAll("\\", "/");
  writeFileSync(join(entries, `${name}.d.ts`), `export * from "${path.replace(/\.d\.ts$/, ".js")}";\n`);
}
const compilerOptions = {
  target: "ES2022",
  lib: ["ESNext", "DOM", "DOM.AsyncIterable"],
  module: "NodeNext",
  types: [],
  skipLibCheck: true,
};
const files = Object.keys(MODULES).map((name) => join(entries, `${name}.d.ts`));
const tsconfig = join(entries, "tsconfig.json");
writeFileSync(tsconfig, JSON.stringify({ compilerOptions, files }));

const app = await Application.bootstrapWithPlugins({
  plugin: [join(here, "node_modules/typedoc-plugin-markdown/dist/index.js")],
  name: "wscodec in JavaScript",
  readme: "none",
  entryPoints: files,
  tsconfig,
  outputs: [{ name: "markdown", path: out }],
  outputFileStrategy: "modules",
  entryFileName: "README.md",
  hidePageHeader: true,
  hideBreadcrumbs: true,
  useCodeBlocks: true,
  expandObjects: true,
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  excludeInternal: true,
  excludeExternals: true,
  disableSources: true,
  skipErrorChecking: true,
  treatWarningsAsErrors: true,
  cleanOutputDir: false,
  validation: { invalidLink: true, notDocumented: false, notExported: false, rewrittenLink: false },
});
const project = await app.convert();
if (project === undefined) process.exit(1);
app.validate(project);
await app.generateOutputs(project);
rmSync(entries, { recursive: true });
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exit(1);

/** The anchors of a page: those in the text, and one for each heading as hosts of Markdown make it. */
function anchors(text) {
  const found = new Set([...text.matchAll(/<a id="([^"]+)"/g)].map(([, id]) => id));
  const seen = new Map();
  for (const [, heading] of text.matchAll(/^#+ (.*)$/gm)) {
    const name = heading.trim().toLowerCase().replace(/ /g, "-").replace(/[^\p{L}\p{N}_-]/gu, "");
    const count = seen.get(name) ?? 0;
    seen.set(name, count + 1);
    found.add(count === 0 ? name : `${name}-${count}`);
  }
  return found;
}

// The plugin counts a few names twice, and then links to a second heading that is not there.
const pages = new Map(readdirSync(out).map((name) => [name, readFileSync(join(out, name), "utf8")]));
const known = new Map([...pages].map(([name, text]) => [name, anchors(text)]));
function mended(page, link, file, anchor) {
  const target = known.get(file === "" ? page : file);
  const first = anchor.replace(/-\d+$/, "");
  return target.has(anchor) || !target.has(first) ? link : `](${file}#${first})`;
}

// A fixed text at the top of the index, and one newline at the end of each page.
for (const [name, text] of pages) {
  const linked = text
    .trimEnd()
    .replace(/\]\(([\w.]*)#([\w-]+)\)/g, (link, file, anchor) => mended(name, link, file, anchor));
  const note =
    "`wscodec/slim`, `wscodec/zlib` and `wscodec/shared` have the items of `wscodec`. The declarations of the " +
    "package generate these pages: `WSCODEC_UPDATE_DOCS=1 cargo xtask reference`.";
  const page = name === "README.md" ? linked.replace(/^(# .*)$/m, `$1\n\n${note}`) : linked;
  writeFileSync(join(out, name), `${page}\n`);
}
