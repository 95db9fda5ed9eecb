// The package as it was built, and what it is measured beside.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";

export const require = createRequire(new URL("../../js/package.json", import.meta.url));
export const wscodec = await import("../../pkg/dist/index.mjs");

/** ws's own modules, loaded afresh, with bufferutil or without. */
function load(bufferutil) {
  for (const file of Object.keys(require.cache)) {
    if (/[\\/]node_modules[\\/]ws[\\/]/.test(file)) delete require.cache[file];
  }
  if (bufferutil) delete process.env.WS_NO_BUFFER_UTIL;
  else process.env.WS_NO_BUFFER_UTIL = "1";
  const folder = require.resolve("ws/package.json").replace(/package\.json$/, "lib/");
  return { Receiver: require(`${folder}receiver.js`), Sender: require(`${folder}sender.js`) };
}

export const ws = load(false);
// Throws where npm has no bufferutil for the platform, instead of measuring without.
require("bufferutil");
export const wsWithBufferutil = load(true);

const undiciFolder = require.resolve("undici/package.json").replace(/package\.json$/, "");
const internal = (name) => require(`${undiciFolder}lib/web/websocket/${name}.js`);
export const undici = {
  ByteParser: internal("receiver").ByteParser,
  FrameSend: internal("frame").WebsocketFrameSend,
  utf8Decode: internal("util").utf8Decode,
};

/** An open connection of websocket-driver. */
export function websocketDriver(options) {
  const Hybi = require("websocket-driver/lib/websocket/driver/hybi.js");
  const headers = {
    host: "localhost",
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
  };
  const driver = new Hybi({ method: "GET", headers }, "ws://localhost/", options);
  if (!driver.start()) throw new Error("websocket-driver refused its handshake");
  return driver;
}

function version(name) {
  return JSON.parse(readFileSync(require.resolve(`${name}/package.json`), "utf8")).version;
}

const { bun, deno, node } = process.versions;

export const versions = {
  ...(bun ? { bun } : deno ? { deno } : { node }),
  ws: version("ws"),
  bufferutil: version("bufferutil"),
  undici: version("undici"),
  "websocket-driver": version("websocket-driver"),
};
