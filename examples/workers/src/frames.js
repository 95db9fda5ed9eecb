// Shows the frames that pass between this worker and the backend.

import { FrameDecoder } from "wscodec";

const NAMES = { 0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong" };
/** The end of a head of HTTP: CR LF CR LF. */
const END = [13, 10, 13, 10];

/** A stream that hands chunks on unchanged, and calls `show` for each frame behind the head of HTTP. */
function watched(role, show) {
  const decoder = new FrameDecoder({ role });
  let matched = 0; // bytes of END that have passed
  let broken = false;
  function read(bytes) {
    try {
      decoder.push(bytes);
      while (decoder.next()) {
        if (decoder.first) show(NAMES[decoder.opcode], decoder.length);
      }
    } catch {
      // The session reads the same bytes. It reports the error and closes the connection.
      broken = true;
    }
  }
  return new TransformStream({
    transform(chunk, controller) {
      let at = 0;
      while (matched < END.length && at < chunk.length) {
        const byte = chunk[at++];
        matched = byte === END[matched] ? matched + 1 : Number(byte === END[0]);
      }
      if (matched === END.length && !broken) read(chunk.subarray(at));
      controller.enqueue(chunk);
    },
  });
}

/** The same duplex. `show` gets the direction, the type and the length of each frame. */
export function showing(duplex, show) {
  const inward = watched("client", (type, length) => show("from backend", type, length));
  const outward = watched("server", (type, length) => show("to backend", type, length));
  // The session learns of errors of the socket by the streams.
  outward.readable.pipeTo(duplex.writable).catch(() => {});
  return {
    readable: duplex.readable.pipeThrough(inward),
    writable: outward.writable,
    close: () => duplex.close(),
  };
}
