/** One endpoint: how it answers, how it ends, what it may hold. The cases of tests/session.rs. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  MessageEncoder,
  errorTable,
  moduleMemory,
  Session,
  type SessionEvent,
  type SessionOptions,
  setMaxMemory,
  WscodecError,
} from "wscodec";
import { hex, randomNumbers } from "./codec-harness.ts";

const KEY = 0x04030201;
const [TEXT, BINARY, CLOSE, PING] = [1, 2, 8, 9];

function server(options: Partial<SessionOptions> = {}): Session {
  return new Session({ role: "server", ...options });
}

function client(options: Partial<SessionOptions> = {}): Session {
  return new Session({ role: "client", maskKey: () => KEY, ...options });
}

/** A frame from a client. */
function masked(opcode: number, payload: string | Uint8Array): Uint8Array {
  return new MessageEncoder({ role: "client", maskKey: () => KEY }).frame({ opcode }, payload).take();
}

function bytes(...parts: (string | Uint8Array | number[])[]): Buffer {
  return Buffer.concat(
    parts.map((part) =>
      typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part as Uint8Array),
    ),
  );
}

function words(event: SessionEvent): string {
  const { type } = event;
  if (type === "text") return event.text();
  if (type === "close") return `close ${event.closeCode} ${event.text()}`;
  return `${type} ${event.length}`;
}

/** The events of a chunk, as words, and the bytes that the session sends for it. */
function feed(session: Session, chunk: Uint8Array): { seen: string[]; out: string } {
  const seen: string[] = [];
  try {
    for (const event of session.receive(chunk)) seen.push(words(event));
  } catch (error) {
    seen.push((error as WscodecError).code);
  }
  return { seen, out: Buffer.from(session.take()).toString("latin1") };
}

function code(name: string): (error: unknown) => boolean {
  return (error) => error instanceof WscodecError && error.code === name;
}

test("a close is answered once, with its code, and what follows is dropped", () => {
  const session = server();
  const chunk = bytes(
    masked(CLOSE, bytes([0x0f, 0xa0], "bye")),
    masked(TEXT, "late"),
    [0xff, 0xff, 0xff],
    " nonsense",
  );
  assert.deepEqual(feed(session, chunk), {
    seen: ["close 4000 bye"],
    out: "\x88\x05\x0f\xa0bye",
  });
  assert.deepEqual(feed(session, bytes("more")), { seen: [], out: "" });
  assert.deepEqual(session.outcome, {
    code: 4000,
    reason: "bye",
    sent: 4000,
    clean: true,
    error: undefined,
  });
  session.end();
  assert.equal(session.deadline, undefined);
});

test("a close without a code is 1005 here and nothing on the wire", () => {
  const session = server();
  assert.equal(feed(session, masked(CLOSE, "")).out, "\x88\x00");
  const { code, sent, clean } = session.outcome ?? {};
  assert.deepEqual([code, sent, clean], [1005, 1005, true]);
});

test("both close at once", () => {
  const [a, b] = [server(), client()];
  const toClient = a.close(1001, "down").take();
  const toServer = b.close(1000).take();
  assert.deepEqual([a.state, b.state], ["closing", "closing"]);
  assert.equal(a.outcome, undefined);
  assert.deepEqual(feed(a, toServer), { seen: ["close 1000 "], out: "" });
  assert.deepEqual(feed(b, toClient), { seen: ["close 1001 down"], out: "" });
  const { code, clean, sent } = b.outcome ?? {};
  assert.deepEqual([code, clean, sent], [1001, true, 1000]);
});

test("messages still come while we close, and pings are not answered", () => {
  const session = server();
  session.close().take();
  const { seen, out } = feed(session, bytes(masked(TEXT, "last words"), masked(PING, "")));
  assert.deepEqual([seen, out], [["last words", "ping 0"], ""]);
});

test("nothing is sent after a close frame", () => {
  const session = server();
  session.close().take();
  const tries: (() => unknown)[] = [
    () => session.send("x"),
    () => session.text("x"),
    () => session.binary(bytes("x")),
    () => session.begin("text", "x"),
    () => session.more("x"),
    () => session.finish("x"),
    () => session.ping("x"),
    () => session.pong("x"),
    () => session.close(),
  ];
  for (const attempt of tries) assert.throws(attempt, code("CLOSING"));
  assert.equal(session.bufferedAmount, 0);
});

