// Runs a benchmark and writes its tables as JSON.
//
//     node main.mjs js|handshake|deflate|size ROUNDS quick|full DATA COMMAND...
//
// DATA is where the program in Rust has written the streams; COMMAND starts Node, Deno or Bun with
// a script. `cargo xtask bench` does it all.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { sideBySide, summary } from "./measure.mjs";
import { modules } from "./suites.mjs";

/** Fresh processes for each time of the start. */
const STARTS = 20;

/** Of what was measured, as the first row tells them. */
let versions;

async function tables(part, rounds, quick) {
  const tables = [];
  for (const [title, suite] of Object.entries(modules[part].suites)) {
    const { base, workloads } = suite;
    const columns = quick ? workloads.slice(0, 3) : workloads;
    const rows = suite.rows(suite.strings).map(() => ({ name: "", cells: [] }));
    for (const workload of columns) {
      console.error(`${title}: ${workload}`);
      const places = rows.map((_, place) => [part, title, workload, String(place), folder]);
      const measured = await sideBySide(runtime, places, rounds, quick ? 10 : 40);
      for (const [place, { named, cell }] of measured.entries()) {
        rows[place].name = named.name;
        versions ??= named.versions;
        rows[place].cells.push(cell);
      }
    }
    tables.push({ title, unit: "ns", base, columns, rows });
  }
  return tables;
}

/** What a script says of its run in a fresh process. */
function start(script, what) {
  const options = { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] };
  const [program, ...words] = runtime;
  return JSON.parse(execFileSync(program, [...words, script, what], options));
}

/** What is downloaded, and how long the first message takes. */
function size(quick) {
  const file = new URL("../../pkg/dist/sizes.json", import.meta.url);
  const sizes = Object.entries(JSON.parse(readFileSync(file, "utf8")));
  const script = fileURLToPath(new URL("start.mjs", import.meta.url));
  const files = sizes.map(([name]) => name);
  const wasm = files.filter((name) => name.endsWith(".wasm"));
  const starts = files.filter((name) => name.endsWith(".mjs")).concat("ws");
  const times = Object.fromEntries([...wasm, ...starts].map((what) => [what, []]));
  for (let round = 0; round < (quick ? 3 : STARTS); round++) {
    for (const what of Object.keys(times)) times[what].push(start(script, what));
  }
  const cell = (what, time) => summary(times[what].map((run) => run[time]));
  return [
    {
      title: "size",
      unit: "bytes",
      columns: ["raw", "gzip -9", "brotli 11"],
      rows: sizes.map(([name, { raw, gzip, brotli }]) => ({
        name,
        cells: [raw, gzip, brotli].map((median) => ({ median })),
      })),
    },
    {
      title: "the module in a fresh process",
      unit: "ms",
      columns: ["compile", "instantiate"],
      rows: wasm.map((name) => ({
        name,
        cells: [cell(name, "compile"), cell(name, "instantiate")],
      })),
    },
    {
      title: "start of a fresh process",
      unit: "ms",
      columns: ["import", "to the first message"],
      rows: starts.map((what) => ({
        name: what,
        cells: [cell(what, "import"), cell(what, "first")],
      })),
    },
  ];
}

const [kind, rounds, pace, folder, ...runtime] = process.argv.slice(2);
const quick = pace === "quick";
const parts = {
  js: ["decode", "encode"],
  handshake: ["handshake"],
  deflate: ["deflate"],
  size: [],
}[kind];
if (parts === undefined) throw new Error(`there is no benchmark ${kind}`);
const measured = kind === "size" ? size(quick) : [];
for (const part of parts) measured.push(...(await tables(part, Number(rounds), quick)));
if (kind === "deflate") measured.push(await modules.deflate.sizes());
versions ??= (await import("./peers.mjs")).versions;
console.log(JSON.stringify({ tables: measured, versions }));
