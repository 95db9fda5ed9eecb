// Rows side by side: CPU time, in interleaved rounds.

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** Rounds thrown away first: the compilers of the engine need them. */
const WARM_UP = 3;

/**
 * Each row has a process of its own, so that no row pays for another's garbage or for
 * what another taught the compiler. They take turns, and each gets so many milliseconds of CPU time in each round. Gives
 * nanoseconds an operation: median, least, most.
 */
export async function sideBySide(rows, rounds, milliseconds) {
  const script = fileURLToPath(new URL("row.mjs", import.meta.url));
  const runners = rows.map((row) => {
    const child = fork(script, row, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    return { child, times: [], name: "" };
  });
  try {
    for (const runner of runners) ({ name: runner.name } = await answer(runner.child));
    for (let round = -WARM_UP; round < rounds; round++) {
      for (const place of order(runners.length, round + WARM_UP)) {
        const { child, times } = runners[place];
        child.send(milliseconds * 1000);
        const { time } = await answer(child);
        if (round >= 0) times.push(time);
      }
    }
  } finally {
    for (const { child } of runners) if (child.connected) child.disconnect();
  }
  return runners.map(({ name, times }) => ({ name, cell: summary(times) }));
}

/** The child's next message. */
async function answer(child) {
  const gone = new AbortController();
  const left = () => gone.abort(new Error("a row ended with an error"));
  child.once("exit", left);
  try {
    const [message] = await once(child, "message", { signal: gone.signal });
    return message;
  } finally {
    child.off("exit", left);
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