test("a close that must not be sent changes nothing", () => {
  const session = server();
  for (const bad of [1005, 1006, 1015, 999, 5000]) {
    assert.throws(() => session.close(bad), code("CLOSE_CODE_NOT_SENDABLE"));
  }
  const long = "x".repeat(124);
  assert.throws(() => session.close(1000, long), code("CLOSE_REASON_TOO_LONG"));
  assert.deepEqual([session.state, session.bufferedAmount], ["open", 0]);
  session.close(1000, long.slice(1));
  assert.equal(session.state, "closing");
});

test("a broken rule is told to the peer with its code, once", () => {
  const cases: [Uint8Array, number, string][] = [
    [bytes([0x81, 0]), 1002, "UNMASKED_FRAME"],
    [masked(TEXT, bytes([0xff])), 1007, "INVALID_UTF8"],
    [bytes([0x82, 0xff, 0x10, ...new Uint8Array(11)]), 1009, "MESSAGE_TOO_LARGE"],
  ];
  for (const [chunk, closeCode, name] of cases) {
    const session = server();
    const { seen, out } = feed(session, chunk);
    assert.deepEqual(seen, [name]);
    assert.equal(hex(Buffer.from(out.slice(0, 1) + out.slice(2, 4), "latin1")), `88${closeCode.toString(16).padStart(4, "0")}`);
    assert.equal(out.slice(4), errorTable().find((row) => row.code === name)?.message);
    assert.equal(session.state, "closed");
    assert.deepEqual(feed(session, chunk), { seen: [name], out: "" }, "again, without a word");
    const { code, sent, clean, error } = session.outcome ?? {};
    assert.deepEqual([code, sent, clean, error?.code], [1006, closeCode, false, name]);
  }
});

test("what came before a fault is handed out first", () => {
  const session = server();
  const { seen, out } = feed(session, bytes(masked(TEXT, "fine"), masked(PING, "p"), [0x81, 0]));
  assert.deepEqual(seen, ["fine", "ping 1", "UNMASKED_FRAME"]);
  assert.equal(out.slice(0, 3), "\x8a\x01p");
});

test("a fault after our close frame sends no second one", () => {
  const session = server();
  session.close(1000).take();
  assert.deepEqual(feed(session, bytes([0x81, 0])), { seen: ["UNMASKED_FRAME"], out: "" });
  assert.equal(session.outcome?.sent, 1000);
});

test("the end of the transport is 1006 unless a close frame came", () => {
  let session = server();
  assert.throws(() => session.end(), code("UNEXPECTED_EOF"));
  assert.equal(session.outcome?.code, 1006);
  assert.throws(() => session.end(), code("UNEXPECTED_EOF"));

  session = server();
  feed(session, masked(TEXT, "half").subarray(0, 7));
  assert.throws(
    () => session.end(),
    (error) => code("UNEXPECTED_EOF")(error) && (error as WscodecError).offset === 7,
  );

  session = server();
  session.close().take();
  assert.throws(() => session.end(), "ours alone is not enough");
  assert.equal(session.outcome?.clean, false);
  assert.equal(session.bufferedAmount, 0);
});

test("pings are answered in order until the peer stops reading", () => {
  const session = server();
  const pings = Array.from({ length: 10 }, (_, i) => masked(PING, `ping ${i}`));
  const pongs = Array.from({ length: 10 }, (_, i) => `\x8a\x06ping ${i}`);
  assert.equal(feed(session, bytes(...pings)).out, pongs.join(""));

  // A flood that nobody takes the answers to: bounded, and the newest is answered at last.
  const one = masked(PING, new Uint8Array(125));
  const flood = bytes(...Array<Uint8Array>(10_000).fill(one), masked(PING, "newest"));
  for (const _ of session.receive(flood));
  const most = 16 * 1024 + 127;
  assert.ok(session.bufferedAmount <= most, `${session.bufferedAmount} bytes wait`);
  const before = session.bufferedAmount;
  session.tick(0);
  assert.equal(session.bufferedAmount, before, "there is no room yet");
  const into = new Uint8Array(before);
  assert.equal(session.takeInto(into), before);
  assert.equal(feed(session, bytes()).out, "\x8a\x06newest");

  // A pong behind a long answer is taken last.
  session.binary(new Uint8Array(20_000));
  for (const _ of session.receive(bytes(masked(PING, "a"), masked(PING, "b"))));
  const taken = session.take();
  assert.equal(Buffer.from(taken.subarray(20_004)).toString("latin1"), "\x8a\x01b");
});

