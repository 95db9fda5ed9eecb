// Clients of one adapter against servers of the test. For ../adapter-clients.test.ts:
// `clients.mjs ADAPTER NAME PLACES`, where PLACES is JSON. It prints a JSON line for each case.

import { readFileSync } from "node:fs";
import process from "node:process";

const [adapter, name, json] = process.argv.slice(2);
const { connect } = await import(adapter);
const places = JSON.parse(json);

function say(line) {
  console.log(JSON.stringify(line));
}

/** How each runtime is told whom to trust. */
const trusting = (file) => {
  const text = readFileSync(new URL(file, import.meta.url), "utf8");
  return name === "deno" ? { caCerts: [text] } : { ca: text };
};

/** The code or the message of an error. */
const told = (error) => String(error?.code ?? error?.message ?? error);

async function attempt(label, url, options = {}) {
  try {
    const ws = await connect(url, { handshakeTimeout: 3000, ...options });
    say({ case: label, connected: true });
    ws.terminate();
  } catch (error) {
    say({ case: label, failed: told(error), name: error?.name });
  }
}

// A server that greets: the variable is assigned when the greeting is handed out.
{
  let ws;
  const events = [];
  const ended = new Promise((resolve) => {
    const dial = async () => {
      const deeper = async () => connect(places.greets, {
        open: () => events.push("open"),
        message: (_, data) => events.push(`${data} ${ws !== undefined}`),
        close: (_, { code }) => {
          events.push(`close ${code} ${ws !== undefined}`);
          resolve();
        },
      });
      return deeper();
    };
    void dial().then((it) => {
      ws = it;
      events.push("connected");
    });
  });
  await ended;
  say({ case: "greets", events });
}

await attempt("silent", places.silent, { handshakeTimeout: 200 });
await attempt("nobody", places.nobody);
await attempt("not a URL", "no URL");
await attempt("another scheme", "ftp://127.0.0.1/");

const secret = { headers: { Authorization: "secret" } };
await attempt("untrusted", places.localhost, secret);
await attempt("untrusted, asked for", places.localhost, { ...secret, tls: { rejectUnauthorized: true } });
await attempt("no options", places.localhost, { ...secret, tls: {} });
await attempt("another name", places.other, { ...secret, tls: trusting("other-cert.pem") });
say({ case: "asked for nothing more" });
await attempt("trusted", places.localhost, { ...secret, tls: trusting("cert.pem") });
if (name !== "deno") {
  await attempt("unverified", places.other, { ...secret, tls: { rejectUnauthorized: false } });
}

const wrong = {
  maxMessage: "1M",
  maxMesage: 1,
  heartbeat: "30s",
  handshakeTimeout: Number.NaN,
  closeTimeout: Infinity,
  protocols: "chat",
  deflate: { level: 99 },
  headers: { a: 5 },
  message: "echo",
  tls: true,
  maskKey: 5,
  lend: "yes",
  autoPong: false,
  autoClose: false,
  upgrade: () => true,
};
for (const [option, value] of Object.entries(wrong)) {
  await attempt(`option ${option}`, places.nobody, { [option]: value });
}
say({ case: "done" });
process.exit(0);
