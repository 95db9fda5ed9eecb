// Takes over the declarations that index.ts and the adapters need, from the folder where tsc put those
// of all sources, once for import (.d.ts) and once for require (.d.cts).

import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";

import { dist, put, refuse } from "./files.mjs";

const [from] = process.argv.slice(2);
const to = join(dist, "types");

/** A relative module name in `from "./x.ts"` or `import("./x.ts")`. */
const RELATIVE = /(\bfrom\s*|\bimport\s*\(?\s*)(["'])(\.{1,2}\/[^"']+)\.[jt]s\2/g;

const reached = new Set();
const adapters = ["node", "deno", "bun", "streams", "workers"].map((name) =>
  join("adapters", `${name}.d.ts`),
);
const waiting = ["index.d.ts", "ring.d.ts", ...adapters].map((name) => [join(from, name), ""]);
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

const written = new Set();
for (const file of reached) {
  const text = readFileSync(file, "utf8");
  for (const [declaration, module] of [[".d.ts", ".js"], [".d.cts", ".cjs"]]) {
    const name = relative(from, file).replace(/\.d\.ts$/, declaration);
    put(join(to, name), text.replace(RELATIVE, `$1$2$3${module}$2`));
    written.add(join(to, name));
  }
}

for (const entry of readdirSync(to, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath ?? entry.path, entry.name);
  if (entry.isFile() && !written.has(path)) rmSync(path);
}
console.log(`${reached.size} files`);
