// The other thread: it has no module, and reads the memory of the one that does. It may block.

import { RingReader } from "./node_modules/wscodec/dist/ring.mjs";

const sums = [];
let shared;

onmessage = ({ data }) => {
  if (data === "what did you read?") return postMessage({ sums, shared });
  const reader = new RingReader(data.ring);
  shared = data.memory.buffer instanceof SharedArrayBuffer;
  while (reader.next(30_000)) {
    const [address, length] = new Uint32Array(reader.copy().buffer);
    const bytes = new Uint8Array(data.memory.buffer, address, length);
    sums.push(bytes.reduce((sum, byte) => sum + byte, 0));
  }
};
