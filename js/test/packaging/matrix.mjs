// Tries the packed package in one way of using it:
//
//   node matrix.mjs --tarball FILE --work FOLDER --peers FOLDER NAME
//
// makes a fresh project below the work folder, installs the tarball there, and runs the
// case of that name. `--peers` is where the runtimes and bundlers of package.json are
// installed; the quick cases do without. What can't run here ends with a line
// `skipped: why`. Without a NAME the names are listed, the quick ones first.

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { cases, quick, Skipped } from "./cases.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const js = dirname(dirname(here));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tarball: { type: "string" },
    work: { type: "string" },
    peers: { type: "string", default: here },
  },
});

/** Long enough for a bundler on a busy machine. */
const LIMIT = 180_000;

/** Runs a program to its end, and gives what it printed; it is killed at the limit. */
function run(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const settings = { timeout: LIMIT, maxBuffer: 2 ** 26, ...options };
    execFile(program, args, settings, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      // A bundle's line can be the whole module.
      const said = `${stdout}${stderr}`.replace(/^(.{300}).*$/gm, "$1 …");
      reject(new Error(`${program} ${args.join(" ")}\n${said}\n${error.message.slice(0, 300)}`));
    });
  });
}

/** A folder with the smoke test and the package in it, and nothing else. */
async function project(name, type) {
  const folder = join(values.work, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(join(here, "project"), folder, { recursive: true });
  const manifest = { name: `try-${name}`, private: true, type };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  // The package depends on nothing, so no network is needed.
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const options = ["--offline", "--no-audit", "--no-fund", "--no-package-lock"];
  await run(npm, ["install", ...options, values.tarball], { cwd: folder });
  return folder;
}

/** The smoke test without its types, for those who can't read them. */
async function plain(folder) {
  const esbuild = await import(join(js, "node_modules/esbuild/lib/main.js"));
  const source = readFileSync(join(folder, "smoke.ts"), "utf8");
  const { code } = await esbuild.transform(source, { loader: "ts", target: "es2022" });
  writeFileSync(join(folder, "smoke.mjs"), code);
}

/** The output of a project, with the report of the smoke test in its last line. */
function judged(output) {
  const line = output.trim().split("\n").at(-1);
  const { ok, tried, error } = JSON.parse(line);
  if (!ok) throw new Error(error);
  const counts = Object.entries(tried).map(([build, names]) =>
    Array.isArray(names) ? `${build} ${names.length}` : build,
  );
  return counts.length > 0 ? counts.join(", ") : "nothing tried";
}

const [name] = positionals;
if (name === undefined) {
  console.log([...quick, ...Object.keys(cases).filter((name) => !quick.includes(name))].join("\n"));
} else if (!(name in cases)) {
  console.error(`there is no case ${name}: ${Object.keys(cases).join(", ")}`);
  process.exitCode = 2;
} else {
  const { type = "module", typed = false, test } = cases[name];
  try {
    const folder = await project(name, type);
    if (!typed) await plain(folder);
    const tools = join(js, "node_modules");
    const peers = join(values.peers, "node_modules");
    const place = { folder, tarball: values.tarball, tools, peers, run, judged };
    console.log((await test(place)) ?? "");
  } catch (error) {
    if (error instanceof Skipped) console.log(`skipped: ${error.message}`);
    else {
      console.error(error.message);
      process.exitCode = 1;
    }
  }
}
