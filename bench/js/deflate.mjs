// permessage-deflate with takeover at level 6: JSON of 100 bytes, 1 KiB and 64 KiB, beside ws and
// beside zlib itself, driven without an event loop; and what a peer's byte can cost, by blocks that
// hold nothing. Each row's output is inflated by zlib, or compared with what went in, before it is timed.

import { constants, createDeflateRaw, createInflateRaw, inflateRawSync } from "node:zlib";

import { require, wscodec } from "./peers.mjs";

const zlibBuild = await import("../../pkg/dist/zlib.mjs");
const wsFolder = require.resolve("ws/package.json").replace(/package\.json$/, "lib/");
const PerMessageDeflate = require(`${wsFolder}permessage-deflate.js`);

const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const SIZES = { "100 B": 100, "1 KiB": 1024, "64 KiB": 65_536 };
/** Bytes of all messages, or as many messages as are too few. */
const VOLUME = 2 ** 20;
const FEWEST = 16;
const TURNS = 8;

const WORDS = "the a room user message online away typing joined left deploy build failed passed " +
  "please review merge thanks later today tomorrow server client socket frame window context";

/** Chat events as JSON, cut to a length; always the same. */
function messages(length) {
  let state = 1;
  const random = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const words = WORDS.split(" ");
  const text = () => Array.from({ length: 3 + random(9) }, () => words[random(words.length)]);
  const event = () =>
    JSON.stringify({
      type: "message",
      id: random(1e6),
      room: `room-${random(40)}`,
      from: `user${random(500)}`,
      at: 1.7e12 + random(1e9),
      text: text().join(" "),
    });
  return Array.from({ length: Math.max(FEWEST, Math.floor(VOLUME / length)) }, () => {
    let json = event();
    while (json.length < length) json += `,${event()}`;
    return Buffer.from(json.slice(0, length));
  });
}

/** zlib's handle, called synchronously: takeover, and no turn of the event loop. */
function handle(stream, room) {
  const { _handle: handle, _writeState: state } = stream;
  const out = Buffer.allocUnsafe(room);
  return (input) => {
    let at = 0;
    let length = input.length;
    let written = 0;
    for (;;) {
      handle.writeSync(constants.Z_SYNC_FLUSH, input, at, length, out, written, room - written);
      const [left, rest] = state;
      written = room - left;
      at += length - rest;
      length = rest;
      if (left > 0) return out.subarray(0, written);
      throw new Error("the room is too small");
    }
  };
}

/** What zlib makes of messages: payloads as they are sent. */
function byZlib(list) {
  const deflate = handle(createDeflateRaw({ level: 6 }), 2 * list[0].length + 1024);
  return list.map((message) => Buffer.from(deflate(message).subarray(0, -TAIL.length)));
}