test("pings in a chunk that nobody goes through are answered all the same", () => {
  const session = server();
  session.receive(bytes(masked(TEXT, "dropped"), masked(PING, "a")));
  assert.deepEqual(feed(session, masked(TEXT, "b")), { seen: ["b"], out: "\x8a\x01a" });
  session.receive(masked(CLOSE, ""));
  session.end();
  assert.equal(session.outcome?.clean, true);
});

test("without autoPong and autoClose the caller answers", () => {
  const session = server({ autoPong: false, autoClose: false });
  const chunk = bytes(masked(PING, "x"), masked(CLOSE, bytes([3, 0xe8])), masked(TEXT, "late"));
  assert.deepEqual(feed(session, chunk), { seen: ["ping 1", "close 1000 "], out: "" });
  assert.equal(session.state, "peer-closed");
  session.text("one more").close(1000);
  assert.equal(session.state, "closed");
  assert.equal(session.outcome?.clean, true);
  assert.equal(Buffer.from(session.take()).toString("latin1"), "\x81\x08one more\x88\x02\x03\xe8");
});

test("a peer that does not close is given up", () => {
  const session = server();
  session.close().take();
  assert.equal(session.deadline, 0);
  session.tick(5000);
  assert.equal(session.deadline, 15_000);
  // Pings do not help, messages do.
  feed(session, masked(PING, "still here"));
  session.tick(14_000);
  assert.equal(session.deadline, 15_000);
  feed(session, masked(TEXT, "still here"));
  session.tick(15_000);
  assert.equal(session.deadline, 25_000);
  assert.throws(() => session.tick(25_000), code("NO_CLOSE"));
  assert.equal(session.bufferedAmount, 0);
  assert.throws(() => session.receive(bytes()), code("NO_CLOSE"));
});

test("an idle connection is closed with 1001", () => {
  const session = server({ idle: 60_000 });
  session.tick(1000);
  feed(session, masked(PING, ""));
  session.tick(session.deadline as number);
  const out = Buffer.from(session.take()).toString("latin1");
  assert.equal(out[0] + out.slice(2, 4), "\x88\x03\xe9");
  assert.equal(session.state, "closing");
  session.tick(61_000);
  assert.equal(session.deadline, 71_000);
});

test("a message whose parts come slowly is not idle", () => {
  const session = server({ idle: 10_000 });
  const chunk = masked(TEXT, "x".repeat(20));
  feed(session, chunk.subarray(0, 6));
  assert.ok(session.inMessage);
  for (let at = 6, now = 0; at < chunk.length; at++, now += 9000) {
    session.tick(now);
    assert.equal(feed(session, chunk.subarray(at, at + 1)).out, "");
  }
});

test("a quiet peer is pinged and then given up", () => {
  const session = server({ heartbeat: 30_000, pongTimeout: 5000 });
  assert.equal(session.deadline, 0);
  session.tick(100_000);
  assert.equal(session.deadline, 130_000);
  session.tick(130_000);
  assert.equal(session.deadline, 135_000);
  assert.equal(Buffer.from(session.take()).toString("latin1"), "\x89\0");
  assert.equal(session.deadline, 0, "whether it has left is to be told");
  session.tick(132_000);
  assert.equal(session.deadline, 137_000);
  session.tick(136_000);
  assert.throws(() => session.tick(137_000), code("NO_PONG"));
  assert.equal(session.outcome?.error?.code, "NO_PONG");
});

test("whatever comes is a sign of life", () => {
  const session = server({ heartbeat: 30_000, pongTimeout: 5000 });
  session.tick(0);
  feed(session, masked(10, ""));
  session.tick(30_000);
  assert.equal(session.bufferedAmount, 0);
  session.tick(60_000);
  feed(session, masked(10, ""));
  session.tick(65_000);
  assert.equal(session.deadline, 95_000);
});

test("pongs do not keep an idle connection", () => {
  const session = server({ heartbeat: 30_000, pongTimeout: 5000, idle: 50_000 });
  session.tick(0);
  session.tick(30_000);
  feed(session, masked(10, ""));
  session.tick(31_000);
  assert.equal(session.deadline, 50_000);
  feed(session, masked(TEXT, "hi"));
  session.tick(50_000);
  feed(session, masked(10, ""));
  session.tick(100_000);
  assert.equal(session.state, "closing");
});

