// Sockets in one thread, inspection in another: what is inspected never holds up what is
// served, and is in the other thread's hands after one copy, into the ring between them.

import { isMainThread, Worker, workerData } from "node:worker_threads";
import { createServer } from "wscodec/node";
import { createRing, RingReader, RingWriter } from "wscodec/ring";

const TEXT = 1;
const BINARY = 2;

if (isMainThread) {
  const ring = createRing(2 ** 22);
  for (const role of ["sockets", "inspection"]) {
    new Worker(new URL(import.meta.url), { workerData: { role, ring } });
  }
} else if (workerData.role === "sockets") {
  const writer = new RingWriter(workerData.ring);
  let missed = 0;
  createServer({
    lend: true,
    maxMessage: writer.maxRecord,
    message(ws, data) {
      const text = typeof data === "string";
      // An inspector that is slow, or gone, costs what it misses, and nothing else.
      if (!writer.tryWrite(text ? Buffer.from(data) : data, text ? TEXT : BINARY)) missed++;
      ws.send(data);
    },
    close: () => missed > 0 && console.log(`the inspector missed ${missed} messages`),
  }).listen(8080);
} else {
  const reader = new RingReader(workerData.ring);
  // `reader.next()` would block the thread, and what it prints with it.
  while (await reader.nextAsync()) {
    if (reader.kind === TEXT) console.log(`text: ${reader.text()}`);
    else console.log(`binary: ${reader.length} bytes`);
  }
}