function checkInflated(name, payloads, list) {
  const inflated = inflateRawSync(Buffer.concat(payloads.flatMap((part) => [part, TAIL])), {
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  if (!inflated.equals(Buffer.concat(list))) throw new Error(`${name} compressed wrongly`);
}

/** Frames of a server's stream without their headers. */
function payloadsOf(frames) {
  const decoder = new wscodec.MessageDecoder({ role: "client", rsv: 4 });
  const found = [];
  for (const frame of frames) {
    for (const message of decoder.push(frame)) found.push(Buffer.from(message.data));
  }
  decoder.free();
  return found;
}

/** Connections that take turns and share an engine: each message is preceded by another's past. */
function inTurn({ MessageDecoder, MessageEncoder }) {
  return (list) => {
    const deflate = { threshold: 0 };
    const encoders = Array.from({ length: TURNS }, () => new MessageEncoder({ role: "server", deflate }));
    const run = (out) => {
      for (const [i, message] of list.entries()) out(encoders[i % TURNS].binary(message).take());
    };
    const decoders = encoders.map(() => new MessageDecoder({ role: "client", deflate }));
    const frames = [];
    run((frame) => frames.push(frame));
    for (const [i, frame] of frames.entries()) {
      const [{ data: message }] = [...decoders[i % TURNS].push(frame)];
      if (!list[i].equals(message)) throw new Error("connections in turn compressed wrongly");
    }
    for (const decoder of decoders) decoder.free();
    return { payloads: payloadsOf(frames), run, checked: true };
  };
}

function compressRows() {
  const ours = (name, { MessageEncoder }, options) => [
    name,
    (list) => {
      const encoder = new MessageEncoder({ role: "server", deflate: { threshold: 0, ...options } });
      const run = (out) => {
        for (const message of list) out(encoder.binary(message).take());
      };
      const frames = [];
      run((frame) => frames.push(frame));
      return { payloads: payloadsOf(frames), run };
    },
  ];
  return [
    ours("wscodec", wscodec),
    ours("wscodec, an engine of its own", wscodec, { dedicated: true }),
    ["wscodec, 8 connections in turn", inTurn(wscodec)],
    ours("wscodec/zlib", zlibBuild),
    ["wscodec/zlib, 8 connections in turn", inTurn(zlibBuild)],
    [
      "ws",
      async (list) => {
        const zlibDeflateOptions = { level: 6 };
        const pmd = new PerMessageDeflate({ threshold: 0, isServer: true, zlibDeflateOptions });
        pmd.accept([{}]);
        const compress = (message) =>
          new Promise((resolve, reject) => {
            pmd.compress(message, true, (error, data) => (error ? reject(error) : resolve(data)));
          });
        const run = async (out) => {
          for (const message of list) out(await compress(message));
        };
        const payloads = [];
        await run((payload) => payloads.push(payload));
        return { payloads, run };
      },
    ],
    [
      "node:zlib, synchronously",
      (list) => {
        const deflate = handle(createDeflateRaw({ level: 6 }), 2 * list[0].length + 1024);
        const run = (out) => {
          for (const message of list) out(deflate(message).slice());
        };
        const payloads = [];
        run((payload) => payloads.push(Buffer.from(payload.subarray(0, -TAIL.length))));
        return { payloads, run };
      },
    ],
  ];
}

function inflateRows() {
  const ours = (name, { MessageDecoder, MessageEncoder }, options) => [
    name,
    (payloads) => {
      const encoder = new MessageEncoder({ role: "server" });
      const frames = payloads.map((data) => encoder.frame({ opcode: 2, rsv: 4 }, data).take());
      encoder.free();
      const decoder = new MessageDecoder({ role: "client", deflate: { ...options } });
      return (out) => {
        for (const frame of frames) {
          decoder.push(frame);
          while (decoder.next()) out(decoder.bytes());
        }
      };
    },
  ];
  return [
    ours("wscodec", wscodec),
    ours("wscodec, an engine of its own", wscodec, { dedicated: true }),
    ours("wscodec/zlib", zlibBuild),
    [
      "ws",
      (payloads) => {
        const pmd = new PerMessageDeflate({ isServer: false });
        pmd.accept([{}]);
        const decompress = (data) =>
          new Promise((resolve, reject) => {
            pmd.decompress(data, true, (error, message) => {
              if (error) reject(error);
              else resolve(message);
            });
          });
        return async (out) => {
          for (const payload of payloads) out(await decompress(payload));
        };
      },
    ],
    [
      "node:zlib, synchronously",
      (payloads, list) => {
        const inflate = handle(createInflateRaw(), list[0].length + 1024);
        const ended = payloads.map((payload) => Buffer.concat([payload, TAIL]));
        return (out) => {
          for (const payload of ended) out(inflate(payload));
        };
      },
    ],
  ];
}

/** A stream of bits, the first of them the lowest of the first byte. */
class BitWriter {
  bytes = [];
  #held = 0;
  #count = 0;

  /** Appends the lowest `count` bits, up to 16 of them. */
  put(bits, count) {
    this.#held |= bits << this.#count;
    this.#count += count;
    for (; this.#count >= 8; this.#count -= 8) {
      this.bytes.push(this.#held & 0xff);
      this.#held >>>= 8;
    }
  }

  /** Appends an empty stored block, which ends at a byte (RFC 1951 §3.2.4). */
  stored() {
    this.put(0, 3);
    if (this.#count > 0) this.put(0, 8 - this.#count);
    for (const byte of TAIL) this.put(byte, 8);
  }
}

/** Blocks without a byte of data: stored, of the fixed code (10 bits), with a code of their own (92). */
const EMPTY = {
  stored: (out) => out.stored(),
  fixed(out) {
    // BTYPE 1, and the end of the block, which has seven bits.
    out.put(2, 3);
    out.put(0, 7);
  },
  dynamic(out) {
    // BTYPE 2; 257 codes of literals, 1 of distances, 18 of lengths (RFC 1951 §3.2.7).
    out.put(4, 3);
    out.put(0, 5);
    out.put(0, 5);
    out.put(18 - 4, 4);
    // The lengths of the codes of lengths come in a fixed order, in which 18 is the third, 0 the fourth
    // and 1 the last of these.
    for (let i = 0; i < 18; i++) out.put({ 2: 1, 3: 2, 17: 2 }[i] ?? 0, 3);
    // 138 and 118 zeros by the code 0 (of 18); then 1 by the code 11; then 0 by the code 10.
    for (const zeros of [138, 118]) {
      out.put(0, 1);
      out.put(zeros - 11, 7);
    }
    out.put(3, 2);
    out.put(1, 2);
    // The end of the block, the only code.
    out.put(0, 1);
  },
};

/** A message of 64 KiB of such blocks that inflates to a single byte. */
function emptyBlocks(kind) {
  const out = new BitWriter();
  while (out.bytes.length < 65_536) EMPTY[kind](out);
  out.stored();
  const [end] = byZlib([Buffer.from("x")]);
  return Buffer.concat([Buffer.from(out.bytes), end]);
}

const workloads = Object.keys(SIZES);

/** Tables: what is measured on which workloads. */
export const suites = {
  "compress, level 6, takeover": { base: "wscodec", workloads, rows: compressRows },
  "inflate, takeover": { base: "wscodec", workloads, rows: inflateRows, inflates: true },
  "inflate 64 KiB of empty blocks, for each byte": {
    base: "wscodec",
    workloads: Object.keys(EMPTY),
    rows: inflateRows,
    empty: true,
  },
};

/** The row at this place, checked. */
export async function row(suite, place, _, workload) {
  const list = suite.empty ? [Buffer.from("x")] : messages(SIZES[workload]);
  const [name, make] = suite.rows()[place];
  // A few of what came stay alive for a while, as in a program.
  const last = new Array(64).fill(null);
  let count = 0;
  const out = (bytes) => {
    last[count++ & 63] = bytes;
  };
  if (suite.inflates || suite.empty) {
    // Each pass begins with a message that refers to nothing, so passes may follow each other.
    const payloads = suite.empty ? [emptyBlocks(workload)] : byZlib(list);
    const inflate = make(payloads, list);
    const found = [];
    await inflate((bytes) => found.push(Buffer.from(bytes)));
    if (!Buffer.concat(found).equals(Buffer.concat(list))) throw new Error(`${name} is wrong`);
    return { name, ops: suite.empty ? payloads[0].length : list.length, run: () => inflate(out) };
  }
  const { payloads, run, checked } = await make(list);
  if (!checked) checkInflated(name, payloads, list);
  return { name, ops: list.length, run: () => run(out) };
}

/** What compressed messages come to, each row's beside zlib's. */
export async function sizes() {
  const rows = compressRows().map(([name]) => ({ name, cells: [] }));
  for (const length of Object.values(SIZES)) {
    const list = messages(length);
    for (const [place, [, make]] of compressRows().entries()) {
      const { payloads } = await make(list);
      const sum = payloads.reduce((sum, { length }) => sum + length, 0);
      const median = Number((sum / list.length).toPrecision(4));
      rows[place].cells.push({ median });
    }
  }
  const title = "size of compressed messages, level 6, takeover";
  return { title, unit: "bytes", base: "node:zlib, synchronously", columns: workloads, rows };
}
