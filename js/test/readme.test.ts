/** The JavaScript of the documents, run as it is written but for the port. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import WebSocket from "ws";

const root = new URL("../../", import.meta.url);

/** A block of JavaScript in a Markdown file, counted from 0. */
function example(file: string, index = 0): string {
  const text = readFileSync(new URL(file, root), "utf8");
  const block = [...text.matchAll(/^```js\n(.*?)^```$/gms)][index]?.[1];
  assert.ok(block, `${file} has that block of JavaScript`);
  return block;
}

/** Runs an example and gives what it calls `name`. */
async function run<T>(source: string, name: string): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "wscodec-readme-"));
  try {
    const path = join(folder, "example.mjs");
    const built = source.replace(/"wscodec(?:\/(\w+))?"/g, (_, entry: string = "index") =>
      JSON.stringify(new URL(`pkg/dist/${entry}.mjs`, root).href),
    );
    const named = `${built}\nexport { ${name} };\n`;
    writeFileSync(path, named);
    const module = (await import(pathToFileURL(path).href)) as Record<string, T>;
    return module[name] as T;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const file of ["README.md", "docs/sans-io.md", "docs/coming-from-ws.md"]) {
  test(`the server of ${file} echoes what a client sends`, { timeout: 20_000 }, () => echoes(file));
}

async function echoes(file: string): Promise<void> {
  const source = example(file);
  assert.match(source, /server\.listen\(8080,/);
  const server = await run<Server>(source.replace("listen(8080,", "listen(0,"), "server");
  if (!server.listening) await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  const client = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false });
  const received: [string, boolean][] = [];
  client.on("message", (data, binary) => received.push([data.toString(), binary]));
  await once(client, "open");
  client.send("Grüße 🦀");
  client.send(Buffer.from("bytes"));
  client.send("x".repeat(100_000));
  client.ping("there?");
  const [pong] = (await once(client, "pong")) as [Buffer];
  assert.equal(pong.toString(), "there?");
  assert.deepEqual(received, [
    ["Grüße 🦀", false],
    ["bytes", true],
    ["x".repeat(100_000), false],
  ]);
  client.close(1000);
  const [code] = (await once(client, "close")) as [number];
  assert.equal(code, 1000);

  const vandal = connect(port, "127.0.0.1");
  vandal.write("POST / HTTP/1.1\r\nHost: a\r\n\r\n");
  const [answer] = (await once(vandal, "data")) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 405 /);
  vandal.destroy();

  server.close();
  await once(server, "close");
}

test("the package's README connects and serves", { timeout: 20_000 }, async () => {
  const server = await run<Server>(example("pkg/README.md", 0), "server");
  await once(server, "close");
});

test("the package's README has a session", async () => {
  const source = example("pkg/README.md", 1);
  const events = await run<string[]>(source, "events");
  assert.deepEqual(events, ["text", "ping", "close", "pong", "close"]);
  assert.equal(await run(source, "clean"), true);
});

test("the messages of docs/sans-io.md are compressed", async () => {
  const sizes = await run<[number, number][]>(example("docs/sans-io.md", 1), "sizes");
  const inflated = JSON.stringify({ type: "message", from: "Chloé", id: 0 }).length + 1;
  assert.equal(sizes.length, 3);
  for (const [i, [wire, length]] of sizes.entries()) {
    assert.equal(length, inflated);
    assert.ok(wire < (i === 0 ? inflated + 10 : 16), `${wire} bytes`);
  }
});

test("the package's README agrees on compression", async () => {
  const source = example("pkg/README.md", 4);
  assert.equal(
    await run(source, "header"),
    "permessage-deflate; client_no_context_takeover; client_max_window_bits=12",
  );
  assert.deepEqual(await run(source, "agreed"), {
    send: { windowBits: 12, contextTakeover: false },
    receive: { windowBits: 15, contextTakeover: true },
    level: 6,
    threshold: 64,
    dedicated: false,
    historyBits: 12,
  });
});

test("the package's README reads what it writes", async () => {
  const received = await run<(chunk: Uint8Array) => string[]>(
    example("pkg/README.md", 2),
    "received",
  );
  const source = example("pkg/README.md", 3);
  const bytes = await run<Uint8Array>(source, "bytes");
  assert.deepEqual(received(bytes), ["Grüße", "3 bytes", "ping"]);
  const into = await run<Uint8Array>(source, "into");
  const length = await run<number>(source, "length");
  assert.deepEqual(received(into.slice(0, length)), ["a fragment", "a fragment, checked"]);
});
