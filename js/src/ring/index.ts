/**
 * A ring over a `SharedArrayBuffer`: records of bytes from one thread to another,
 * with backpressure. One thread writes, one reads.
 *
 * ```js
 * // where the sockets are
 * const ring = createRing(2 ** 20);
 * const worker = new Worker(new URL("inspect.mjs", import.meta.url), { workerData: ring });
 * const writer = new RingWriter(ring);
 * decoder.push(chunk);
 * while (decoder.next()) writer.write(decoder.bytes(), decoder.opcode);
 *
 * // in the worker
 * const reader = new RingReader(workerData);
 * while (reader.next()) inspect(reader.kind, reader.bytes());
 * ```
 *
 * It is plain JavaScript, without the WebAssembly module.
 *
 * @module
 */

/// <reference lib="esnext.disposable" />

export { createRing, RingError } from "./layout.ts";
export { RingReader } from "./reader.ts";
export { RingWriter } from "./writer.ts";
