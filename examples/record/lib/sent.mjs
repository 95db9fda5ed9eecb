// A list of what was sent, and its comparison with what the oracle read in the bytes.

import { createHash } from "node:crypto";

import { bytesOf } from "./data.mjs";

const CLOSE = 8;
const PING = 9;
const PONG = 10;

const sha1 = (bytes) => createHash("sha1").update(bytes).digest("hex");

/** What one side sent, in order. */
export class Sent {
  messages = [];
  pings = [];
  pongs = [];
  /** Undefined: no Close frame; otherwise its `{code, reason}`, or `{}` if it is empty. */
  close = undefined;
  /** How the bytes end if not with a Close frame: "cut" or "eof". */
  end = undefined;

  /**
   * Adds a message. `compressed` and `fragments` are compared only if they are given:
   * some peers choose by themselves.
   */
  message(data, { compressed, fragments } = {}) {
    const kind = typeof data === "string" ? "text" : "binary";
    const bytes = bytesOf(data);
    this.messages.push({ kind, length: bytes.length, sha1: sha1(bytes), compressed, fragments });
  }
}

function compare(what, told, wanted) {
  const left = JSON.stringify(told);
  const right = JSON.stringify(wanted);
  if (left !== right) throw new Error(`${what}: the oracle read ${left}, sent was ${right}`);
}

/** Throws unless the oracle's `told` of a direction is what `sent` says. */
export function compareSent(dir, told, sent) {
  compare(`${dir}: number of messages`, told.messages.length, sent.messages.length);
  sent.messages.forEach((wanted, at) => {
    const read = told.messages[at];
    const content = {
      kind: read.kind,
      length: read.compressed ? read.inflatedLength : read.length,
      sha1: read.compressed ? read.inflatedSha1 : read.sha1,
      compressed: wanted.compressed === undefined ? undefined : read.compressed,
      fragments: wanted.fragments === undefined ? undefined : read.fragments,
    };
    compare(`${dir}: message ${at}`, content, wanted);
  });

  const control = (opcode) => told.frames.filter((frame) => frame.opcode === opcode);
  const payloads = (opcode) => control(opcode).map((frame) => frame.sha1);
  compare(`${dir}: pings`, payloads(PING), sent.pings.map(sha1));
  // An answer to a ping and a pong of one's own may overtake each other.
  compare(`${dir}: pongs`, payloads(PONG).sort(), sent.pongs.map(sha1).sort());

  const closes = control(CLOSE).map(({ closeCode: code, closeReason: reason }) => ({ code, reason }));
  const wanted = sent.close && { code: sent.close.code, reason: sent.close.reason };
  compare(`${dir}: close`, closes, wanted ? [wanted] : []);
  compare(`${dir}: end`, told.end?.what, sent.end);
}
