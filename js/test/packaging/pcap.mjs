// Makes captures of WebSocket connections, as large as a test needs.

import { createHash } from "node:crypto";

const ACCEPT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** Bytes of the headers in front of a segment's data: of the packet, Ethernet, IPv4 and TCP. */
const RECORD = 16;
const HEADERS = 14 + 20 + 20;

/** A frame; a client's is masked by this key. */
export function frame(first, payload, key) {
  const body = Buffer.from(payload);
  const { length } = body;
  const long = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const bytes = Buffer.alloc(2 + long + (key ? 4 : 0) + length);
  bytes[0] = first;
  bytes[1] = (key ? 0x80 : 0) | (long === 0 ? length : long === 2 ? 126 : 127);
  if (long === 2) bytes.writeUInt16BE(length, 2);
  if (long === 8) bytes.writeBigUInt64BE(BigInt(length), 2);
  let at = 2 + long;
  if (key) {
    bytes.writeUInt32BE(key >>> 0, at);
    at += 4;
    for (let i = 0; i < length; i++) body[i] ^= bytes[at - 4 + (i & 3)];
  }
  body.copy(bytes, at);
  return bytes;
}

/** Writes packets of TCP connections into one buffer. */
export class Pcap {
  #bytes;
  #at = 24;
  #connections = 0;

