// Servers of one adapter, one for each case, on ports of their own. For ../adapter-cases.test.ts:
// `cases.mjs ADAPTER NAME`. It prints JSON lines: where each case listens, and what happens.

import { Buffer } from "node:buffer";
import process from "node:process";
import { runInNewContext } from "node:vm";

const [adapter, name] = process.argv.slice(2);
const { createServer, listen, serve, shutdown } = await import(adapter);

function say(line) {
  console.log(JSON.stringify(line));
}

/** The errors that the program's handlers and verdicts caused. None is to be an unhandled rejection. */
function reported(error, type) {
  say({ reported: String(error?.message ?? error), ...(type === "error" ? {} : { type }) });
}
if (name === "deno") {
  for (const [type, what] of [["error", "error"], ["unhandledrejection", "reason"]]) {
    globalThis.addEventListener(type, (event) => {
      event.preventDefault();
      reported(event[what], type);
    });
  }
} else {
  process.on("uncaughtException", (error) => reported(error, "error"));
  process.on("unhandledRejection", (error) => reported(error, "unhandledrejection"));
}

const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time));

/** The process does nothing else for that long. */
function block(time) {
  const end = performance.now() + time;
  while (performance.now() < end);
}

/** Handlers that tell of a connection's beginning and end. */
const telling = (name, more = {}) => ({
  ...more,
  open(ws) {
    say({ case: name, open: true });
    more.open?.(ws);
  },
  close(ws, { code, sent, clean, error }) {
    say({ case: name, close: code, sent, clean, error: error?.code });
    return more.close?.(ws);
  },
});

/** Makes a promise of a value in another way than `Promise.resolve`. */
const thenable = (value) => ({ then: (done) => void setTimeout(done, 5, value) });

const verdicts = {
  "/nothing": () => undefined,
  "/true": () => true,
  "/record": () => ({ "X-Case": "record" }),
  "/headers": () => new Headers({ "X-Case": "headers" }),
  "/map": () => new Map([["X-Case", "map"]]),
  "/pairs": async () => [["X-Case", "pairs"]],
  "/false": () => false,
  "/404": () => thenable(404),
  "/thenable": () => thenable(false),
  "/foreign": () => runInNewContext("Promise.resolve(false)"),
  "/function": () => Object.assign(() => {}, thenable(false)),
  "/nested": async () => thenable(thenable(false)),
  "/response": () => new Response("no", { status: 403 }),
  "/empty": () => ({}),
  "/error": () => new Error("no"),
  "/status": () => ({ status: 403 }),
  "/instance": () => new (class Answer { status = "403"; })(),
  "/null": () => null,
  "/string": () => "no",
  "/nostring": () => "",
  "/zero": () => 0,
  "/200": () => 200,
  "/101": () => 101,
  "/600": () => 600,
  "/nan": () => Number.NaN,
  "/half": () => 403.5,
  "/bigint": () => 403n,
  "/symbol": () => Symbol("no"),
  "/set": () => new Set(["no"]),
  "/buffer": () => Buffer.from("no"),
  "/crlf": () => ({ "X-Case": "a\r\nSet-Cookie: b" }),
  "/name": () => ({ "X Case": "a" }),
  "/word": () => ({ error: "no" }),
  "/bytes": () => Buffer.alloc(0),
  "/reserved": () => ({ "Sec-WebSocket-Accept": "a" }),
  "/number": () => ({ "X-Case": 5 }),
  "/reject": async () => { throw new Error("reject"); },
  "/throw": () => { throw new Error("throw"); },
  "/getter": () => ({ get then() { throw new Error("getter"); } }),
};

