// The opening handshake on a server's side: a request's head in, the answer out.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";

import { require, wscodec } from "./peers.mjs";

const { WebSocketServer } = require("ws");

const MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/** Handshakes before the event loop gets its turn, so that closed sockets go. */
const AT_ONCE = 64;

function check(name, answer) {
  const text = Buffer.from(answer).toString();
  if (!text.startsWith("HTTP/1.1 101 ") || !text.includes(ACCEPT)) {
    throw new Error(`${name} answered ${JSON.stringify(text)}`);
  }
}

/** A socket without a system below it. */
class Mock extends Duplex {
  _read() {}
  _write(chunk, _, done) {
    this.answer ??= chunk;
    done();
  }
  setTimeout() {}
  setNoDelay() {}
  setKeepAlive() {}
}

/** A row of `handle`, called with a fresh socket each time. */
function socketRow(name, ops, handle, answers) {
  const run = async () => {
    for (let i = 0; i < ops; i++) {
      const socket = new Mock();
      handle(socket);
      if (i % AT_ONCE === 0) {
        await turn();
        if (answers) check(name, socket.answer);
      }
    }
    await turn();
  };
  return { name, ops, run };
}

function plainRow(name, ops, answer) {
  if (!Buffer.from(answer()).toString().includes(ACCEPT)) throw new Error(`${name} is wrong`);
  let length = 0;
  const run = () => {
    for (let i = 0; i < ops; i++) length += answer().length;
    if (length === 0) throw new Error(`${name} wrote nothing`);
  };
  return { name, ops, run };
}

const NAMES = [
  "wscodec",
  "floor: SHA-1 of node:crypto",
  "the socket that ws is given",
  "ws, handleUpgrade after parsing",
  "http.Server and ws",
];

export const suites = {
  "handshake in Node, a server's side": {
    base: "wscodec",
    workloads: ["browser"],
    rows: () => NAMES,
  },
};

export function row(_, place, folder) {
  const head = readFileSync(join(folder, "handshake.txt"));
  const [first, ...lines] = head.toString().trimEnd().split("\r\n");
  const [method, url] = first.split(" ");
  const pairs = lines.map((line) => line.split(": "));
  const headers = Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]));

  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  server.on("upgrade", (request, socket, rest) =>
    sockets.handleUpgrade(request, socket, rest, (opened) => opened.terminate()),
  );
  const key = headers["sec-websocket-key"];
  const accept = () => createHash("sha1").update(key + MAGIC).digest("base64");

  const name = NAMES[place];
  return [
    () => plainRow(name, 20_000, () => wscodec.UpgradeRequest.parse(head).accept()),
    () => plainRow(name, 20_000, accept),
    () => socketRow(name, 2000, (socket) => socket.destroy(), false),
    () =>
      socketRow(
        name,
        2000,
        (socket) => {
          const rest = Buffer.alloc(0);
          sockets.handleUpgrade({ method, url, headers }, socket, rest, (opened) =>
            opened.terminate(),
          );
        },
        true,
      ),
    () =>
      socketRow(
        name,
        2000,
        (socket) => {
          server.emit("connection", socket);
          socket.push(head);
        },
        true,
      ),
  ][place]();
}
