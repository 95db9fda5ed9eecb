// Measures what a user downloads, and holds it to a budget; and tells how long an import takes.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { dist, entries, put, refuse, wanted } from "./files.mjs";
import { exceeded, line, measure } from "./measure.mjs";

/** Bytes of the wasm modules and of the page; to raise one is a decision, so it is a commit. */
const BUDGET = {
  "wscodec.wasm": { raw: 218_000, brotli: 73_300 },
  "slim.wasm": { raw: 143_000, brotli: 46_500 },
  "zlib.wasm": { raw: 305_500, brotli: 107_000 },
  "inspect.wasm": { raw: 1_150_000, brotli: 350_000 },
  "inspect.html": { raw: 760_000, brotli: 520_000 },
};

const modules = entries.map(({ name, wasm }) => ({ name, wasm }));
if (wanted("inspect")) modules.push({ name: "inspect", wasm: "inspect.wasm" });

const files = modules.flatMap(({ name, wasm }) => [wasm, `${name}.mjs`]);
if (wanted("inspect")) files.push("inspect.html");

const sizes = {};
for (const name of files) {
  sizes[name] = measure(readFileSync(join(dist, name)));
  console.log(line(name, sizes[name]));
}

/** From the start of an import to its end: read, compiled, instantiated. Not held to anything. */
const IMPORT = `const start = performance.now();
await import(process.argv[1]);
console.log(performance.now() - start);`;

for (const { name } of modules) {
  const file = `${name}.mjs`;
  const url = pathToFileURL(join(dist, file)).href;
  const times = Array.from({ length: 5 }, () =>
    Number(execFileSync(process.execPath, ["--input-type=module", "-e", IMPORT, url])),
  );
  const median = times.sort((a, b) => a - b)[2];
  sizes[file].importMilliseconds = Number(median.toFixed(1));
  console.log(`${file.padEnd(12)} imported in ${median.toFixed(1)} ms (median of 5 processes)`);
}
put(join(dist, "sizes.json"), `${JSON.stringify(sizes, null, 2)}\n`);

for (const sentence of exceeded(sizes, BUDGET)) refuse(sentence);
