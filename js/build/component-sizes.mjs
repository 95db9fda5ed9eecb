// Measures the codec as a component, and holds it to a budget. The argument is the folder of its files.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { refuse } from "./files.mjs";
import { exceeded, line, measure } from "./measure.mjs";

/** To raise a budget is a decision, so it is a commit. */
const BUDGET = {
  "wscodec-codec.wasm": { raw: 291_000, brotli: 88_200 },
  "wscodec-codec.core.wasm": { raw: 246_000, brotli: 80_000 },
};

const folder = process.argv[2];
const sizes = {};
for (const name of Object.keys(BUDGET)) {
  sizes[name] = measure(readFileSync(join(folder, name)));
  console.log(line(name, sizes[name]));
}
for (const sentence of exceeded(sizes, BUDGET)) refuse(sentence);
