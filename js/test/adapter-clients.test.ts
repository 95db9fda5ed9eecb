/** The clients of the adapters of all runtimes: what they send to whom, and when. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { fileURLToPath } from "node:url";

import { acceptKey } from "wscodec";

import { bun, deno, driver, node } from "./runtimes.ts";

const limit = { timeout: 60_000 };

interface Line {
  readonly case: string;
  readonly connected?: boolean;
  readonly failed?: string;
  readonly name?: string;
  readonly events?: string[];
}

const read = (name: string): Buffer => readFileSync(new URL(`adapters/${name}`, import.meta.url));

/** Grants every request, and sends this behind the answer in the same write. */
function granting(more: string): (socket: Socket) => void {
  return (socket) => {
    let head = "";
    socket.on("error", () => {});
    socket.on("data", (data) => {
      if (head.includes("\r\n\r\n")) return;
      head += data.toString("latin1");
      const key = /Sec-WebSocket-Key: (.*)\r\n/i.exec(head)?.[1];
      if (!head.includes("\r\n\r\n") || key === undefined) return;
      const answer =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${acceptKey(key)}\r\n\r\n${more}`;
      socket.write(Buffer.from(answer, "latin1"));
      if (more !== "") socket.end();
    });
  };
}

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

for (const [name, find] of [["node", node], ["deno", deno], ["bun", bun]] as const) {
  test(`${name}: clients`, limit, async (t) => {
    const runtime = driver(find);
    if ("skip" in runtime) return t.skip(runtime.skip);
    const sockets: Socket[] = [];
    /** The bytes that clients sent in the clear, and inside TLS. */
    const clear: string[] = [];
    const inside: string[] = [];
    const greets = createServer(granting("\x81\x05hello\x81\x05again\x88\x02\x03\xe8"));
    const silent = createServer((socket) => socket.on("error", () => {}).resume());
    const secured = (key: string, cert: string): Server => {
      const grant = granting("");
      const server = createTlsServer({ key: read(key), cert: read(cert) }, (socket) => {
        socket.on("data", (data) => inside.push(data.toString("latin1")));
        grant(socket);
      });
      server.on("tlsClientError", () => {});
      server.on("connection", (socket) => {
        socket.on("error", () => {});
        socket.once("data", (data: Buffer) => clear.push(data.toString("latin1")));
      });
      return server;
    };
    const localhost = secured("key.pem", "cert.pem");
    const other = secured("other-key.pem", "other-cert.pem");
    const servers = [greets, silent, localhost, other];
    for (const server of servers) server.on("connection", (socket) => sockets.push(socket));
    const ports = [];
    for (const server of servers) ports.push(await listening(server));
    const places = {
      greets: `ws://127.0.0.1:${ports[0]}/`,
      silent: `ws://127.0.0.1:${ports[1]}/`,
      localhost: `wss://localhost:${ports[2]}/`,
      other: `wss://localhost:${ports[3]}/`,
      nobody: "ws://127.0.0.1:1/",
    };
    const adapter = new URL(`../../pkg/dist/${name}.mjs`, import.meta.url).href;
    const script = fileURLToPath(new URL("adapters/clients.mjs", import.meta.url));
    const [program, ...args] = runtime.command as [string, ...string[]];
    const child = spawn(program, [...args, script, adapter, name, JSON.stringify(places)], {
      env: { ...process.env, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = new Map<string, Line>();
    try {
      for await (const text of createInterface({ input: child.stdout })) {
        const line = JSON.parse(text) as Line;
        lines.set(line.case, line);
        if (line.case === "asked for nothing more") {
          assert.deepEqual(inside, [], "nothing is sent before the certificate was verified");
          for (const first of clear) assert.equal(first.charCodeAt(0), 22, "it begins with TLS");
        }
        if (line.case === "trusted") {
          assert.match(inside.join(""), /Authorization: secret/i);
        }
      }
    } finally {
      child.kill("SIGKILL");
      for (const socket of sockets) socket.destroy();
      for (const server of servers) server.close();
    }
    assert.ok(lines.has("done"), "it came to its end");
    assert.deepEqual(lines.get("greets")?.events, [
      "open", "connected", "hello true", "again true", "close 1000 true",
    ]);
    assert.equal(lines.get("silent")?.failed, "HANDSHAKE_TOO_SLOW");
    for (const label of ["nobody", "untrusted", "untrusted, asked for", "no options", "another name"]) {
      assert.notEqual(lines.get(label)?.failed, undefined, label);
      assert.notEqual(lines.get(label)?.failed, "HANDSHAKE_TOO_SLOW", label);
    }
    for (const label of ["not a URL", "another scheme"]) {
      assert.equal(lines.get(label)?.name, "TypeError", label);
    }
    assert.ok(lines.get("trusted")?.connected);
    if (name !== "deno") assert.ok(lines.get("unverified")?.connected);
    for (const [label, line] of lines) {
      const option = /^option (\w+)$/.exec(label)?.[1];
      if (option === undefined) continue;
      assert.match(line.name ?? "", /^(Type|Range)Error$/, label);
      assert.match(line.failed ?? "", new RegExp(option), label);
    }
  });
}