test("the trusting and the careless find their options", () => {
  const session = server({ dangerouslyAcceptUnmasked: true });
  const chunk = bytes([0x81, 2], "hi", masked(TEXT, "masked"));
  assert.deepEqual(feed(session, chunk).seen, ["hi", "masked"]);

  const careless = client({ maskKey: () => 0 }).text("hi");
  assert.equal(hex(careless.take()), "8182000000006869");
});

test("any split gives the same events and answers", () => {
  const chunk = bytes(
    masked(TEXT, "größer"),
    masked(PING, "p"),
    masked(BINARY, new Uint8Array(300)),
    masked(CLOSE, bytes([3, 0xe8], "ok")),
    "tail",
  );
  const whole = feed(server(), chunk);
  assert.equal(whole.seen.length, 4);
  for (let cut = 0; cut <= chunk.length; cut++) {
    const session = server();
    const first = feed(session, chunk.subarray(0, cut));
    const second = feed(session, chunk.subarray(cut));
    session.free();
    assert.deepEqual(
      { seen: [...first.seen, ...second.seen], out: first.out + second.out },
      whole,
    );
  }
});

test("bytes may be read into their place", () => {
  const session = server();
  const chunk = masked(BINARY, new Uint8Array(100_000).fill(5));
  session.receive(chunk.subarray(0, 1000));
  assert.equal(session.next(), undefined);
  let at = 1000;
  for (;;) {
    const space = session.reserve(7777);
    const part = chunk.subarray(at, at + space.length);
    space.set(part);
    at += part.length;
    const event = session.commit(part.length).next();
    if (event === undefined) continue;
    assert.deepEqual([event.type, event.length], ["binary", 100_000]);
    assert.ok(event.copy().every((byte) => byte === 5));
    break;
  }
  session.free();
});

test("a conversation with fragments, compressed, both ways", () => {
  const deflate = { level: 6 };
  const options = { deflate, heartbeat: 1000 };
  const [a, b] = [server(options), client(options)];
  const text = "to be or not to be ".repeat(50);
  b.begin("text", text).more("that is").ping("here").finish("").binary(new Uint8Array(3));
  const wire = b.take();
  assert.ok(wire.length < 200, `${wire.length} bytes`);
  const echo: string[] = [];
  for (const event of a.receive(wire)) {
    echo.push(event.type);
    if (event.type === "text") a.text(event.bytes());
  }
  assert.deepEqual(echo, ["ping", "text", "binary"]);
  assert.deepEqual(feed(b, a.take()).seen, ["pong 4", `${text}that is`]);
  assert.ok(a.memory() > 0);
  a.release();
  b.release();
  for (const session of [a, b]) session[Symbol.dispose]();
});

test("no bytes make it answer without end", () => {
  const random = randomNumbers(7);
  for (let round = 0; round < 2000; round++) {
    const session = server();
    let sent = 0;
    for (let i = 0; i < 4; i++) {
      const chunk = Uint8Array.from({ length: random() % 80 }, () => random() & 0xff);
      if (round % 3 > 0 && chunk.length > 1) {
        chunk[0] = [0x81, 0x82, 0x88, 0x89, 0x8a, 0x01, 0x80][random() % 7] as number;
        chunk[1] = 0x80 | ((chunk[1] as number) & 0x1f);
      }
      sent += feed(session, chunk).out.length;
    }
    try {
      session.end();
    } catch (error) {
      assert.ok(error instanceof WscodecError);
    }
    assert.equal(session.state, "closed");
    assert.ok(sent < 1000);
    session.free();
  }
});

