// Rows side by side: CPU time, in interleaved rounds.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Rounds thrown away first: the compilers of the engine need them. */
const WARM_UP = 3;

/**
 * Each row has a process of its own, so that no row pays for another's garbage or for what another
 * taught the compiler. They take turns, and each gets so many milliseconds of CPU time in each
 * round. `runtime` is the command of Node, Deno or Bun. Gives what each row said of itself, and its
 * nanoseconds an operation: median, least, most.
 */
export async function sideBySide(runtime, rows, rounds, milliseconds) {
  const runners = [];
  try {
    for (const row of rows) runners.push(new Runner(runtime, row));
    for (const runner of runners) runner.named = await runner.answer();
    for (let round = -WARM_UP; round < rounds; round++) {
      for (const place of order(runners.length, round + WARM_UP)) {
        const { time } = await runners[place].ask(milliseconds * 1000);
        if (round >= 0) runners[place].times.push(time);
      }
    }
    return runners.map(({ named, times }) => ({ named, cell: summary(times) }));
  } finally {
    for (const runner of runners) runner.end();
  }
}

/** A row's process: a line with a number goes in, a line of JSON comes out. */
class Runner {
  named;
  times = [];
  #child;
  #lines;

  constructor([program, ...words], row) {
    const script = fileURLToPath(new URL("row.mjs", import.meta.url));
    const stdio = ["pipe", "pipe", "inherit"];
    this.#child = spawn(program, [...words, script, ...row], { stdio });
    this.#child.on("error", () => {}); // its output ends, which `answer` tells
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  ask(number) {
    this.#child.stdin.write(`${number}\n`);
    return this.answer();
  }

  async answer() {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("a row ended with an error");
    return JSON.parse(value);
  }

  end() {
    this.#child.stdin.end();
  }
}

/** Another order in each round, forwards and backwards. */
function order(length, round) {
  const places = Array.from({ length }, (_, i) => (i + round) % length);
  return round % 2 === 0 ? places : places.reverse();
}

/** Median, least and most, to four digits: the noise is larger. */
export function summary(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const round = (number) => Number(number.toPrecision(4));
  return {
    median: round(sorted[sorted.length >> 1]),
    min: round(sorted[0]),
    max: round(sorted.at(-1)),
  };
}
