// The streams that the program in Rust has written, and what is in them.

import { readFileSync } from "node:fs";
import { join } from "node:path";

const CHUNK = 65536;

/** What a row found: counted when it is timed, summed up when it is checked. */
export class Tally {
  messages = 0;
  length = 0;
  bytes = 0;
  hash = 0x811c9dc5;
  #checking;
  /** A few of what came stay alive for a while, as in a program. */
  #last = new Array(64).fill(null);

  constructor(checking) {
    this.#checking = checking;
  }

  get checking() {
    return this.#checking;
  }

  /** Takes bytes or a string. */
  take(text, data) {
    this.length += data.length;
    this.#last[this.messages++ & 63] = data;
    if (this.#checking) this.#sum(text, data);
  }

  /** Takes note of a message that nobody asked to see. */
  note(length) {
    this.messages++;
    this.length += length;
  }

  /** FNV-1a over kinds and payloads, as in Rust. */
  #sum(text, data) {
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    this.bytes += bytes.length;
    let hash = Math.imul(this.hash ^ (text ? 1 : 2), 0x01000193);
    for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
    this.hash = hash >>> 0;
  }

  /** Throws unless everything was found. */
  compare(name, expected) {
    for (const what of this.#checking ? ["messages", "bytes", "hash"] : ["messages"]) {
      if (this[what] !== expected[what]) {
        throw new Error(`${name} found ${this[what]} as ${what}, not ${expected[what]}`);
      }
    }
  }
}

/** A workload: its stream, masked or not, cut as asked for. */
export class Stream {
  #bytes;
  #ends = [];

  constructor(folder, name, { masked = true, single = false } = {}) {
    this.#bytes = readFileSync(join(folder, `${name}.${masked ? "masked" : "unmasked"}`));
    this.expected = JSON.parse(readFileSync(join(folder, "index.json"), "utf8"))[name];
    if (single) {
      const lengths = readFileSync(join(folder, `${name}.frames`));
      let end = 0;
      for (let at = 0; at < lengths.length; at += 4) {
        end += lengths.readUInt32LE(at);
        this.#ends.push(end);
      }
    } else {
      for (let end = CHUNK; end < this.#bytes.length; end += CHUNK) this.#ends.push(end);
      this.#ends.push(this.#bytes.length);
    }
  }

  /** The chunks, in memory of their own: ws unmasks in place. */
  chunks() {
    const bytes = Buffer.allocUnsafeSlow(this.#bytes.length);
    this.#bytes.copy(bytes);
    let from = 0;
    return this.#ends.map((end) => {
      const chunk = bytes.subarray(from, end);
      from = end;
      return chunk;
    });
  }
}
