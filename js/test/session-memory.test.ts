/** Sessions that are made and dropped: the module's memory comes back. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { MessageDecoder, Session } from "wscodec";

const COUNT = 1_000_000;

/** Bytes of the module's whole memory. */
function memory(): number {
  const decoder = new MessageDecoder({ role: "client" });
  const { byteLength } = decoder.reserve(1).buffer;
  decoder.free();
  return byteLength;
}

/** The runtime's collector, if it can be asked for. */
function collector(): (() => void) | undefined {
  const { Bun } = globalThis as { Bun?: { gc(now: boolean): void } };
  if (Bun !== undefined) return () => Bun.gc(true);
  try {
    setFlagsFromString("--expose-gc");
    return runInNewContext("gc") as () => void;
  } catch {
    return undefined;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function use(session: Session): void {
  session.text("hello").take();
  session.receive(Uint8Array.of(0x81, 0x80, 1, 2, 3, 4)).next();
}

test("sessions that are freed leave nothing", { timeout: 120_000 }, () => {
  for (let i = 0; i < 100; i++) use(new Session({ role: "server" }));
  const before = memory();
  for (let i = 0; i < COUNT / 2; i++) {
    const session = new Session({ role: "server" });
    use(session);
    session.free();
  }
  for (let i = 0; i < COUNT / 2; i++) {
    const session = new Session({ role: "server" });
    use(session);
    session[Symbol.dispose]();
  }
  // Sessions that were made before may have been finalised meanwhile.
  assert.ok(memory() <= before, `${memory() - before} bytes`);
});

test("sessions that are dropped are freed by the collector", { timeout: 120_000 }, async (t) => {
  const collect = collector();
  if (collect === undefined) return t.skip("this runtime's collector can't be asked for");
  // In Bun all tests share a process, and others have made it grow before.
  const before = memory();
  let settled = 0;
  for (let i = 1; i <= COUNT; i++) {
    use(new Session({ role: "server" }));
    if (i % 1000 === 0) await turn();
    if (i % 50_000 === 0) {
      collect();
      // Finalisers may wait for a timer.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    if (i === COUNT / 2) settled = memory();
  }
  // Half of them have shown how much waits between two collections.
  const grown = memory() - settled;
  assert.ok(grown <= settled / 4, `${settled} bytes after half of them, then ${grown} more`);
  assert.ok(settled - before < 100 * COUNT, `${before} bytes before, then ${settled}`);
});
