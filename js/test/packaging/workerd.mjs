// A worker in workerd, asked once over loopback.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const LIMIT = 60_000;

/** A port that nobody listens on now. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Serves `worker.bundled.mjs` and the wasm modules beside it; gives the answer's text. */
export async function inWorkerd(workerd, folder, flags = []) {
  const port = await freePort();
  const wasm = readdirSync(folder).filter((name) => name.endsWith(".wasm"));
  if (wasm.length === 0) throw new Error("no wasm module was imported");
  const modules = [
    '(name = "worker", esModule = embed "worker.bundled.mjs")',
    ...wasm.map((name) => `(name = "${name}", wasm = embed "${name}")`),
  ];
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [${modules.join(", ")}],
  compatibilityDate = "2026-01-01",
  compatibilityFlags = ${JSON.stringify(flags)},
);
`;
  writeFileSync(join(folder, "config.capnp"), config);
  const server = spawn(workerd, ["serve", "config.capnp"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  server.stderr.on("data", (text) => (said += text));
  const ended = once(server, "exit");
  try {
    const until = Date.now() + LIMIT;
    for (;;) {
      if (server.exitCode !== null || Date.now() > until) throw new Error(`workerd: ${said}`);
      const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
      if (response?.ok) return await response.text();
      if (response) throw new Error(`workerd: ${await response.text()}\n${said}`);
      await sleep(50);
    }
  } finally {
    server.kill();
    await ended;
  }
}
