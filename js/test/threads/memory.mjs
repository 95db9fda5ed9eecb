// The other thread of shared.test.ts: reads payloads where they were decoded.

import { parentPort, workerData } from "node:worker_threads";

const { memory } = workerData;

parentPort.on("message", ({ address, length }) => {
  const payload = new Uint8Array(memory.buffer, address, length);
  const sum = payload.reduce((sum, byte) => sum + byte, 0);
  // This write only shows that the memory is no copy: only the module should write there.
  payload[0] = 0xaa;
  parentPort.postMessage({ sum, same: payload[0] === 0xaa });
});
