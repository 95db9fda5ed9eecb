/** The servers of examples/js, each in its runtime, against ws. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import WebSocket, { WebSocketServer } from "ws";

import {
  bun,
  deno,
  example,
  freePort,
  node,
  type Runtime,
  script,
  started,
  within,
  workerd,
} from "./runtimes.ts";

const limit = { timeout: 120_000 };
const dist = new URL("../../pkg/dist/", import.meta.url);

/** Talks to an echo server. */
async function talk(url: string, protocol?: string): Promise<void> {
  const client = new WebSocket(url, protocol === undefined ? [] : [protocol]);
  const seen: string[] = [];
  client.on("message", (data, binary) => seen.push(`${binary} ${(data as Buffer).length}`));
  await once(client, "open");
  assert.equal(client.protocol, protocol ?? "");
  client.send("Grüße 🦀");
  client.send(Buffer.alloc(200_000, "some bytes, not all the same "));
  client.send("last");
  while (seen.length < 3) await once(client, "message");
  assert.deepEqual(seen, ["false 12", "true 200000", "false 4"]);
  client.close(4000, "bye");
  const [code] = (await once(client, "close")) as [number];
  assert.equal(code, 4000);
}

const servers: readonly [string, () => Runtime, path?: string, protocol?: string][] = [
  ["node.mjs", node],
  ["node-http.mjs", node, "chat", "chat"],
  ["deno.mjs", deno],
  ["bun.mjs", bun],
];

for (const [name, find, path = "", protocol] of servers) {
  test(`${name} echoes`, limit, async (t) => {
    const runtime = find();
    if ("skip" in runtime) return t.skip(runtime.skip);
    await within(async (folder) => {
      const port = await freePort();
      const file = script(folder, name, example(name, port));
      const said = await started([...runtime.command, file], folder, port, () =>
        talk(`ws://127.0.0.1:${port}/${path}`, protocol),
      );
      if (protocol === undefined) assert.match(said, /closed: 4000 bye/);
    });
  });
}

/** Serves a worker with the package's files beside it. */
async function inWorkerd(
  command: readonly string[],
  source: string,
  upstream: string,
  run: (port: number) => Promise<void>,
  date = "2026-01-01",
): Promise<void> {
  await within(async (folder) => {
    const port = await freePort();
    const files = ["workers.mjs", "workerd.mjs", "wscodec.wasm"];
    for (const name of files) {
      copyFileSync(fileURLToPath(new URL(name, dist)), join(folder, name));
    }
    writeFileSync(join(folder, "worker.mjs"), source);
    const modules = ["worker.mjs", ...files].map(
      (name) =>
        `(name = "${name}", ${name.endsWith(".wasm") ? "wasm" : "esModule"} = embed "${name}")`,
    );
    const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [${modules.join(", ")}],
  bindings = [(name = "UPSTREAM", text = "${upstream}")],
  compatibilityDate = "${date}",
);
`;
    writeFileSync(join(folder, "config.capnp"), config);
    await started([...command, "serve", "config.capnp"], folder, port, () => run(port));
  });
}

function worker(name: string): string {
  return example(name).replace(/"file:[^"]*\/workers\.mjs"/, '"./workers.mjs"');
}

test("worker.mjs echoes, closes and refuses", limit, async (t) => {
  const runtime = workerd();
  if ("skip" in runtime) return t.skip(runtime.skip);
  const talked = async (port: number) => {
    const ends: readonly [number | undefined, number, string][] = [
      [4001, 4001, "bye"],
      [undefined, 1005, ""],
    ];
    for (const [sent, code, reason] of ends) {
      const client = new WebSocket(`ws://127.0.0.1:${port}/`, ["chat"]);
      await once(client, "open");
      assert.equal(client.protocol, "chat");
      client.send("Grüße");
      const [data] = (await once(client, "message")) as [Buffer];
      assert.equal(data.toString(), "Grüße");
      client.close(sent, reason);
      const [...closed] = (await once(client, "close")) as [number, Buffer];
      assert.deepEqual([closed[0], closed[1].toString()], [code, reason]);
    }

    const plain = await fetch(`http://127.0.0.1:${port}/`);
    assert.equal(plain.status, 400);
    assert.match(await plain.text(), /Upgrade/);
    const foreign = new WebSocket(`ws://127.0.0.1:${port}/`, { origin: "https://other.example" });
    const [, response] = await once(foreign, "unexpected-response");
    assert.equal(response.statusCode, 403);
    foreign.on("error", () => {});
    foreign.terminate();
  };
  // From 2026-04-07 on the runtime answers close frames by itself.
  for (const date of ["2024-01-01", "2026-01-01", "2026-10-01"]) {
    await inWorkerd(runtime.command, worker("worker.mjs"), "", talked, date);
  }
});

test("worker-client.mjs asks a server, with its header", limit, async (t) => {
  const runtime = workerd();
  if ("skip" in runtime) return t.skip(runtime.skip);
  let authorization: string | undefined;
  const http = createServer();
  const upstream = new WebSocketServer({ server: http });
  upstream.on("connection", (socket, request) => {
    authorization = request.headers.authorization;
    socket.on("message", (data) => socket.send(`you said ${data}`));
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  try {
    const url = `ws://127.0.0.1:${port}/`;
    await inWorkerd(runtime.command, worker("worker-client.mjs"), url, async (port) => {
      const asked = { method: "POST", body: "hello" };
      const response = await fetch(`http://127.0.0.1:${port}/`, asked);
      assert.equal(await response.text(), "you said hello");
      assert.equal(authorization, "Bearer 1234");
    });
  } finally {
    upstream.close();
    http.closeAllConnections();
    http.close();
  }
});
