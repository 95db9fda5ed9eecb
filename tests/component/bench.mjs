// The component in jco beside the npm package: bench.mjs COMPONENT PACKAGE. CPU time of the process for each
// message, in turns, medians. Both decode one chunk of 64 KiB of masked texts, and copy each payload.

import { Buffer } from "node:buffer";
import { pathToFileURL } from "node:url";

import { load } from "./load.mjs";

const [component, npm] = process.argv.slice(2);
const { messages, types } = await load(component);
const { MessageDecoder, MessageEncoder } = await import(pathToFileURL(npm).href);

const ROUNDS = 15;
const REPEATS = 100;

function wire(length, count) {
  const encoder = new MessageEncoder({ role: "client" });
  const out = [];
  for (let i = 0; i < count; i++) {
    encoder.text("x".repeat(length));
    out.push(Buffer.from(encoder.take()));
  }
  return Buffer.concat(out);
}

const options = {
  role: "server",
  limits: types.defaultLimits(),
  extension: { tag: "none" },
  pieces: false,
  offset: 0n,
  dangerouslyAcceptUnmasked: false,
};

const forms = {
  numbers(chunk) {
    const decoder = messages.MessageDecoder.create(options);
    let total = 0;
    for (let i = 0; i < REPEATS; i++) {
      const { payloads, events } = decoder.decode(chunk);
      for (let at = 0; at < events.length; at += 3) {
        total += payloads.slice(events[at + 1], events[at + 1] + events[at + 2]).length;
      }
    }
    decoder[Symbol.dispose]();
    return total;
  },
  records(chunk) {
    const decoder = messages.MessageDecoder.create(options);
    let total = 0;
    for (let i = 0; i < REPEATS; i++) {
      for (const { val } of decoder.decodeEvents(chunk).events) total += val.length;
    }
    decoder[Symbol.dispose]();
    return total;
  },
  npm(chunk) {
    const decoder = new MessageDecoder({ role: "server" });
    let total = 0;
    for (let i = 0; i < REPEATS; i++) {
      decoder.push(chunk);
      while (decoder.next()) total += decoder.copy().length;
    }
    return total;
  },
};

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

console.log(`Node ${process.version}, ${ROUNDS} rounds in turns, ns of CPU time a message`);
console.log("| case | component, numbers | component, records | npm package, copies |");
for (const length of [64, 1024]) {
  const count = Math.floor((64 << 10) / (length + 8));
  const chunk = wire(length, count);
  const times = Object.fromEntries(Object.keys(forms).map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, run] of Object.entries(forms)) {
      const start = process.cpuUsage();
      const total = run(chunk);
      const { user, system } = process.cpuUsage(start);
      if (total !== length * count * REPEATS) throw new Error(`${name}: ${total}`);
      // The first round warms up.
      if (round > 0) times[name].push(((user + system) * 1000) / (count * REPEATS));
    }
  }
  const cells = Object.values(times).map((values) => median(values).toFixed(0));
  console.log(`| text of ${length} bytes | ${cells.join(" | ")} |`);
}
