// Decoding. Each row is checked once, by the hash of all it found, before it is timed.

import { Stream, Tally } from "./streams.mjs";
import { undici, websocketDriver, ws, wscodec, wsWithBufferutil } from "./peers.mjs";

const fail = (error) => {
  throw error;
};

/** Rows of ws; text as strings if asked for. */
function wsRow(name, { Receiver }, { isServer = true, strings = false } = {}) {
  return [
    name,
    (chunks, tally) => {
      const receiver = new Receiver({ isServer });
      receiver.on(
        "message",
        strings
          ? (data, binary) => tally.take(!binary, binary ? data : data.toString())
          : (data, binary) => tally.take(!binary, data),
      );
      receiver.on("ping", () => {});
      receiver.on("error", fail);
      for (const chunk of chunks) receiver.write(chunk);
    },
  ];
}

/** undici's parser, as its WebSocket uses it: text becomes strings. */
function undiciRow(name) {
  return [
    name,
    (chunks, tally) => {
      const parser = new undici.ByteParser(
        {
          readyState: 1,
          closeState: new Set(),
          socket: { writableNeedDrain: false, write() {} },
          onMessage(opcode, data) {
            if (opcode === 1) tally.take(true, undici.utf8Decode(data));
            else tally.take(false, data);
          },
          onPing() {},
          onPong() {},
          onParserError: fail,
        },
        null,
      );
      parser.on("error", fail);
      for (const chunk of chunks) parser.write(chunk);
    },
  ];
}

/** websocket-driver: text becomes strings. */
function driverRow(name, requireMasking) {
  return [
    name,
    (chunks, tally) => {
      const driver = websocketDriver({ requireMasking });
      driver.on("message", ({ data }) => tally.take(typeof data === "string", data));
      driver.on("error", fail);
      for (const chunk of chunks) driver.parse(chunk);
    },
  ];
}

/** The walk alone; nothing is made of what was found. */
function cursorRow(name, role = "server") {
  return [
    name,
    (chunks, tally) => {
      const decoder = new wscodec.MessageDecoder({ role });
      const { checking } = tally;
      for (const chunk of chunks) {
        decoder.push(chunk);
        while (decoder.next()) {
          if (decoder.opcode > 2) continue;
          if (checking) tally.take(decoder.opcode === 1, decoder.bytes());
          else tally.note(decoder.length);
        }
      }
      decoder.free();
    },
  ];
}

function viewsRow(name, role = "server") {
  return [
    name,
    (chunks, tally) => {
      const decoder = new wscodec.MessageDecoder({ role });
      for (const chunk of chunks) {
        decoder.push(chunk);
        while (decoder.next()) {
          const { opcode } = decoder;
          if (opcode <= 2) tally.take(opcode === 1, decoder.bytes());
        }
      }
      decoder.free();
    },
  ];
}

function copiesRow(name) {
  return [
    name,
    (chunks, tally) => {
      const decoder = new wscodec.MessageDecoder({ role: "server" });
      for (const chunk of chunks) {
        decoder.push(chunk);
        while (decoder.next()) {
          const { opcode } = decoder;
          if (opcode <= 2) tally.take(opcode === 1, decoder.copy());
        }
      }
      decoder.free();
    },
  ];
}

/** Text as strings, binary lent. */
function stringsRow(name, role = "server") {
  return [
    name,
    (chunks, tally) => {
      const decoder = new wscodec.MessageDecoder({ role });
      for (const chunk of chunks) {
        decoder.push(chunk);
        while (decoder.next()) {
          const { opcode } = decoder;
          if (opcode === 1) tally.take(true, decoder.text());
          else if (opcode === 2) tally.take(false, decoder.bytes());
        }
      }
      decoder.free();
    },
  ];
}

const TEXTS = ["chat", "text1k", "text1k-1%", "frag", "fragsmall"];

const bytes = () => [
  cursorRow("wscodec, cursor"),
  viewsRow("wscodec, lent views"),
  copiesRow("wscodec, copies"),
  wsRow("ws with bufferutil", wsWithBufferutil),
  wsRow("ws", ws),
];

/** Tables: what is measured on which workloads. */
export const suites = {
  "decode, payloads as bytes, 64 KiB a push": {
    base: "wscodec, lent views",
    workloads: ["bin32", "bin16k", "bin1m", ...TEXTS],
    rows: bytes,
  },
  "decode, text as strings, 64 KiB a push": {
    base: "wscodec, text()",
    workloads: TEXTS,
    rows: () => [
      stringsRow("wscodec, text()"),
      wsRow("ws with bufferutil, toString()", wsWithBufferutil, { strings: true }),
      wsRow("ws, toString()", ws, { strings: true }),
      driverRow("websocket-driver", true),
    ],
  },
  "decode, payloads as bytes, one frame a push": {
    base: "wscodec, lent views",
    workloads: ["bin32", "chat", "text1k", "text1k-1%", "bin16k"],
    cut: { single: true },
    rows: bytes,
  },
  "decode what a server sends, text as strings": {
    base: "wscodec, text() and views",
    workloads: ["bin32", "bin16k", "chat", "text1k-1%", "fragsmall"],
    cut: { masked: false },
    rows: () => [
      cursorRow("wscodec, cursor", "client"),
      stringsRow("wscodec, text() and views", "client"),
      wsRow("ws", ws, { isServer: false, strings: true }),
      undiciRow("undici"),
      driverRow("websocket-driver", false),
    ],
  },
};

/** The row at this place, checked. */
export function row(suite, place, folder, workload) {
  const stream = new Stream(folder, workload, suite.cut);
  const [name, decode] = suite.rows()[place];
  const pass = (checking) => (chunks) => {
    const tally = new Tally(checking);
    decode(chunks, tally);
    tally.compare(name, stream.expected);
  };
  pass(true)(stream.chunks());
  const ops = stream.expected.messages;
  return { name, ops, prepare: () => stream.chunks(), run: pass(false) };
}