const cases = {
  echo: telling("echo", { message: (ws, data) => ws.send(data) }),
  verdict: { upgrade: (upgrade) => verdicts[upgrade.request.target]() },
  throws: telling("throws", {
    deflate: false,
    closeTimeout: 2000,
    message(ws, data) {
      say({ case: "throws", message: data });
      if (data === "throw") throw new Error("thrown");
      if (data === "never") ws.terminate();
    },
  }),
  later: telling("later", {
    deflate: false,
    async message(ws, data) {
      await sleep(data === "one" ? 20 : 0);
      throw new Error(`later: ${data}`);
    },
    async close() {
      throw new Error("later: close");
    },
  }),
  filled: telling("filled", {
    deflate: false,
    message(ws) {
      const each = new Uint8Array(1 << 20);
      for (let i = 0; i < 250; i++) ws.send(each);
    },
  }),
  slow: telling("slow", { handshakeTimeout: 300, upgrade: () => new Promise(() => {}) }),
  auth: telling("auth", {
    async upgrade() {
      say({ case: "auth", asked: true });
      await sleep(300);
    },
  }),
  drain: telling("drain", {
    deflate: false,
    open(ws) {
      ws.data = { left: 120, falses: 0, turns: 0 };
      this.drain(ws);
    },
    drain(ws) {
      const { data } = ws;
      data.turns++;
      while (data.left > 0) {
        data.left--;
        if (!ws.send(new Uint8Array(1 << 20).fill(data.left))) {
          data.falses++;
          break;
        }
      }
      if (data.left === 0 && !data.done) {
        data.done = true;
        say({ case: "drain", falses: data.falses, turns: data.turns });
        ws.close(1000);
      }
    },
  }),
  full: telling("full", {
    deflate: false,
    open(ws) {
      const each = new Uint8Array(1 << 20);
      let sent = 0;
      while (ws.state === "open" && sent < 250) {
        ws.send(each);
        sent++;
      }
      say({ case: "full", sent });
    },
  }),
  memory: telling("memory", {
    deflate: false,
    maxMemory: 24 << 20,
    message: (ws, data) => ws.send(new Uint8Array(Number(data) << 20)),
  }),
  closing: telling("closing", {
    deflate: false,
    closeTimeout: 1500,
    open(ws) {
      ws.send(new Uint8Array(48 << 20));
      ws.close(1000, "done");
    },
  }),
  beating: telling("beating", {
    deflate: false,
    heartbeat: 300,
    pongTimeout: 1500,
    open: (ws) => ws.send(new Uint8Array(48 << 20)),
  }),
  pausing: telling("pausing", {
    heartbeat: 150,
    pongTimeout: 150,
    message(ws, data) {
      ws.pause();
      setTimeout(() => {
        ws.resume();
        ws.send(data);
      }, 1500);
    },
  }),
  stopped: telling("stopped", { handshakeTimeout: 400, heartbeat: 200, pongTimeout: 400 }),
  busy: telling("busy", {
    heartbeat: 150,
    pongTimeout: 150,
    message(ws, data) {
      block(1200);
      ws.send(data);
    },
  }),
  late: telling("late", {
    deflate: false,
    message(ws, data) {
      say({ case: "late", message: data });
      if (data !== "go") return;
      // The peer's last message, its close frame and its reset arrive meanwhile.
      block(700);
      ws.send(new Uint8Array(1 << 20));
      ws.flush();
      ws.send("more");
    },
  }),
  half: telling("half", {
    autoClose: false,
    deflate: false,
    peerClose(ws, code, reason) {
      say({ case: "half", peerClose: code, reason });
      ws.send("one more");
      ws.close(4001);
    },
  }),
  terminate: telling("terminate", { message: (ws) => ws.terminate() }),
  timeout: telling("timeout", { handshakeTimeout: 200 }),
  grace: telling("grace", {
    async message(ws, data) {
      await sleep(300);
      ws.send(data);
    },
    upgrade: (upgrade) => (upgrade.request.target === "/wait" ? sleep(60_000) : undefined),
  }),
};

const hostname = "127.0.0.1";
for (const [label, options] of Object.entries(cases)) {
  let server;
  let port;
  if (name === "node") {
    server = createServer(options);
    server.listen(0, hostname);
    await new Promise((resolve) => server.once("listening", resolve));
    ({ port } = server.address());
  } else if (name === "deno") {
    server = Deno.listen({ hostname, port: 0 });
    ({ port } = server.addr);
    void serve(server, options);
  } else {
    server = listen({ ...options, hostname, port: 0 });
    ({ port } = server);
  }
  if (label === "grace") {
    process.on("SIGUSR2", () => {
      say({ case: "grace", ending: true });
      shutdown(server, { grace: 3000 }).then(() => say({ case: "grace", ended: true }));
    });
  }
  say({ listening: label, port });
}
say({ ready: true });
