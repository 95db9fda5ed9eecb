// Records the conversations in tests/captures; README.md beside this file says how.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { compareSent } from "./lib/sent.mjs";
import { Stage } from "./lib/stage.mjs";
import { versionOf } from "./lib/versions.mjs";
import chromium from "./scenarios/chromium.mjs";
import ends from "./scenarios/ends.mjs";
import refused from "./scenarios/refused.mjs";
import standard from "./scenarios/standard.mjs";
import ws from "./scenarios/ws.mjs";

const SCENARIOS = [...ws, ...ends, ...refused, ...standard, ...chromium];
const LIMIT_MS = 60_000;

const root = fileURLToPath(new URL("../../", import.meta.url));
const captures = join(root, "tests", "captures");
const oracle = join(captures, "oracle.py");

function buildTap(folder) {
  // The tap is one file that needs nothing else, so it is built without the crate.
  const tap = join(folder, "tap");
  execFileSync("rustc", ["--edition", "2024", "-O", "-o", tap, join(root, "examples", "tap.rs")], {
    stdio: "inherit",
  });
  return tap;
}

function within(time, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${time} ms`)), time);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** `text` in lines of at most 90 characters, where words allow it. */
function wrap(text) {
  const lines = [""];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last === "") lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= 90) lines[lines.length - 1] += ` ${word}`;
    else lines.push(word);
  }
  return lines.join("\n");
}

function note({ name, peers, about }) {
  const [client, server] = peers.map((peer) => `${peer} (${versionOf(peer)})`);
  const how =
    `Client: ${client}. Server: ${server}. Recorded on loopback with \`examples/tap.rs\`, by ` +
    `\`node examples/record/record.mjs ${name}\`.`;
  return `# ${name}\n\n${wrap(about)}\n\n${wrap(how)}\n`;
}

async function record(scenario, tap, folder) {
  const target = join(folder, scenario.name);
  mkdirSync(target);
  const stage = new Stage(tap, join(target, "tap"));
  let sent;
  try {
    const run = async () => {
      sent = await scenario.run(stage);
      await stage.recorded();
    };
    await within(LIMIT_MS, run());
  } finally {
    await stage.clean();
  }
  for (const dir of ["c2s", "s2c"]) {
    renameSync(join(target, `tap-1.${dir}.bin`), join(target, `${dir}.bin`));
  }
  execFileSync("python3", [oracle, "--write", target], { stdio: "inherit" });
  const told = JSON.parse(readFileSync(join(target, "expected.json"), "utf8"));
  compareSent("c2s", told.c2s, sent.c2s);
  compareSent("s2c", told.s2c, sent.s2c);
  writeFileSync(join(target, "note.md"), note(scenario));
  rmSync(join(captures, scenario.name), { recursive: true, force: true });
  cpSync(target, join(captures, scenario.name), { recursive: true });
  return told;
}

const names = process.argv.slice(2);
const known = SCENARIOS.map(({ name }) => name);
const unknown = names.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(", ")}\nknown: ${known.join(", ")}`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "record-"));
try {
  const tap = buildTap(folder);
  for (const scenario of SCENARIOS) {
    if (names.length > 0 && !names.includes(scenario.name)) continue;
    try {
      const { c2s, s2c } = await record(scenario, tap, folder);
      const count = ({ frames, messages }) => `${messages.length} messages in ${frames.length} frames`;
      console.log(`${scenario.name}: up ${count(c2s)}, down ${count(s2c)}`);
    } catch (error) {
      console.error(`${scenario.name}: not recorded: ${error.stack}`);
      process.exitCode = 1;
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