  constructor(capacity = 1 << 20) {
    this.#bytes = Buffer.alloc(capacity);
    const head = [0xa1b23c4d, 0x00040002, 0, 0, 65535, 1];
    head.forEach((word, i) => this.#bytes.writeUInt32LE(word, 4 * i));
  }

  get length() {
    return this.#at;
  }

  /** A connection with its handshake; `time` is in seconds. */
  connection(time, { host = "example.com", path = "/chat", headers = "", answer = "" } = {}) {
    const number = this.#connections++;
    const connection = { port: 40000 + number, next: [1000, 5000], server: 10 + (number % 5) };
    this.packet(connection, 0, time, Buffer.alloc(0), 0x02);
    this.packet(connection, 1, time + 0.0002, Buffer.alloc(0), 0x12);
    const key = Buffer.from(`key of connection${number}`.slice(0, 16).padEnd(16)).toString("base64");
    const accept = createHash("sha1").update(key + ACCEPT).digest("base64");
    this.packet(connection, 0, time + 0.0005, Buffer.from(
      `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n${headers}\r\n`,
    ));
    this.packet(connection, 1, time + 0.002, Buffer.from(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${accept}\r\n${answer}\r\n`,
    ));
    return connection;
  }

  /** A segment of the client (side 0) or the server (side 1). */
  packet(connection, side, time, data, flags = 0x18) {
    const at = this.#at;
    const length = HEADERS + data.length;
    if (at + RECORD + length > this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(Math.max(this.#bytes.length, length + RECORD))]);
    }
    const bytes = this.#bytes;
    const whole = Math.floor(time);
    bytes.writeUInt32LE(1_700_000_000 + whole, at);
    bytes.writeUInt32LE(Math.round((time - whole) * 1e9), at + 4);
    bytes.writeUInt32LE(length, at + 8);
    bytes.writeUInt32LE(length, at + 12);
    let to = at + RECORD + 12;
    bytes.writeUInt16BE(0x0800, to);
    to += 2;
    bytes[to] = 0x45;
    bytes.writeUInt16BE(length - 14, to + 2);
    bytes[to + 8] = 64;
    bytes[to + 9] = 6;
    const addresses = [0x0a000001, 0x0a000000 + connection.server];
    bytes.writeUInt32BE(addresses[side], to + 12);
    bytes.writeUInt32BE(addresses[1 - side], to + 16);
    to += 20;
    const ports = [connection.port, 80];
    bytes.writeUInt16BE(ports[side], to);
    bytes.writeUInt16BE(ports[1 - side], to + 2);
    bytes.writeUInt32BE(connection.next[side] >>> 0, to + 4);
    bytes.writeUInt32BE(connection.next[1 - side] >>> 0, to + 8);
    bytes[to + 12] = 0x50;
    bytes[to + 13] = flags;
    bytes.writeUInt16BE(65535, to + 14);
    data.copy(bytes, to + 20);
    connection.next[side] += data.length + ((flags & 3) === 0 ? 0 : 1);
    this.#at = at + RECORD + length;
  }

  bytes() {
    return this.#bytes.subarray(0, this.#at);
  }
}

/** A capture with so many frames of one connection, one in each packet. */
export function manyFrames(frames, payload) {
  const pcap = new Pcap(frames * (RECORD + HEADERS + payload + 12) + 4096);
  const connection = pcap.connection(0);
  for (let i = 0; i < frames; i++) {
    const text = `{"n":${i},"v":"`.padEnd(payload - 2, "abcdefghij") + '"}';
    const side = i % 3 === 0 ? 0 : 1;
    pcap.packet(connection, side, 0.01 + i * 1e-4, frame(0x81, text, side === 0 ? 0x37fa213d + i : undefined));
  }
  return pcap.bytes();
}

/** A capture with several connections, all kinds of frames, and frames that break rules. */
export function sample() {
  const pcap = new Pcap();
  const chat = pcap.connection(0, { headers: "Sec-WebSocket-Protocol: chat.v2\r\n", answer: "Sec-WebSocket-Protocol: chat.v2\r\n" });
  const feed = pcap.connection(0.4, { host: "feed.example.org", path: "/prices?symbols=all" });
  const names = ["ada", "grace", "alan", "edsger"];
  let time = 0.01;
  for (let i = 0; i < 120; i++) {
    time += 0.02 + 0.3 * Math.abs(Math.sin(i / 7)) ** 8;
    const request = {
      id: i, method: "say", params: { user: names[i % 4], room: "lobby", text: `message number ${i}`, tags: ["a", "b"] },
    };
    pcap.packet(chat, 0, time, frame(0x81, JSON.stringify(request), 0x1234567 + 7919 * i));
    const result = { id: i, result: { ok: true, at: time, seen: names.slice(0, i % 4), nothing: null, big: 12345678901234567n.toString() } };
    pcap.packet(chat, 1, time + 0.004, frame(0x81, JSON.stringify(result)));
    const price = Buffer.alloc(24);
    price.writeDoubleBE(100 + Math.sin(i) * 3, 0);
    price.writeUInt32BE(i, 8);
    pcap.packet(feed, 1, time + 0.01, frame(0x82, price));
    if (i % 20 === 5) {
      pcap.packet(chat, 1, time + 0.011, frame(0x89, `beat ${i}`));
      pcap.packet(chat, 0, time + 0.012, frame(0x8a, `beat ${i}`, 0x55667788 + i));
    }
    if (i === 60) pcap.packet(feed, 0, time + 0.013, frame(0x81, '{"subscribe":["EUR","USD"]}'));
    if (i === 80) pcap.packet(feed, 1, time + 0.014, frame(0x81, Buffer.from([0x61, 0xff, 0xfe, 0x62])));
  }
  pcap.packet(chat, 1, time + 0.1, frame(0x01, "a message in "));
  pcap.packet(chat, 1, time + 0.11, frame(0x80, "two frames"));
  pcap.packet(chat, 0, time + 0.2, frame(0x88, Buffer.concat([Buffer.from([0x03, 0xe8]), Buffer.from("good bye")]), 0x99aabbcc));
  pcap.packet(chat, 1, time + 0.21, frame(0x88, Buffer.from([0x03, 0xe8])));
  pcap.packet(chat, 1, time + 0.22, Buffer.alloc(0), 0x11);
  pcap.packet(chat, 0, time + 0.23, Buffer.alloc(0), 0x11);
  return pcap.bytes();
}
