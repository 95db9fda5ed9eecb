/** Every option of the adapters is checked when it is given. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { type AddressInfo, type Server, Socket } from "node:net";
import { test } from "node:test";

import { accept, connect, createServer, shutdown } from "wscodec/node";

/** Values of options that are wrong, whatever the entry point. */
const WRONG: Record<string, unknown[]> = {
  maxMessage: ["1M", -1, 0.5, Number.NaN, null, 10n, Infinity],
  maxFrame: ["64", -1, null],
  maxFragments: [2 ** 32, "5"],
  maxInflation: ["5"],
  maxHead: ["16k", 2 ** 31],
  maxHeaders: [129, "1"],
  maxBuffered: ["16M", -1, Number.NaN, Infinity],
  maxMemory: ["1G", -1],
  handshakeTimeout: ["10s", -1, Number.NaN, Infinity, null],
  closeTimeout: ["10s", -1, Number.NaN, Infinity, null],
  heartbeat: ["30s", -1, Number.NaN, Infinity, true],
  pongTimeout: ["30s", Number.NaN],
  idle: ["30s", Number.NaN, {}],
  backlog: ["16k", -1],
  autoPong: ["yes", 1, null, 0, "false"],
  autoClose: ["yes", 1, null],
  lend: ["yes", 1],
  pauseReadingWhenFull: ["yes", 1],
  protocols: ["chat", ["a b"], [""], ["a", "a"], [5], new Set(["chat"])],
  deflate: [true, "on", 6, null, { level: 99 }, { levle: 6 }, { send: { windowBits: 7 } }, { receive: 15 },
    { send: { contextTakeover: "yes" } }, { threshold: "1K" }, { dedicated: 1 }, { historyBits: 16 }],
  message: ["echo", null, {}],
  open: [true],
  close: ["log"],
  drain: [5],
  piece: [{}],
  ping: [1],
  pong: [1],
  peerClose: [1],
  tls: [true, "on"],
};

const SERVER: Record<string, unknown[]> = {
  origin: ["https://a.example", "same host", ["a.example"], ["https://a.example/"], ["*"], true, null, [5]],
  allowedHosts: ["a.example", [5], [""], true],
  upgrade: [false, {}],
  fastAccept: ["yes", 1],
};

const CLIENT: Record<string, unknown[]> = {
  origin: [["https://a.example"], 5],
  headers: ["a: b", { a: 5 }, [["a"]], [["a", "b", "c"]], new Error("no"), 5],
  host: [5],
  key: [5],
  maskKey: [5, "random"],
  socket: [5, "socket"],
};

/** Misspelt names, and those of other entry points. */
const UNKNOWN = ["maxMesage", "heartBeat", "onmessage", "maxPayload", "perMessageDeflate", "path", "pieces", "role", "constructor", "toString"];

function named(name: string): (error: unknown) => boolean {
  return (error) => {
    const { name: kind, message } = error as Error;
    assert.match(kind, /^(Type|Range)Error$/);
    assert.ok(message.includes(name), `"${message}" does not name ${name}`);
    return true;
  };
}

test("createServer checks its options", () => {
  for (const [name, values] of Object.entries({ ...WRONG, ...SERVER })) {
    for (const value of values) {
      assert.throws(() => createServer({ [name]: value }), named(name), `${name}: ${String(value)}`);
    }
    // The option is not given.
    createServer({ [name]: undefined });
  }
  for (const name of [...UNKNOWN, "headers", "socket"]) {
    assert.throws(() => createServer({ [name]: undefined, [name]: 1 } as object), named(name));
  }
  for (const options of [null, 5, "echo", []]) {
    assert.throws(() => createServer(options as unknown as object), TypeError);
  }
  assert.throws(() => createServer({ fastAccept: true, tls: {} }), named("fastAccept"));
  assert.throws(() => createServer({ maxmessage: 1 } as object), /did you mean "maxMessage"/);
});

