/** The adapter for Deno over sockets and listeners of the test's own, in every runtime. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { MessageEncoder } from "wscodec";
import { accept, type DenoConn, serve } from "wscodec/deno";

const limit = { timeout: 30_000 };

const HEAD =
  "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

function failure(name: string): Error {
  return Object.assign(new Error(name), { name });
}

/** A socket that brings these chunks, then its end; `written` is what it was given. */
class Conn implements DenoConn {
  written = "";
  closed = false;
  /** Whether a write fails. */
  broken = false;
  readonly #chunks: Uint8Array[];
  #ended: (() => void) | undefined;
  readonly #stays: boolean;

  constructor(chunks: Uint8Array[], stays = false) {
    this.#chunks = chunks;
    this.#stays = stays;
  }

  async read(into: Uint8Array): Promise<number | null> {
    await new Promise((resolve) => setTimeout(resolve, 5));
    const chunk = this.#chunks.shift();
    if (chunk === undefined) {
      if (this.#stays && !this.closed) await new Promise<void>((resolve) => (this.#ended = resolve));
      if (this.closed) throw failure("BadResource");
      return null;
    }
    into.set(chunk);
    return chunk.length;
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (this.broken) throw failure("BrokenPipe");
    this.written += Buffer.from(bytes).toString("latin1");
    return bytes.length;
  }

  async closeWrite(): Promise<void> {}

  close(): void {
    this.closed = true;
    this.#ended?.();
  }
}

test("serve goes on after a connection could not be accepted", limit, async () => {
  const conn = new Conn([Buffer.from(HEAD), new MessageEncoder({ role: "client" }).close(1000).take()]);
  const steps: (() => DenoConn)[] = [
    () => { throw failure("Error"); },
    () => { throw failure("Busy"); },
    () => conn,
    () => { throw failure("ConnectionReset"); },
    () => { throw failure("NotConnected"); },
    () => { throw failure("BadResource"); },
  ];
  const failed: string[] = [];
  const ended = new Promise<number>((resolve) => {
    void serve(
      { accept: async () => (steps.shift() as () => DenoConn)() },
      {
        acceptFailed: (error) => void failed.push((error as Error).name),
        close: (_, { code }) => resolve(code),
      },
    );
  });
  assert.equal(await ended, 1000);
  while (steps.length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(failed, ["Error", "Busy"], "a client that has left is no failure");
  assert.match(conn.written, /^HTTP\/1\.1 101 /);
});

test("a socket is accepted once", limit, async () => {
  const conn = new Conn([Buffer.from(HEAD)]);
  const first = accept(conn);
  assert.throws(() => accept(conn), { code: "SOCKET_IN_USE" });
  await first;
  assert.equal(conn.written.match(/HTTP\/1\.1 101/g)?.length, 1);
});

test("what was received is handed out after a write failed", limit, async () => {
  const out = new MessageEncoder({ role: "client" });
  const conn = new Conn([
    Buffer.from(HEAD),
    out.text("go").take(),
    out.text("last words").close(1008, "enough").take(),
  ]);
  const messages: unknown[] = [];
  const code = await new Promise<number>((resolve) => {
    void accept(conn, {
      message(ws, data) {
        messages.push(data);
        conn.broken = true;
        ws.send("an answer");
      },
      close: (_, outcome) => resolve(outcome.code),
    });
  });
  assert.deepEqual(messages, ["go", "last words"]);
  assert.equal(code, 1008);
});

test("serve checks its options", limit, async () => {
  const listener = { accept: () => new Promise<DenoConn>(() => {}) };
  await assert.rejects(serve(listener, { maxMessage: "1M" } as object), /maxMessage/);
  await assert.rejects(serve(listener, { maxMesage: 1 } as object), /maxMesage/);
  assert.throws(() => accept(new Conn([]), { heartbeat: "30s" } as object), /heartbeat/);
});
