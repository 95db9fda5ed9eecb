// The other thread of ring.test.ts; `module` is where the ring is, as a URL.

import process from "node:process";
import { parentPort, workerData } from "node:worker_threads";

const { module, ring, task, count = 0 } = workerData;
const { RingReader, RingWriter } = await import(module);

/** FNV-1a, over kinds and bytes. */
let hash = 0x811c9dc5;
function mix(kind, bytes) {
  hash = Math.imul(hash ^ kind, 0x01000193);
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
}

/** Records of all lengths, the same ones in both threads. */
function record(i) {
  return new Uint8Array((i * 7) % 90).fill(i);
}

const tasks = {
  /** Reads to the end, and tells what it was. */
  read() {
    const reader = new RingReader(ring);
    let records = 0;
    while (reader.next(30_000)) {
      mix(reader.kind, reader.bytes());
      records++;
    }
    parentPort.postMessage({ records, ended: reader.ended, hash: hash >>> 0 });
  },

  /** Dies while it is at a record, having told that it is there. */
  die() {
    const reader = new RingReader(ring);
    for (let i = 0; i < count; i++) reader.next(30_000);
    process.exit(0);
  },

  write() {
    const writer = new RingWriter(ring);
    let records = 0;
    while (records < count && writer.write(record(records), records, 30_000)) records++;
    writer.end();
    parentPort.postMessage({ records });
  },

  /** Writes until the reader closes, and tells with which error it was woken. */
  untilClosed() {
    const writer = new RingWriter(ring);
    try {
      while (writer.write(new Uint8Array(20), 0, 30_000));
      parentPort.postMessage({ code: "none" });
    } catch (error) {
      parentPort.postMessage({ code: error.code });
    }
  },
};

tasks[task]();