test("a handler that would have to answer is needed", () => {
  assert.throws(() => createServer({ autoPong: false }), named("autoPong"));
  assert.throws(() => createServer({ autoClose: false }), named("autoClose"));
  createServer({ autoPong: false, ping: (ws, data) => void ws.pong(data) });
  createServer({ autoClose: false, peerClose: (ws) => ws.close() });
});

test("connect checks its options, and its promise fails", async () => {
  for (const [name, values] of Object.entries({ ...WRONG, ...CLIENT })) {
    for (const value of values) {
      const told = `${name}: ${String(value)}`;
      await assert.rejects(connect("ws://127.0.0.1:1/", { [name]: value }), named(name), told);
    }
  }
  for (const name of [...UNKNOWN, "upgrade", "fastAccept", "allowedHosts"]) {
    await assert.rejects(connect("ws://127.0.0.1:1/", { [name]: 1 } as object), named(name));
  }
});

test("accept checks its options before it looks at the request", () => {
  const request = { method: "GET", url: "/", headers: {} } as IncomingMessage;
  for (const [name, values] of Object.entries({ ...WRONG, ...SERVER })) {
    for (const value of values) {
      const socket = new Socket();
      assert.throws(() => accept(request, socket, new Uint8Array(0), { [name]: value }), named(name));
      assert.equal(socket.bytesWritten, 0);
      socket.destroy();
    }
  }
});

test("good options are accepted", () => {
  for (const options of [
    {},
    { maxMessage: 0, maxBuffered: 0, heartbeat: 30_000, idle: 0.5, protocols: ["chat", "v2.chat"] },
    { origin: "any" as const, deflate: false as const },
    { origin: ["https://a.example", "http://localhost:8080", "null"], deflate: { level: 1, send: {} } },
    { allowedHosts: ["a.example"] },
    { fastAccept: true },
  ]) {
    createServer(options);
    createServer(Object.assign(Object.create(null) as object, options));
  }
  createHttpServer().close();
});

test("a higher limit of the message is enough", async () => {
  const maxMessage = 66 * 2 ** 20;
  const limits = { maxMessage, deflate: false, maxBuffered: 2 * maxMessage } as const;
  const server = createServer({ ...limits, message: (ws, data) => void ws.send(String(data.length)) });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const answer = await new Promise<unknown>((resolve, reject) => {
      const ended = (code: number): void => reject(new Error(`closed with ${code}`));
      const connecting = connect(`ws://127.0.0.1:${port}/`, {
        ...limits,
        message: (ws, data) => (resolve(data), ws.close()),
        close: (_, { code }) => ended(code),
      });
      connecting.then((ws) => ws.send(new Uint8Array(maxMessage)), reject);
    });
    assert.equal(answer, String(maxMessage));
  } finally {
    server.close();
  }
});

async function listening(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test("options that have changed since are read again", async () => {
  const options: { maxMessage?: unknown } = {};
  createServer(options as object);
  options.maxMessage = "1M";
  assert.throws(() => createServer(options as object), named("maxMessage"));

  const asked: (string | undefined)[] = [];
  const server = createServer({ upgrade: ({ request }) => void asked.push(request.header("authorization")) });
  const url = await listening(server);
  const client = { headers: { Authorization: "one" } };
  (await connect(url, client)).close();
  client.headers = { Authorization: "two" };
  (await connect(url, client)).close();
  await shutdown(server);
  assert.deepEqual(asked, ["one", "two"]);
});

test("the end of a server is not the end of another with the same options", async () => {
  const options = { message: () => {} };
  const servers = [createServer(options), createServer(options)] as const;
  const urls = [await listening(servers[0]), await listening(servers[1])] as const;
  let closed = false;
  const client = await connect(urls[1], { close: () => void (closed = true) });
  await shutdown(servers[0]);
  assert.equal(closed, false);
  (await connect(urls[1])).close();
  client.close();
  await shutdown(servers[1]);
  const again = createServer(options);
  (await connect(await listening(again))).close();
  await shutdown(again);
});
