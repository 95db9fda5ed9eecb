// Takes over the declarations that index.ts, the ring and the adapters need, from the folder
// where tsc put those of all sources, once for import (.d.ts) and once for require (.d.cts);
// and those of the library on shared memory.

import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";

import { dist, put, refuse } from "./files.mjs";

const [from] = process.argv.slice(2);
const to = join(dist, "types");

/** A relative module name in `from "./x.ts"` or `import("./x.ts")`. */
const RELATIVE = /(\bfrom\s*|\bimport\s*\(?\s*)(["'])(\.{1,2}\/[^"']+)\.[jt]s\2/g;

/** The declarations that these need, with those of theirs. */
function needed(roots) {
  const reached = new Set();
  const waiting = roots.map((name) => [join(from, name), ""]);
  while (waiting.length > 0) {
    const [file, why] = waiting.pop();
    if (reached.has(file)) continue;
    if (!existsSync(file)) {
      refuse(
        `the package's types need ${relative(from, file)}${why}, but they must come from our own ` +
          "sources alone: a public function or class has to be declared there",
      );
    }
    reached.add(file);
    const wanted = ` for ${relative(from, file)}`;
    for (const [, , , name] of readFileSync(file, "utf8").matchAll(RELATIVE)) {
      waiting.push([join(dirname(file), `${name}.d.ts`), wanted]);
    }
  }
  return reached;
}

const written = new Set();

/**
 * Since version 5.7 of TypeScript, the type of a view has its memory as a parameter. For earlier
 * versions, this script writes the same declarations once more without the parameter, to a folder that
 * package.json names by `types@<5.7` and `typesVersions`.
 */
const OLD = "before-5.7";
const MEMORY = /\b((?:Big)?(?:Ui|I)nt\d+(?:Clamped)?Array|Float\d+Array|DataView|ArrayBufferView)<\w+>/g;

/** Puts declarations into a folder of the types, changed as told. */
function take(files, folder, changed = (text) => text) {
  for (const file of files) {
    const text = changed(readFileSync(file, "utf8"));
    for (const [declaration, module] of [[".d.ts", ".js"], [".d.cts", ".cjs"]]) {
      const name = join(folder, relative(from, file).replace(/\.d\.ts$/, declaration));
      const whole = text.replace(RELATIVE, `$1$2$3${module}$2`);
      const old = whole.replace(MEMORY, "$1");
      if (/Array<\w*ArrayBuffer/.test(old)) refuse(`TypeScript before 5.7 can't read ${name}`);
      for (const [path, content] of [[join(to, name), whole], [join(to, OLD, name), old]]) {
        put(path, content);
        written.add(path);
      }
    }
  }
}

const adapters = ["node", "deno", "bun", "streams", "workers"].map((name) =>
  join("adapters", `${name}.d.ts`),
);
const parts = [join("ring", "index.d.ts"), join("inspect", "index.d.ts")];
const reached = needed(["index.d.ts", ...parts, ...adapters]);
take(reached, ".");

// Lent views lie on the module's memory, which is shared in this entry.
const LENT = /^(\s+(?:bytes|reserve|pieces)\(.*\): .*)Uint8Array<ArrayBuffer>/gm;
let lent = 0;
take(needed([join("entry", "shared.d.ts")]), "shared", (text) =>
  text.replace(LENT, (_, before) => {
    lent++;
    return `${before}Uint8Array<SharedArrayBuffer>`;
  }),
);
if (lent === 0) refuse("no declaration says that it lends memory: look at LENT here");

for (const entry of readdirSync(to, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath ?? entry.path, entry.name);
  if (entry.isFile() && !written.has(path)) rmSync(path);
}
console.log(`${written.size} files`);
