// One row of a column in a process of its own: checks it, and runs it when it is told to,
// for as many microseconds of CPU time.
//
// The time is the whole process's, so it has the collector's threads in it. What the row
// works on is made before, outside the time.

import process from "node:process";
import { createInterface } from "node:readline";
import { setImmediate as turn } from "node:timers/promises";

import { versions } from "./peers.mjs";
import { modules } from "./suites.mjs";

const [part, title, workload, place, folder] = process.argv.slice(2);
const { suites, row } = modules[part];
const { name, ops, prepare, run } = await row(suites[title], Number(place), folder, workload);

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

say({ name, versions });
for await (const line of createInterface(process.stdin)) {
  const least = Number(line);
  let [passes, time] = [0, 0];
  while (time < least) {
    const input = prepare?.();
    await turn();
    const before = process.cpuUsage();
    const pending = run(input);
    if (pending instanceof Promise) await pending;
    const { user, system } = process.cpuUsage(before);
    time += user + system;
    passes++;
  }
  say({ time: (time * 1000) / (passes * ops) });
}
process.exit(0);
