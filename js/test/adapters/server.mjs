// A server of each adapter over TLS, with handlers that throw when they are told to; it also calls
// itself, when told to. For ../adapters.test.ts: `server.mjs ADAPTER NAME PORT FOLDER-OF-KEYS`.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

const [adapter, name, port, keys] = process.argv.slice(2);
const { connect, createServer, listen, serve } = await import(adapter);
const key = readFileSync(join(keys, "key.pem"), "utf8");
const cert = readFileSync(join(keys, "cert.pem"), "utf8");

/** The way in which a program goes on after an error of a handler. */
function reported(error) {
  console.log(`reported: ${error.message}`);
}
if (name === "deno") {
  for (const [type, what] of [["error", "error"], ["unhandledrejection", "reason"]]) {
    globalThis.addEventListener(type, (event) => {
      event.preventDefault();
      reported(event[what]);
    });
  }
} else {
  process.on("uncaughtException", reported);
  process.on("unhandledRejection", reported);
}

/** How each client is told whom to trust. */
const trusting = { node: { ca: cert }, deno: { caCerts: [cert] }, bun: { ca: cert } };

async function dial(url) {
  let answered;
  const answer = new Promise((resolve) => (answered = resolve));
  const ws = await connect(url, {
    tls: trusting[name],
    message(ws, data) {
      answered(data);
      ws.close();
    },
  });
  ws.send("to myself");
  return answer;
}

function unless(told, what) {
  if (told) throw new Error(what);
}

const options = {
  upgrade(upgrade, ws) {
    ws.data = upgrade.request.target;
    unless(ws.data === "/upgrade", "upgrade");
    if (ws.data === "/later") return Promise.reject(new Error("later"));
  },
  open: (ws) => unless(ws.data === "/open", "open"),
  async message(ws, data) {
    if (data === "dial") ws.send(await dial(`wss://localhost:${port}/`));
    else ws.send(data);
  },
  ping: () => unless(true, "ping"),
  close(ws, { sent }) {
    console.log(`closed: ${ws.data} ${sent}`);
    unless(ws.data === "/close", "close");
  },
};

const where = { hostname: "127.0.0.1", port: Number(port) };
if (name === "node") createServer({ ...options, tls: { key, cert } }).listen(where.port, where.hostname);
if (name === "deno") void serve(Deno.listenTls({ ...where, key, cert }), options);
if (name === "bun") listen({ ...options, ...where, tls: { key, cert } });
