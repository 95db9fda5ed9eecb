// What is said, and the web's WebSocket saying it. Runs in Node, Deno, Bun and browsers alike.

const LINE = "größer – 世界 👍 and the same again, number ";

/** Text of many lines, about a MiB, that compresses. */
export function longText() {
  const lines = [];
  for (let count = 0, size = 0; size < 1_000_000; count += 1) {
    lines.push(`${LINE}${count % 1000}\n`);
    size += 56;
  }
  return lines.join("");
}

/** Bytes without a pattern: they do not compress. */
export function noise(length) {
  let state = 7;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

export const MESSAGES = [
  "hello",
  "größer – 世界 👍",
  "",
  new Uint8Array(0),
  noise(125),
  noise(126),
  "x".repeat(65_536),
  longText(),
  noise(1 << 20),
];

export const PROTOCOLS = ["other", "chat"];
export const PROTOCOL = "chat";
export const CLOSE = { code: 4000, reason: "tschüß 👋" };
/** What a server that is stopped says. */
export const STOP = { code: 1001, reason: "the server stops" };

export function same(left, right) {
  if (typeof left === "string" || typeof right === "string") return left === right;
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}

function opened(WebSocket, url) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, PROTOCOLS);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => resolve(socket));
    socket.addEventListener("error", ({ message }) => reject(new Error(message ?? "it failed")));
  });
}

function closed(socket) {
  return new Promise((resolve) => socket.addEventListener("close", resolve));
}

function check({ code, reason, wasClean }, wanted) {
  const told = `closed with ${code} ${reason}, clean: ${wasClean}`;
  if (code !== wanted.code || reason !== wanted.reason || !wasClean) throw new Error(told);
}

/** Holds the conversation with an echo server; what the socket says of extensions. */
export async function talk(WebSocket, url) {
  const socket = await opened(WebSocket, url);
  if (socket.protocol !== PROTOCOL) throw new Error(`the protocol is ${socket.protocol}`);
  const end = closed(socket);
  const echoes = [];
  let heard = () => {};
  socket.addEventListener("message", ({ data }) => {
    echoes.push(typeof data === "string" ? data : new Uint8Array(data));
    heard();
  });
  end.then(() => heard());
  // All at once, so that answers and messages cross.
  MESSAGES.forEach((message) => socket.send(message));
  while (echoes.length < MESSAGES.length) {
    await new Promise((resolve) => (heard = resolve));
    if (socket.readyState > 1) break;
  }
  for (const [at, message] of MESSAGES.entries()) {
    if (echoes[at] === undefined || !same(echoes[at], message)) throw new Error(`message ${at} came as another`);
  }
  socket.close(CLOSE.code, CLOSE.reason);
  check(await end, CLOSE);
  return socket.extensions;
}

/** Connects, and waits for the server to stop; `ready` is called in between. */
export async function outlast(WebSocket, url, ready) {
  const socket = await opened(WebSocket, url);
  const end = closed(socket);
  ready();
  check(await end, STOP);
}
