// Encoding. What a row writes is read back and compared once, before it is timed.

import { Stream, Tally } from "./streams.mjs";
import { undici, websocketDriver, ws, wscodec, wsWithBufferutil } from "./peers.mjs";

const BATCH = 65536;

/** The messages of a workload: [text, payload], text as strings if asked for. */
function messages(folder, workload, strings) {
  const stream = new Stream(folder, workload, { masked: false });
  const decoder = new wscodec.MessageDecoder({ role: "client" });
  const tally = new Tally(true);
  const found = [];
  for (const chunk of stream.chunks()) {
    decoder.push(chunk);
    while (decoder.next()) {
      const text = decoder.opcode === 1;
      const data = text && strings ? decoder.text() : Buffer.from(decoder.copy());
      tally.take(text, data);
      found.push([text, data]);
    }
  }
  tally.compare("the decoder", stream.expected);
  return { list: found, expected: stream.expected };
}

/** ws's frames: a list of buffers, the payload by reference if it is not masked. */
function wsRow(name, { Sender }, mask) {
  return [
    name,
    (list, out) => {
      for (const [text, data] of list) {
        const own = typeof data === "string";
        const options = {
          fin: true,
          mask,
          opcode: text ? 1 : 2,
          readOnly: !own,
          rsv1: false,
        };
        for (const part of Sender.frame(own ? Buffer.from(data) : data, options)) out(part);
      }
    },
  ];
}

function undiciRow(name) {
  return [
    name,
    (list, out) => {
      for (const [text, data] of list) {
        if (typeof data === "string") {
          for (const part of undici.FrameSend.createFastTextFrame(Buffer.from(data))) out(part);
        } else {
          out(new undici.FrameSend(data).createFrame(text ? 1 : 2));
        }
      }
    },
  ];
}

/** websocket-driver, over the stream that it writes to. */
function driverRow(name, masking) {
  let out;
  const driver = websocketDriver({ masking });
  driver.io.on("data", (frame) => out(frame));
  return [
    name,
    (list, take) => {
      out = take;
      for (const [text, data] of list) {
        if (text) driver.text(data);
        else driver.binary(data);
      }
    },
  ];
}

/** Ours, taken after each message. */
function eachRow(name, role) {
  const encoder = new wscodec.MessageEncoder({ role });
  return [
    name,
    (list, out) => {
      for (const [text, data] of list) {
        if (text) encoder.text(data);
        else encoder.binary(data);
        out(encoder.take());
      }
    },
  ];
}

/** Ours, taken when there are 64 KiB, as after a read that brought many messages. */
function batchRow(name, role) {
  const encoder = new wscodec.MessageEncoder({ role });
  return [
    name,
    (list, out) => {
      for (const [text, data] of list) {
        if (text) encoder.text(data);
        else encoder.binary(data);
        if (encoder.length >= BATCH) out(encoder.take());
      }
      if (encoder.length > 0) out(encoder.take());
    },
  ];
}

/** Ours, for payloads that stay where they are. */
function headerRow(name) {
  return [
    name,
    (list, out) => {
      for (const [text, data] of list) {
        out(wscodec.frameHeader(text ? TEXT : BINARY, data.length));
        out(data);
      }
    },
  ];
}

const TEXT = { opcode: 1 };
const BINARY = { opcode: 2 };

const ours = (role) => [
  eachRow("wscodec, a take a message", role),
  batchRow("wscodec, a take each 64 KiB", role),
];
const unmasked = (strings) => [
  ...ours("server"),
  ...(strings ? [] : [headerRow("wscodec, a header alone")]),
  wsRow("ws", ws, false),
  driverRow("websocket-driver", false),
];
const masked = () => [
  ...ours("client"),
  wsRow("ws with bufferutil", wsWithBufferutil, true),
  wsRow("ws", ws, true),
  undiciRow("undici"),
  driverRow("websocket-driver", true),
];

const base = "wscodec, a take a message";
const ALL = ["bin32", "chat", "text1k", "text1k-1%", "bin16k", "bin1m"];
const TEXTS = ["chat", "text1k", "text1k-1%"];

/** Tables: what is measured on which workloads. */
export const suites = {
  "encode, unmasked (a server)": { base, workloads: ALL, role: "server", rows: unmasked },
  "encode, masked (a client)": { base, workloads: ALL, role: "client", rows: masked },
  "encode strings, unmasked": {
    base,
    workloads: TEXTS,
    role: "server",
    strings: true,
    rows: unmasked,
  },
  "encode strings, masked": {
    base,
    workloads: TEXTS,
    role: "client",
    strings: true,
    rows: masked,
  },
};

/** The row at this place, checked. */
export function row(suite, place, folder, workload) {
  const { list, expected } = messages(folder, workload, suite.strings);
  const [name, encode] = suite.rows(suite.strings)[place];
  const written = [];
  encode(list, (frames) => written.push(frames));
  const reader = suite.role === "server" ? "client" : "server";
  const decoder = new wscodec.MessageDecoder({ role: reader });
  const tally = new Tally(true);
  decoder.push(Buffer.concat(written));
  while (decoder.next()) {
    tally.take(decoder.opcode === 1, decoder.bytes());
  }
  decoder.free();
  tally.compare(name, expected);

  // A few of the frames stay alive for a while, as in a program.
  const last = new Array(64).fill(null);
  let count = 0;
  const out = (frames) => {
    last[count++ & 63] = frames;
  };
  return { name, ops: list.length, run: () => encode(list, out) };
}
