// Deterministic, realistic payloads. Runs in Node, Deno, Bun and the browser alike.

const encoder = new TextEncoder();

const NAMES = ["Ana", "Björn", "Chloé", "Dmitrij", "李雷", "Νίκη", "Øyvind", "さくら"];
const WORDS = [
  "the", "socket", "opened", "again", "after", "lunch", "please", "check", "übrigens",
  "déjà", "vu", "naïve", "Straße", "сервер", "работает", "你好", "世界", "ありがとう",
  "مرحبا", "👍", "👩‍💻", "🎉", "ok", "build", "is", "green", "who", "broke", "it", "see",
];

/** A generator of numbers in 0 … limit-1 (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** Bytes without any pattern: they do not compress. */
export function noise(seed, length) {
  const next = random(seed);
  return Uint8Array.from({ length }, () => next(256));
}

/** Records as a sensor sends them (counter, value, flags): binary that compresses. */
export function samples(seed, length) {
  const next = random(seed);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  for (let at = 0, count = 0; at + 12 <= length; at += 12, count += 1) {
    view.setUint32(at, count);
    view.setFloat32(at + 4, 20 + next(400) / 100);
    view.setUint32(at + 8, next(4));
  }
  return bytes;
}

/** A sentence of `count` words from many scripts. */
export function sentence(next, count) {
  return Array.from({ length: count }, () => WORDS[next(WORDS.length)]).join(" ");
}

/** Text of exactly `length` UTF-8 bytes, full of characters of two to four bytes. */
export function prose(seed, length) {
  const next = random(seed);
  let text = "";
  let size = 0;
  for (;;) {
    const word = `${WORDS[next(WORDS.length)]} `;
    const wordSize = encoder.encode(word).length;
    if (size + wordSize > length) break;
    text += word;
    size += wordSize;
  }
  return text + ".".repeat(length - size);
}

/** One message of a chat, as JSON. */
export function chat(seed, id, words = 6) {
  const next = random(seed * 100_003 + id);
  return JSON.stringify({
    type: "message",
    id,
    room: `room-${next(8)}`,
    from: NAMES[next(NAMES.length)],
    at: 1_700_000_000_000 + id * 1000 + next(1000),
    text: sentence(next, 1 + next(words)),
    seen: next(2) === 1,
  });
}

/** A short answer to `chat`, as JSON. */
export function receipt(id) {
  return JSON.stringify({ type: "ack", id, ok: true });
}

/** The bytes of a message: text as UTF-8. */
export function bytesOf(message) {
  return typeof message === "string" ? encoder.encode(message) : message;
}

/** Whether two messages are of the same kind and content. */
export function same(left, right) {
  if (typeof left !== typeof right) return false;
  if (typeof left === "string") return left === right;
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
