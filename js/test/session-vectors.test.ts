// The shared scripts of sessions: see the head of tests/vectors/session.json.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";

import { errorTable, Session, type SessionEvent, type SessionOptions, type WscodecError } from "wscodec";

import { hex, readSessions, type SessionScript, type Step } from "./codec-harness.ts";

const KEY = [1, 2, 3, 4];

/** `'text'`, hex, and either of them so many times. */
function payloadOf(words: readonly string[]): Buffer {
  return Buffer.concat(
    words.map((word) => {
      if (word.startsWith("'")) return Buffer.from(word.slice(1, -1));
      const [bytes, times = "1"] = word.split("*") as [string, string?];
      const part = Buffer.from(bytes, "hex");
      return Buffer.concat(Array<Buffer>(Number(times)).fill(part));
    }),
  );
}

function frame(first: number, payload: Buffer, masked: boolean): Buffer {
  const { length } = payload;
  const header = [first];
  const mask = masked ? 0x80 : 0;
  if (length < 126) header.push(mask | length);
  else if (length < 65536) header.push(mask | 126, length >> 8, length & 255);
  else header.push(mask | 127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255);
  if (!masked) return Buffer.concat([Buffer.from(header), payload]);
  const coded = Buffer.from(payload.map((byte, i) => byte ^ (KEY[i % 4] as number)));
  return Buffer.concat([Buffer.from(header), Buffer.from(KEY), coded]);
}

/** Bytes as the scripts write them; `masked` says how the sender of its frames is. */
function bytesOf(text: string, masked: boolean): Buffer {
  const parts: Buffer[] = [];
  // A quoted text has spaces and no quotes.
  for (const [part] of text.matchAll(/<[^>]*>|\S+/g)) {
    if (!part.startsWith("<")) {
      parts.push(payloadOf([part]));
      continue;
    }
    const [first = "", ...words] = part.slice(1, -1).match(/'[^']*'|\S+/g) ?? [];
    if (first !== "fail") {
      parts.push(frame(Number.parseInt(first, 16), payloadOf(words), masked));
      continue;
    }
    const [closeCode, name] = [Number(words[0]), words[1]];
    const row = errorTable().find(({ code }) => code === name);
    assert.equal(row?.closeCode, closeCode, part);
    const payload = Buffer.concat([
      Buffer.from([closeCode >> 8, closeCode & 255]),
      Buffer.from((row as { message: string }).message),
    ]);
    parts.push(frame(0x88, payload, masked));
  }
  return Buffer.concat(parts);
}

/** A text, or one character so many times. */
function textOf(text: string): string {
  const [part, times] = text.split("*") as [string, string?];
  return times === undefined ? text : part.repeat(Number(times));
}

function seen(event: SessionEvent, pieces: boolean): unknown {
  const payload = hex(event.copy());
  switch (event.type) {
    case "text":
    case "binary":
      if (pieces) return { piece: payload, type: event.type, last: event.last };
      return event.type === "text" ? { text: event.text() } : { binary: payload };
    case "close":
      return { close: event.closeCode === 1005 ? [] : [event.closeCode, event.text()] };
    default:
      return { [event.type]: payload };
  }
}

/** Events of a script in the same form. */
function expected(event: Record<string, unknown>): unknown {
  const [[what, value]] = Object.entries(event) as [[string, unknown]];
  if (what === "text") return event;
  if (what === "close") {
    const [code, reason = ""] = value as [number?, string?];
    return { close: code === undefined ? [] : [code, reason] };
  }
  return { ...event, [what]: hex(payloadOf([value as string])) };
}

/** Runs one script; with `bytewise` a receive is as many as it has bytes. */
function run(script: SessionScript, bytewise: boolean): void {
  const { role, options = {}, steps, outcome } = script;
  const { deflate, ...rest } = options;
  const session = new Session({
    ...(rest as Partial<SessionOptions>),
    role,
    deflate: deflate === true ? {} : undefined,
    maskKey: () => 0x04030201,
  });
  const ours = role === "client";
  steps.forEach((step, index) => {
    const where = `${script.name}${bytewise ? ", bytewise" : ""}, step ${index + 1}`;
    const events: unknown[] = [];
    let code: string | undefined;
    try {
      act(session, step, bytewise, !ours, (event) => events.push(seen(event, options.pieces === true)));
    } catch (error) {
      code = (error as WscodecError).code ?? String(error);
    }
    assert.equal(code, step.error, where);
    assert.deepEqual(events, (step.events ?? []).map(expected), where);
    if (step.state !== undefined) assert.equal(session.state, step.state, where);
    if (step.deadline !== undefined) assert.equal(session.deadline ?? null, step.deadline, where);
    if (step.keep) return;
    assert.equal(hex(session.take()), hex(bytesOf(step.out ?? "", ours)), where);
  });
  if (outcome === undefined) {
    session.free();
    return;
  }
  const is = session.outcome;
  const told = {
    code: is?.code,
    reason: is?.reason,
    sent: is?.sent,
    clean: is?.clean,
    error: is?.error?.code,
  };
  const { reason = "", sent, error } = outcome;
  assert.deepEqual(told, { code: outcome.code, reason, sent, clean: outcome.clean, error }, script.name);
  session.free();
}

function act(
  session: Session,
  step: Step,
  bytewise: boolean,
  masked: boolean,
  each: (event: SessionEvent) => void,
): void {
  const walk = (): void => {
    for (let event = session.next(); event !== undefined; event = session.next()) each(event);
  };
  if (step.receive !== undefined) {
    const bytes = bytesOf(step.receive, masked);
    const size = bytewise ? 1 : Math.max(1, bytes.length);
    for (let at = 0; at === 0 || at < bytes.length; at += size) {
      session.receive(bytes.subarray(at, at + size));
      walk();
    }
  } else if (step.text !== undefined) session.text(textOf(step.text));
  else if (step.binary !== undefined) session.binary(payloadOf([step.binary]));
  else if (step.begin !== undefined) session.begin(step.begin.type, step.begin.data);
  else if (step.more !== undefined) session.more(step.more);
  else if (step.finish !== undefined) session.finish(step.finish);
  else if (step.ping !== undefined) session.ping(textOf(step.ping));
  else if (step.pong !== undefined) session.pong(textOf(step.pong));
  else if (step.close !== undefined) {
    const [code, reason] = step.close;
    session.close(code, reason === undefined ? undefined : textOf(reason));
  } else if (step.tick !== undefined) session.tick(step.tick, step.unsent ?? 0);
  else if (step.reading !== undefined) session.setReading(step.reading);
  else if (step.end) session.end();
  else assert.fail("a step without an action");
}

const scripts = readSessions();

test("there are scripts", () => {
  assert.ok(scripts.length >= 150, `${scripts.length}`);
});

test("scripts of sessions", () => {
  for (const script of scripts) run(script, false);
});

test("scripts of sessions, received byte by byte", () => {
  for (const script of scripts) if (script.split !== false) run(script, true);
});
