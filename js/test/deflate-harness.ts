/** The code that tests of compression share: messages to compress, and zlib on the other side. */

import { Buffer } from "node:buffer";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";

import type { DeflateDirection } from "wscodec";
import { randomNumbers } from "./codec-harness.ts";

export type Package = typeof import("wscodec");

/** The builds that have the extension. */
export const builds: readonly [name: string, load: () => Promise<Package>][] = ["index", "zlib"].map(
  (name) => [name, () => load(name)],
);

/** An entry of the package; with a query it has a memory of its own. */
export function load(name: string, query = ""): Promise<Package> {
  return import(new URL(`../../pkg/dist/${name}.mjs${query}`, import.meta.url).href);
}

/** Every size of a window, with takeover and without. */
export function* directions(from = 8): Generator<Required<DeflateDirection>> {
  for (let windowBits = from; windowBits <= 15; windowBits++) {
    for (const contextTakeover of [true, false]) yield { windowBits, contextTakeover };
  }
}

/** Messages of all sorts and sizes. */
export function messages(seed = 1): Buffer[] {
  const random = randomNumbers(seed);
  const found: Buffer[] = [Buffer.from(""), Buffer.from("a")];
  for (const length of [63, 64, 100, 255, 1024, 3000, 20_000, 70_000]) {
    let json = "";
    while (json.length < length) {
      json += `{"id":${random() % 5000},"user":"user${random() % 300}","ok":${random() % 2 === 0}}`;
    }
    found.push(Buffer.from(json.slice(0, length)));
    found.push(Buffer.from("Grüße, 日本語 🦀 ".repeat(1 + length / 24)));
    found.push(Buffer.from(Array.from({ length }, () => random() & 0xff)));
    found.push(Buffer.alloc(length, random() & 0xff));
  }
  // The message is sent once more, so that it can refer back.
  return [...found, ...found.slice(2, 14)];
}

const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

/** zlib as a peer that compresses; a window of 8 bits it does not have. */
export class ZlibDeflate {
  #direction: Required<DeflateDirection>;
  #level: number;
  #history: Buffer = Buffer.alloc(0);

  constructor(direction: Required<DeflateDirection>, level = 6) {
    this.#direction = direction;
    this.#level = level;
  }

  message(data: Buffer): Buffer {
    const { windowBits, contextTakeover } = this.#direction;
    const coded = deflateRawSync(data, {
      windowBits,
      level: this.#level,
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(contextTakeover && this.#history.length > 0 && { dictionary: this.#history }),
    });
    this.#history = Buffer.concat([this.#history, data]).subarray(-(1 << windowBits));
    return coded.length === 0 ? Buffer.from([0]) : coded.subarray(0, -TAIL.length);
  }
}

/** zlib as a peer that inflates with the window agreed on, in the smallest steps it takes. */
export function zlibInflate(payloads: readonly Uint8Array[], direction: DeflateDirection): Buffer {
  const { windowBits = 15, contextTakeover = true } = direction;
  const options = { windowBits, chunkSize: 64, finishFlush: constants.Z_SYNC_FLUSH };
  const ended = payloads.map((payload) => Buffer.concat([payload, TAIL]));
  if (contextTakeover) return inflateRawSync(Buffer.concat(ended), options);
  return Buffer.concat(ended.map((payload) => inflateRawSync(payload, options)));
}
