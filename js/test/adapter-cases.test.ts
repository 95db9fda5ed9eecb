/** How the adapters of all runtimes treat difficult peers and programs. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect as dial, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";

import WebSocket from "ws";
import { MessageEncoder } from "wscodec";

import { bun, deno, driver, node } from "./runtimes.ts";

const limit = { timeout: 60_000 };

type Line = Record<string, unknown>;

/** A process with a server for each case. */
class Cases {
  readonly lines: Line[] = [];
  readonly ports = new Map<string, number>();
  readonly #child: ChildProcess;
  #waiting: (() => void)[] = [];
  said = "";

  constructor(command: readonly string[], name: string) {
    const adapter = new URL(`../../pkg/dist/${name}.mjs`, import.meta.url).href;
    const script = fileURLToPath(new URL("adapters/cases.mjs", import.meta.url));
    const [program, ...args] = command as [string, ...string[]];
    const env = { ...process.env, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" };
    const stdio = ["ignore", "pipe", "pipe"] as const;
    const child = spawn(program, [...args, script, adapter, name], { env, stdio: [...stdio] });
    this.#child = child;
    child.stderr?.on("data", (text) => (this.said += text));
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (text) => {
      let line: Line;
      try {
        line = JSON.parse(text) as Line;
      } catch {
        line = { printed: text };
      }
      this.lines.push(line);
      if (line.listening !== undefined) this.ports.set(String(line.listening), Number(line.port));
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
  }

  url(name: string, path = "/"): string {
    return `ws://127.0.0.1:${this.ports.get(name)}${path}`;
  }

  /** The lines of a case from an index on. */
  of(name: string, from = 0): Line[] {
    return this.lines.slice(from).filter((line) => line.case === name);
  }

  /** Waits for a line. */
  async line(wanted: (line: Line) => boolean, from = 0, time = 20_000): Promise<Line> {
    const end = Date.now() + time;
    for (;;) {
      const found = this.lines.slice(from).find(wanted);
      if (found !== undefined) return found;
      if (Date.now() > end) {
        throw new Error(`no such line: ${JSON.stringify(this.lines.slice(from))} ${this.said}`);
      }
      await Promise.race([new Promise<void>((resolve) => this.#waiting.push(resolve)), sleep(200)]);
    }
  }

  /** Waits for the end of a case's connection. */
  closed(name: string, from = 0): Promise<Line> {
    return this.line((line) => line.case === name && line.close !== undefined, from);
  }

  /** A bare socket that has sent a request. */
  dial(name: string, path = "/", extensions = ""): Socket {
    const socket = dial(this.ports.get(name) as number, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
        `${extensions && `Sec-WebSocket-Extensions: ${extensions}\r\n`}\r\n`,
    );
    return socket;
  }

  /** A bare socket whose handshake is done. */
  async open(name: string, extensions?: string): Promise<Socket> {
    const socket = this.dial(name, "/", extensions);
    const answer = await headOf(socket);
    assert.match(answer, /^HTTP\/1\.1 101 /);
    return socket;
  }

  /** A client of ws, when it is open. */
  async client(name: string, perMessageDeflate = false): Promise<WebSocket> {
    const client = new WebSocket(this.url(name), { maxPayload: 2 ** 28, perMessageDeflate });
    client.on("error", () => {});
    await once(client, "open");
    return client;
  }
}

/** The head of an answer; what follows it is put back. */
async function headOf(socket: Socket): Promise<string> {
  let head = Buffer.alloc(0);
  for (;;) {
    const data = socket.read() as Buffer | null;
    if (data !== null) head = Buffer.concat([head, data]);
    const end = head.indexOf("\r\n\r\n");
    if (end >= 0) {
      socket.unshift(head.subarray(end + 4));
      return head.subarray(0, end + 4).toString("latin1");
    }
    if (socket.destroyed || socket.readableEnded) return head.toString("latin1");
    await Promise.race([once(socket, "readable"), once(socket, "close"), sleep(10_000)]);
  }
}

/**
 * The beginning of a message that stays below every limit of a connection: 274 KB, which inflate to
 * 60 MiB.
 */
function bomb(): Buffer {
  const noise = Buffer.alloc(60 << 20);
  for (let at = 0; at < noise.length; at += 1024) noise[at] = (at * 2654435761) >>> 24;
  const coded = deflateRawSync(noise, { level: 9 });
  // A first fragment in binary with RSV1, and a mask key of zeros.
  const header = Buffer.from([0x42, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(coded.length, 6);
  return Buffer.concat([header, coded]);
}

/** Frames of a client. */
function frames(write: (encoder: MessageEncoder) => void): Buffer {
  const encoder = new MessageEncoder({ role: "client" });
  write(encoder);
  return Buffer.from(encoder.take());
}

/** Whether a client's message comes back. */
async function echoes(client: WebSocket): Promise<void> {
  client.send("still here");
  const [data] = (await once(client, "message")) as [Buffer];
  assert.equal(String(data), "still here");
}

/**
 * Reads so much: most of it steadily and so slowly that it takes several times the timeouts of the
 * server, and at full speed what may lie in the buffers of the kernel.
 */
async function readsSlowly(socket: Socket, all: number): Promise<void> {
  const slowly = all - (12 << 20);
  for (let length = 0; length < all; ) {
    assert.ok(!socket.destroyed && !socket.readableEnded, `it ended after ${length} bytes`);
    const most = length < slowly ? Math.min(400_000, socket.readableLength) : undefined;
    const data = socket.read(most) as Buffer | null;
    if (data !== null) length += data.length;
    if (data === null || length < slowly) await sleep(30);
  }
}

const GRANTED = ["nothing", "true", "record", "headers", "map", "pairs"];
const REFUSED: [string, number][] = [
  ["false", 403], ["404", 404], ["thenable", 403], ["foreign", 403], ["function", 403], ["nested", 403],
];
const WRONG = [
  "response", "empty", "error", "status", "instance", "null", "string", "nostring", "zero", "200",
  "101", "600", "nan", "half", "bigint", "symbol", "set", "buffer", "crlf", "name", "reserved",
  "number", "reject", "throw", "getter", "word", "bytes",
];

for (const [name, find] of [["node", node], ["deno", deno], ["bun", bun]] as const) {
  const runtime = driver(find);
  const skip = "skip" in runtime ? runtime.skip : false;
  describe(`${name} adapter`, { skip }, () => {
    let cases: Cases;

    before(async () => {
      if ("skip" in runtime) return;
      cases = new Cases(runtime.command, name);
      await cases.line((line) => line.ready === true);
    });

    after(() => cases?.stop());

    test("a verdict is granted only if it is on the list", limit, async () => {
      const from = cases.lines.length;
      for (const path of GRANTED) {
        const socket = cases.dial("verdict", `/${path}`);
        const head = await headOf(socket);
        assert.match(head, /^HTTP\/1\.1 101 /, path);
        if (path !== "nothing" && path !== "true") assert.match(head, new RegExp(`X-Case: ${path}`, "i"));
        socket.destroy();
      }
      for (const [path, status] of REFUSED) {
        const socket = cases.dial("verdict", `/${path}`);
        assert.match(await headOf(socket), new RegExp(`^HTTP/1\\.1 ${status} `), path);
        socket.destroy();
      }
      assert.deepEqual(cases.lines.slice(from), [], "nothing of it is an error");
      for (const path of WRONG) {
        const from = cases.lines.length;
        const socket = cases.dial("verdict", `/${path}`);
        assert.match(await headOf(socket), /^HTTP\/1\.1 500 /, path);
        socket.destroy();
        await cases.line((line) => line.reported !== undefined, from);
        await sleep(20);
        assert.equal(cases.lines.length, from + 1, `${path} is reported once`);
      }
    });

    test("a message of any size is sent and received", limit, async () => {
      const client = await cases.client("echo");
      for (const size of [1, 16, 17, 40, 64]) {
        const data = randomBytes(1 << 20);
        const message = Buffer.concat(Array.from({ length: size }, () => data));
        client.send(message);
        const [came] = (await once(client, "message")) as [Buffer];
        assert.ok(message.equals(came), `${size} MiB`);
      }
      // One behind the other, without a wait for the echo.
      const sizes: number[] = [];
      client.on("message", (data) => sizes.push((data as Buffer).length));
      client.send(Buffer.alloc(20 << 20));
      client.send(Buffer.alloc(60 << 20));
      while (sizes.length < 2) await once(client, "message");
      assert.deepEqual(sizes, [20 << 20, 60 << 20]);
      client.close();
      await once(client, "close");
    });

    test("after a handler that throws, the rest of the chunk is dropped", limit, async () => {
      const from = cases.lines.length;
      const socket = await cases.open("throws");
      socket.write(frames((out) => out.text("first").text("throw").text("never").close(1000)));
      const chunks: Buffer[] = [];
      for await (const data of socket) chunks.push(data as Buffer);
      assert.deepEqual([...Buffer.concat(chunks)], [0x88, 2, 1011 >> 8, 1011 & 255]);
      const end = await cases.closed("throws", from);
      assert.deepEqual([end.close, end.sent], [1000, 1011]);
      const lines = cases.lines.slice(from);
      const messages = lines.filter((line) => line.message !== undefined);
      assert.deepEqual(messages.map((line) => line.message), ["first", "throw"]);
      assert.deepEqual(lines.filter((line) => line.reported !== undefined), [{ reported: "thrown" }]);
    });

    test("a handler whose promise is rejected counts as one that throws, once", limit, async () => {
      const from = cases.lines.length;
      const socket = await cases.open("later");
      // The first handler fails last.
      socket.write(frames((out) => out.text("one").text("two").text("three")));
      const [data] = (await once(socket, "data")) as [Buffer];
      assert.deepEqual([...data], [0x88, 2, 1011 >> 8, 1011 & 255]);
      await sleep(50);
      socket.end(frames((out) => out.close(1011)));
      assert.equal((await cases.closed("later", from)).sent, 1011);
      await sleep(50);
      const reported = cases.lines.slice(from).filter((line) => line.reported !== undefined);
      assert.deepEqual(reported, [{ reported: "later: two" }, { reported: "later: close" }]);
    });

    test("a connection that is dropped in the middle of a chunk ends once", limit, async () => {
      const from = cases.lines.length;
      const socket = await cases.open("filled");
      socket.pause();
      socket.write(frames((out) => out.text("one").text("two")));
      const end = await cases.closed("filled", from);
      assert.deepEqual([end.close, end.error], [1006, "BUFFER_FULL"]);
      await sleep(50);
      const lines = cases.lines.slice(from);
      assert.deepEqual(lines.filter((line) => line.reported !== undefined), []);
      socket.destroy();
    });

    test("the handshake's time is over during upgrade", limit, async () => {
      const from = cases.lines.length;
      const socket = cases.dial("slow");
      assert.match(await headOf(socket), /^HTTP\/1\.1 503 /);
      socket.resume();
      if (!socket.destroyed) await once(socket, "close");
      assert.deepEqual(cases.of("slow", from), []);
    });

    test("a client leaves while it is decided on", limit, async () => {
      for (const leave of ["end", "destroy", "resetAndDestroy"] as const) {
        const from = cases.lines.length;
        const sockets = Array.from({ length: 10 }, () => cases.dial("auth"));
        await cases.line(() => cases.of("auth", from).length === 10, from);
        for (const socket of sockets) socket[leave]();
        await sleep(600);
        const lines = cases.of("auth", from);
        const opened = lines.filter((line) => line.open).length;
        const closed = lines.filter((line) => line.close !== undefined).length;
        assert.equal(opened, closed, `${leave}: ${opened} opened, ${closed} closed`);
        if (leave === "end") {
          for (const socket of sockets) if (!socket.destroyed) await once(socket.resume(), "close");
        }
      }
    });

    test("sending until send returns false, and drain, lose nothing", limit, async () => {
      const from = cases.lines.length;
      const socket = await cases.open("drain");
      // Nothing is read until the buffers of the kernel are full.
      await sleep(300);
      let length = 0;
      for await (const data of socket) {
        length += (data as Buffer).length;
        const all = 120 * ((1 << 20) + 10) + 4;
        assert.ok(length <= all);
        if (length === all) socket.write(frames((out) => out.close(1000)));
      }
      const end = await cases.closed("drain", from);
      assert.deepEqual([end.close, end.clean], [1000, true]);
      const told = cases.of("drain", from).find((line) => line.falses !== undefined) as Line;
      assert.ok((told.falses as number) > 0, "send returns false while bytes wait");
    });

    test("a peer that does not read is dropped, and the outcome says why", limit, async () => {
      const from = cases.lines.length;
      const socket = await cases.open("full");
      socket.pause();
      const end = await cases.closed("full", from);
      assert.deepEqual([end.close, end.error], [1006, "BUFFER_FULL"]);
      const told = await cases.line(
        (line) => line.case === "full" && line.sent !== undefined && line.close === undefined,
        from,
      );
      assert.ok((told.sent as number) > 60 && (told.sent as number) < 80, `${told.sent} MiB`);
      socket.destroy();
    });

    test("what waits on all connections together has a limit", limit, async () => {
      const from = cases.lines.length;
      const clients = await Promise.all(["10", "20", "10"].map(() => cases.open("memory")));
      for (const [at, size] of ["10", "20", "10"].entries()) {
        const socket = clients[at] as Socket;
        socket.pause();
        socket.write(frames((out) => out.text(size)));
        await sleep(150);
      }
      const end = await cases.closed("memory", from);
      assert.equal(end.error, "OUT_OF_MEMORY");
      await sleep(100);
      const closes = cases.of("memory", from).filter((line) => line.close !== undefined);
      assert.equal(closes.length, 1, "the others stay");
      for (const socket of clients) socket.destroy();
    });

    test("a close waits for a peer that reads steadily", limit, async () => {
      const from = cases.lines.length;
      const socket = await cases.open("closing");
      await readsSlowly(socket, 48 << 20);
      socket.resume();
      socket.write(frames((out) => out.close(1000)));
      const end = await cases.closed("closing", from);
      assert.deepEqual([end.close, end.clean, end.error], [1000, true, undefined]);
      socket.destroy();
    });

    test("a close does not wait for a peer that reads nothing", limit, async () => {
      const from = cases.lines.length;
      const socket = await cases.open("closing");
      socket.pause();
      const end = await cases.closed("closing", from);
      assert.deepEqual([end.close, end.error], [1006, "NO_CLOSE"]);
      socket.destroy();
    });

    test("the heartbeat spares a peer that reads steadily", limit, async () => {
      const from = cases.lines.length;
      const socket = await cases.open("beating");
      await readsSlowly(socket, 48 << 20);
      socket.resume();
      socket.write(frames((out) => out.close(1000)));
      const end = await cases.closed("beating", from);
      assert.deepEqual([end.close, end.clean, end.error], [1000, true, undefined]);
      socket.destroy();
    });

    test("the heartbeat spares peers while we do not read", limit, async () => {
      const from = cases.lines.length;
      const client = await cases.client("pausing");
      client.send("back");
      const [came] = (await once(client, "message")) as [Buffer];
      assert.equal(came.toString(), "back");
      client.close(1000);
      const end = await cases.closed("pausing", from);
      assert.deepEqual([end.close, end.clean], [1000, true]);
    });

    test("the heartbeat spares peers after a busy turn", limit, async () => {
      const from = cases.lines.length;
      const others = await Promise.all([1, 2, 3].map(() => cases.client("busy")));
      const client = await cases.client("busy");
      client.send("back");
      await once(client, "message");
      await sleep(300);
      assert.deepEqual(cases.of("busy", from).filter((line) => line.close !== undefined), []);
      for (const one of [client, ...others]) one.close();
      await once(client, "close");
    });

    test("bytes that arrived while the process was stopped count", limit, async () => {
      const from = cases.lines.length;
      const steady = await cases.client("stopped");
      await sleep(500); // pings are on their way
      const begun = cases.dial("stopped");
      await once(begun, "connect");
      cases.signal("SIGSTOP");
      const asks = cases.dial("stopped");
      for (let i = 0; i < 8; i++) {
        await sleep(200);
        steady.ping();
      }
      cases.signal("SIGCONT");
      for (const socket of [begun, asks]) {
        assert.match(await headOf(socket), /^HTTP\/1\.1 101 /);
      }
      await sleep(300);
      assert.equal(steady.readyState, WebSocket.OPEN);
      assert.deepEqual(cases.of("stopped", from).filter((line) => line.error === "NO_PONG"), []);
      for (const socket of [begun, asks]) socket.destroy();
      steady.close();
      await once(steady, "close");
    });

    test("what was received is handed out after a write failed", limit, async () => {
      const from = cases.lines.length;
      const socket = await cases.open("late");
      socket.write(frames((out) => out.text("go")));
      await cases.line((line) => line.case === "late" && line.message === "go", from);
      socket.write(frames((out) => out.text("last words").close(1008, "enough")));
      await sleep(100);
      socket.resetAndDestroy();
      const end = await cases.closed("late", from);
      const messages = cases.of("late", from).filter((line) => line.message !== undefined);
      assert.deepEqual(messages.map((line) => line.message), ["go", "last words"]);
      assert.equal(end.close, 1008);
    });

    test("without autoClose the program learns of the peer's close", limit, async () => {
      const from = cases.lines.length;
      const client = await cases.client("half");
      const came = once(client, "message");
      client.close(4000, "bye");
      assert.equal(String((await came)[0]), "one more");
      const [code] = (await once(client, "close")) as [number];
      assert.equal(code, 4001);
      const end = await cases.closed("half", from);
      assert.deepEqual([end.close, end.sent, end.clean], [4000, 4001, true]);
      const told = cases.of("half", from).find((line) => line.peerClose !== undefined);
      assert.deepEqual([told?.peerClose, told?.reason], [4000, "bye"]);
    });

    test("endings of this side keep their reason", limit, async () => {
      const from = cases.lines.length;
      const client = await cases.client("terminate");
      client.send("now");
      await once(client, "close");
      const end = await cases.closed("terminate", from);
      assert.deepEqual([end.close, end.error], [1006, "TERMINATED"]);

      const slow = dial(cases.ports.get("timeout") as number, "127.0.0.1");
      slow.on("error", () => {});
      slow.write("GET / HT");
      assert.match(await headOf(slow), /^HTTP\/1\.1 408 /);
      slow.destroy();
      const silent = dial(cases.ports.get("timeout") as number, "127.0.0.1");
      silent.on("error", () => {});
      silent.resume();
      await new Promise((resolve) => silent.once("close", resolve));
    });

    // The last one: its server ends.
    // 30 of them inflate to nearly twice the memory that the module may take.
    test("messages that inflate to more than there is end alone, with default options", limit, async () => {
      const from = cases.lines.length;
      const clients = [await cases.client("echo"), await cases.client("echo", true)];
      const bytes = bomb();
      const sockets: Socket[] = [];
      for (let i = 0; i < 30; i++) {
        const socket = await cases.open("echo", "permessage-deflate");
        socket.on("data", () => {}).write(bytes);
        sockets.push(socket);
        if (i % 8 === 0) for (const client of clients) await echoes(client);
      }
      for (const client of clients) await echoes(client);
      const ended = cases.of("echo", from).filter((line) => line.close !== undefined);
      assert.ok(ended.length > 0 && ended.length < sockets.length, `${ended.length} ended`);
      for (const { close, error } of ended) assert.deepEqual([close, error], [1006, "OUT_OF_MEMORY"]);
      for (const socket of sockets) socket.destroy();
      // Their memory is there for others.
      const late = await cases.client("echo", true);
      for (const client of [...clients, late]) {
        await echoes(client);
        client.close();
        await once(client, "close");
      }
      const reported = cases.lines.slice(from).filter((line) => line.reported !== undefined);
      assert.deepEqual(reported, []);
    });

    test("a server ends gracefully", limit, async () => {
      const from = cases.lines.length;
      const open = await cases.client("grace");
      const partial = await cases.open("grace");
      const message = frames((out) => out.text("in two parts"));
      partial.write(message.subarray(0, 9));
      const begun = dial(cases.ports.get("grace") as number, "127.0.0.1");
      begun.on("error", () => {});
      begun.write("GET / HTTP/1.1\r\n");
      const waits = cases.dial("grace", "/wait");
      await sleep(200);
      const answers: string[] = [];
      open.on("message", (data) => answers.push(String(data)));
      for (let i = 0; i < 125; i++) open.send(`${i}`);
      await sleep(20);
      cases.signal("SIGUSR2");
      const [code] = (await once(open, "close")) as [number];
      assert.equal(code, 1001);
      assert.equal(answers.length, 125, "all that had arrived were answered");
      assert.match(await headOf(begun), /^HTTP\/1\.1 503 /);
      assert.match(await headOf(waits), /^HTTP\/1\.1 503 /);
      partial.write(message.subarray(9));
      let echoed = Buffer.alloc(0);
      while (!echoed.includes("in two parts")) {
        echoed = Buffer.concat([echoed, ((await once(partial, "data")) as [Buffer])[0]]);
      }
      while (echoed.length < 18) {
        echoed = Buffer.concat([echoed, ((await once(partial, "data")) as [Buffer])[0]]);
      }
      assert.deepEqual([...echoed.subarray(14, 18)], [0x88, 2, 1001 >> 8, 1001 & 255]);
      partial.write(frames((out) => out.close(1001)));
      for (const socket of [begun, waits, partial]) socket.end();
      await cases.line((line) => line.case === "grace" && line.ended === true, from);
      const late = dial(cases.ports.get("grace") as number, "127.0.0.1");
      await assert.rejects(once(late, "connect"));
    });
  });
}