test("an event that was kept shows nothing of the next one, nor of other sessions", () => {
  const session = server();
  session.receive(bytes(masked(TEXT, "one"), masked(TEXT, "two"), masked(PING, "p")));
  const first = session.next() as SessionEvent;
  assert.equal(first.text(), "one");
  const second = session.next() as SessionEvent;
  assert.notEqual(first, second);
  assert.deepEqual([second.type, second.length, second.text()], ["text", 3, "two"]);
  const stale = { name: "MisuseError", code: "STALE" };
  const uses: ((event: SessionEvent) => unknown)[] = [
    (event) => event.type,
    (event) => event.opcode,
    (event) => event.length,
    (event) => event.ascii,
    (event) => event.opaque,
    (event) => event.first,
    (event) => event.last,
    (event) => event.closeCode,
    (event) => event.bytes(),
    (event) => event.copy(),
    (event) => event.text(),
    (event) => event.owned(),
  ];
  for (const use of uses) assert.throws(() => use(first), stale, String(use));
  const all = [...session];
  assert.equal(all.length, 1);
  for (const use of uses) assert.throws(() => use(all[0] as SessionEvent), stale, String(use));

  // Values that were taken out of an event can be kept.
  session.take();
  const kept = Array.from(session.receive(bytes(masked(TEXT, "a"), masked(BINARY, "b"))), (event) => event.owned());
  assert.deepEqual(kept.map(({ type }) => type), ["text", "binary"]);

  // The session rests after this, and another one uses its part of the module.
  for (const taken of [true, false]) {
    session.receive(masked(TEXT, "mine"));
    const last = session.next() as SessionEvent;
    session.text("answer");
    session.take();
    if (!taken) assert.equal(session.next(), undefined);
    const other = server();
    other.receive(masked(TEXT, "secret"));
    assert.equal(other.next()?.text(), "secret");
    for (const use of uses) assert.throws(() => use(last), stale, String(use));
    other.free();
  }
});

test("a session that was freed refuses all that needs it, idle or not", () => {
  const made: (() => Session)[] = [
    () => server(),
    () => client(),
    () => server({ heartbeat: 10 }),
    () => server({ deflate: {} }),
    () => server().receive(masked(TEXT, "not gone through")),
    () => server().text("not taken"),
    () => server().close(1000),
    () => client({ idle: 5 }).receive(Uint8Array.of(0x81)),
  ];
  const uses: ((session: Session) => unknown)[] = [
    (session) => session.receive(Uint8Array.of()),
    (session) => session.reserve(),
    (session) => session.commit(0),
    (session) => session.next(),
    (session) => [...session],
    (session) => session.end(),
    (session) => session.text("a"),
    (session) => session.binary(Uint8Array.of(1)),
    (session) => session.send("a"),
    (session) => session.begin("text"),
    (session) => session.more("a"),
    (session) => session.finish("a"),
    (session) => session.ping(),
    (session) => session.pong(),
    (session) => session.close(),
    (session) => session.take(),
    (session) => session.takeInto(new Uint8Array(8)),
    (session) => session.tick(1),
    (session) => session.setReading(false),
    (session) => session.memory(),
    (session) => session.release(),
  ];
  for (const make of made) {
    const session = make();
    const { state } = session;
    session.free();
    session.free();
    for (const use of uses) {
      assert.throws(() => use(session), { name: "MisuseError", code: "FREED" }, `${make}: ${use}`);
    }
    const { outcome, bufferedAmount, deadline, inMessage } = session;
    assert.deepEqual([outcome, bufferedAmount, deadline, inMessage], [undefined, 0, undefined, false]);
    assert.equal(session.state, state);
  }
});

test("sessions whose messages inflate to more than there is end alone, a worker's among them", () => {
  const { max, taken } = moduleMemory();
  // Builds for workers have less than this by themselves, and are tested with that.
  setMaxMemory(Math.min(max, taken + (64 << 20)));
  const deflate = {};
  const noise = new Uint8Array(8 << 20);
  for (let at = 0; at < noise.length; at += 1024) noise[at] = (at * 2654435761) >>> 24;
  const attacker = client({ deflate });
  // All but the end of a message: it stays unfinished.
  const wire = attacker.binary(noise).take().slice(0, -8);
  attacker.free();
  assert.ok(wire.length < noise.length / 100);
  const [good, peer] = [server({ deflate }), client({ deflate })];
  const bombs: Session[] = [];
  let ended = 0;
  for (let i = 0; i < 40; i++) {
    const session = server({ deflate });
    bombs.push(session);
    try {
      session.receive(wire);
      while (session.next() !== undefined);
    } catch (error) {
      ended++;
      assert.equal((error as WscodecError).code, "OUT_OF_MEMORY");
      assert.equal(session.state, "closed");
    }
    good.receive(peer.text(`message ${i}`).take());
    assert.equal(good.next()?.text(), `message ${i}`);
    assert.equal(good.next(), undefined);
  }
  assert.ok(ended > 0 && ended < bombs.length, `${ended} ended`);
  assert.ok(moduleMemory().taken <= moduleMemory().max);
  for (const session of [...bombs, good, peer]) session.free();
  setMaxMemory(max);
});
