// On a page: what one thread decodes is read by another where it lies, told of through a ring.

import { MessageEncoder, memory, MessageDecoder } from "wscodec/shared";
import { createRing, RingWriter } from "wscodec/ring";

const ring = createRing(4096);
const writer = new RingWriter(ring);
const worker = new Worker("thread.mjs", { type: "module" });
worker.postMessage({ memory, ring });

const payload = Uint8Array.from({ length: 40_000 }, (_, i) => i * 7);
const frame = new MessageEncoder({ role: "client" }).binary(payload).text("Grüße").take();
const decoder = new MessageDecoder({ role: "server" });
decoder.push(frame);
while (decoder.next()) {
  const { byteOffset, length } = decoder.bytes();
  await writer.writeAsync(Uint32Array.of(byteOffset, length));
}
writer.end();
const read = await writer.flushedAsync(30_000);
worker.onmessage = ({ data: { sums, shared } }) => {
  const expected = [payload, new TextEncoder().encode("Grüße")].map((bytes) =>
    bytes.reduce((sum, byte) => sum + byte, 0),
  );
  const ok = read && shared && String(sums) === String(expected);
  const error = ok ? undefined : `read ${read}, shared ${shared}, sums ${sums}, not ${expected}`;
  const body = JSON.stringify({ ok, tried: { "memory and ring": true }, error });
  void fetch("/result", { method: "POST", body });
};
worker.postMessage("what did you read?");
